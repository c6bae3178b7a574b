"""NVIDIA's graphics cards on Linux: which there are, and what a sandbox shows of the one that was assigned.

A card, or a slice of one (MIG), is known from the file of the container device interface (CDI) that NVIDIA's toolkit
writes, or else from the driver's folder in /proc. No other vendor's nodes are shown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from autograder.errors import SandboxError, UsageError

GPU_HOST = Path("/")
"""Below which devices, driver and CDI file are looked for."""
CDI_FILES = ("var/run/cdi/nvidia.yaml", "etc/cdi/nvidia.yaml")
GPU_NODE = re.compile(r"/dev/(nvidia\d+|nvidiactl|nvidia-uvm|nvidia-caps/nvidia-cap\d+)")
"""What CUDA needs; not what profilers, displays and video decoders do."""
SHARED_NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm")
SYSTEM_FACTS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
"""Which processors and memory are near to which card."""
SHOWN_ANYWAY = "/usr/"
"""What lies there is in every sandbox."""
MODPROBE_TIMEOUT_S = 30.0

NO_DRIVER = (
    "no NVIDIA graphics card is known here: neither a CDI file (/var/run/cdi/nvidia.yaml) nor /proc/driver/nvidia is "
    "there. Install NVIDIA's driver, start a container with --gpus or --device nvidia.com/gpu=all, or choose a profile "
    "that needs none"
)


@dataclasses.dataclass(frozen=True)
class GpuGrant:
    """One card, or one slice of a card, as a sandbox gets it."""

    name: str
    """Its UUID where it is known, else its name in the CDI file."""
    model: str = ""
    nodes: tuple[tuple[str, str], ...] = ()
    """Device nodes of the host, each with its place."""
    binds: tuple[tuple[str, str], ...] = ()
    """Files and folders of the host to show, read-only."""
    links: tuple[tuple[str, str], ...] = ()
    """Where a symbolic link leads, and where it is."""

    @property
    def environment(self) -> dict[str, str]:
        """What tells CUDA which one it is."""
        known = {"CUDA_VISIBLE_DEVICES": self.name} if self.name.startswith(("GPU-", "MIG-")) else {}
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} | known

    def library_path(self, environment: Mapping[str, str]) -> str:
        """Where CUDA's libraries are looked for besides the system's own: folders that the sandbox shows, no others."""
        own = [str(Path(place).parent) for _, place in self.binds if ".so" in Path(place).name]
        asked = [folder for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if is_shown_anyway(folder)]
        return ":".join(dict.fromkeys([*own, *asked]))


@dataclasses.dataclass(frozen=True)
class Card:
    """What the driver says of one card in /proc."""

    bus: str
    minor: str
    uuid: str
    model: str


def is_shown_anyway(folder: str) -> bool:
    """Whether a folder is one of the system's, however it is spelled."""
    return bool(folder) and f"{os.path.normpath(folder)}/".startswith(SHOWN_ANYWAY)


def driver_cards() -> list[Card]:
    """The cards that the driver knows, in the order of their places on the bus."""
    files = sorted((GPU_HOST / "proc/driver/nvidia/gpus").glob("*/information"))
    return [card_in(file.parent.name, file.read_text(encoding="utf-8", errors="replace")) for file in files]


def card_in(bus: str, text: str) -> Card:
    """A card as its file describes it."""
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    found = {name.strip(): value.strip() for name, value in rows.items()}
    return Card(bus, found.get("Device Minor", ""), found.get("GPU UUID", ""), found.get("Model", ""))


def grants(environment: Mapping[str, str] | None = None) -> list[GpuGrant]:
    """All cards and slices that this process may hand out: those of CUDA_VISIBLE_DEVICES, if it is set."""
    cards = driver_cards()
    cdi = next((path for name in CDI_FILES if (path := GPU_HOST / name).is_file()), None)
    found = cdi_grants(cdi, cards) if cdi else [driver_grant(card) for card in cards]
    visible = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    return found if visible is None else [found[i] for i in visible_among(visible, found)]


def visible_among(visible: str, found: list[GpuGrant]) -> Iterator[int]:
    """Positions of what the variable names, by number on the bus or by the beginning of a UUID; CUDA stops at a -1."""
    for word in filter(None, visible.split(",")):
        fits = [
            i for i, one in enumerate(found) if word == str(i) or (not word.isdigit() and one.name.startswith(word))
        ]
        if len(fits) != 1:
            return
        yield fits[0]


def granted(name: str) -> GpuGrant:
    """The one of this name; SandboxError when there is none."""
    found = [one for one in grants() if one.name == name]
    if not found:
        known = ", ".join(one.name for one in grants()) or "none"
        raise SandboxError("devices", f"there is no graphics card '{name}' (there is: {known})", remedy=NO_DRIVER)
    return found[0]


def driver_grant(card: Card) -> GpuGrant:
    """A whole card, from what the driver says alone; its libraries are among the system's."""
    nodes = tuple((on_host(path), path) for path in (f"/dev/nvidia{card.minor}", *SHARED_NODES))
    binds, links = sysfs([card])
    return GpuGrant(card.uuid or card.minor, card.model, nodes, binds, links)


def cdi_grants(path: Path, cards: list[Card]) -> list[GpuGrant]:
    """Every card and slice of a CDI file; of several names for the same nodes, the UUID. UsageError if unreadable."""
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        common, devices = spec.get("containerEdits") or {}, spec["devices"]
        rows = [(str(device["name"]), device["containerEdits"]) for device in devices if device["name"] != "all"]
        made = [cdi_grant(name, common, edits, cards) for name, edits in rows]
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        again = "Write it again: nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml"
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"the CDI file {path} cannot be read ({why}). {again}") from error
    by_nodes: dict[tuple[tuple[str, str], ...], GpuGrant] = {}
    for one in made:
        if one.nodes not in by_nodes or one.environment.keys() - by_nodes[one.nodes].environment.keys():
            by_nodes[one.nodes] = one
    return [*by_nodes.values()]


def cdi_grant(name: str, common: Mapping[str, Any], edits: Mapping[str, Any], cards: list[Card]) -> GpuGrant:
    """One device of a CDI file: its own nodes and those that all need, libraries that lie outside the system's."""
    rows = [row for part in (edits, common) for row in part.get("deviceNodes") or () if GPU_NODE.fullmatch(row["path"])]
    nodes = tuple(dict.fromkeys((on_host(row.get("hostPath", row["path"])), row["path"]) for row in rows))
    minors = {place.removeprefix("/dev/nvidia") for _, place in nodes}
    own = [card for card in cards if card.minor in minors]
    mounts = [row for part in (edits, common) for row in part.get("mounts") or ()]
    libraries = tuple(
        (on_host(row["hostPath"]), row["containerPath"])
        for row in mounts
        if ".so" in Path(row["containerPath"]).name and not is_shown_anyway(row["containerPath"])
    )
    links = tuple(pair for part in (edits, common) for pair in links_of(part.get("hooks") or ()))
    binds, sys_links = sysfs(own)
    whole = own[0].uuid if len(own) == 1 and not any("nvidia-cap" in place for _, place in nodes) else ""
    return GpuGrant(whole or name, own[0].model if own else "", nodes, libraries + binds, links + sys_links)


def links_of(hooks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Links beside libraries that the toolkit would make when a container starts."""
    for hook in hooks:
        for word in hook.get("args") or ():
            target, is_link, place = str(word).partition("::")
            if is_link and place.startswith("/") and not is_shown_anyway(place) and ".so" in place:
                yield target, place


def sysfs(cards: Iterable[Card]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """What the driver reads in /sys: the machine's layout and the card's own folder, with the link that leads to it."""
    binds = [(on_host(place), place) for place in SYSTEM_FACTS if (GPU_HOST / place[1:]).is_dir()]
    links = []
    for card in cards:
        folder = (GPU_HOST / "sys/bus/pci/devices" / card.bus).resolve()
        if folder.is_dir():
            place = f"/{folder.relative_to(GPU_HOST.resolve())}"
            binds.append((str(folder), place))
            links.append((place, f"/sys/bus/pci/devices/{card.bus}"))
    return tuple(binds), tuple(links)


def on_host(path: str) -> str:
    """Where a path of the host is."""
    return str(GPU_HOST / path.lstrip("/"))


def missing_nodes(grant: GpuGrant) -> list[str]:
    """Device nodes of a card that are not there."""
    return [place for source, place in grant.nodes if not Path(source).exists()]


def load_driver() -> None:
    """Have the driver's modules loaded and their nodes made, which CUDA cannot do from within a sandbox.

    What is missing all the same is found by who looks for the nodes.
    """
    program = shutil.which("nvidia-modprobe")
    for minor in [card.minor for card in driver_cards()] or ["0"]:
        if program is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                command = [program, "-c", minor, "-u"]
                subprocess.run(command, capture_output=True, timeout=MODPROBE_TIMEOUT_S, check=False)
