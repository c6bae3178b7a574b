"""What a sandbox holds: namespaces, mounts and devices, step by step, as arguments of bubblewrap.

``layers.py`` says which layer is for what; ``mounts`` is made of several steps.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import os
import sys
from collections.abc import Callable
from pathlib import Path

from autograder.errors import SandboxError
from autograder.kernel.aliases import hidden_names
from autograder.kernel.gpu import GpuGrant
from autograder.kernel.limits import Limits

HOME = "/home/student"
UID = GID = 1000
"""Who the student is inside the sandbox."""

NOBODY = 65534
"""Who the student is outside, when the operator is root: a user who owns nothing."""

ETC_FILES = {
    "/etc/passwd": f"root:x:0:0::/:/bin/sh\nstudent:x:{UID}:{GID}::{HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nstudent:x:{GID}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}

NAMESPACES = {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000}
"""What bwrap calls them, and their flags in linux/sched.h; there is a mount namespace in any case."""

NEW_MOUNTS = 0x00020000
"""The flag of that one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SandboxPlan:
    """What a sandbox is to hold."""

    limits: Limits = dataclasses.field(default_factory=Limits)

    gpu: GpuGrant | None = None
    """The graphics card that is in it."""

    read_only: tuple[tuple[str, str], ...] = ()
    """Folders of the host to show, each with its place in the sandbox."""

    hidden: tuple[str, ...] = ()
    """Folders of the host to cover where something that is shown contains them."""

    files: tuple[tuple[str, bytes], ...] = dataclasses.field(default=(), repr=False)
    """What lies in the student's folder at the start: relative name and content."""

    layers_off: frozenset[str] = frozenset()
    """Layers to leave out; only the tests' twins do."""


def is_privileged() -> bool:
    """Whether we may give the student a user of their own: root, in a namespace that knows that user."""
    if os.geteuid() != 0:
        return False
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= NOBODY < first + count for first, _, count in ranges)


# The steps: each takes the plan and returns arguments of bwrap.


def namespaces(plan: SandboxPlan) -> list[str]:
    """New namespaces of every kind, no capability, death with the grader."""
    unshared = [f"--unshare-{kind}" for kind in NAMESPACES if kind not in plan.layers_off]
    who = [] if is_privileged() else ["--uid", str(UID), "--gid", str(GID)]
    always = ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    name = [] if "uts" in plan.layers_off else ["--hostname", "sandbox"]
    return [*unshared, *who, *always, *name]


def namespace_flags(plan: SandboxPlan) -> int:
    """The namespaces that a process must join to be in the sandbox, as setns wants them."""
    flags = [flag for kind, flag in NAMESPACES.items() if kind not in plan.layers_off]
    return functools.reduce(operator.or_, flags, NEW_MOUNTS)


def system(plan: SandboxPlan) -> list[str]:
    """The system's programs and libraries, read-only."""
    if "mounts" in plan.layers_off:
        return ["--dev-bind", "/", "/"]
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        folder = Path("/", name)
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    return arguments


def interpreter_folders() -> list[str]:
    """The folders of the running interpreter and its packages, parents before what they contain."""
    named = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    folders = {Path(name) for name in named} | {Path(name).resolve() for name in named}
    folders.add(Path(sys.executable).resolve().parent.parent)
    return sorted(str(folder) for folder in folders if not folder.is_relative_to("/usr"))


def interpreter(plan: SandboxPlan) -> list[str]:
    """The running interpreter and its packages, read-only, at their paths; nothing of what is around them."""
    if "mounts" in plan.layers_off:
        return []
    too_wide = [folder for folder in interpreter_folders() if folder in ("/", "/home", "/root", str(Path.home()))]
    if too_wide:
        raise SandboxError(
            "interpreter",
            f"Python is installed right in {too_wide[0]}",
            remedy="Run from a virtual environment",
        )
    return [word for folder in interpreter_folders() for word in (*_open_way(folder), "--ro-bind", folder, folder)]


def _open_way(folder: str) -> list[str]:
    """Empty parents that the student may pass; bwrap's own would let only root through."""
    parents = reversed(Path(folder).parents[:-1])
    # What lies in the student's own folder is theirs, such as the cache in which a library makes further folders.
    rights = [(parent, "0777" if parent.is_relative_to(HOME) else "0755") for parent in parents]
    return [word for parent, mode in rights for word in ("--perms", mode, "--dir", str(parent))]


def etc(plan: SandboxPlan) -> list[str]:
    """What the loader and fontconfig read; users, groups and hosts come from ETC_FILES."""
    if "mounts" in plan.layers_off:
        return []
    names = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
    return [word for name in names for word in ("--ro-bind-try", name, name)]


def proc(plan: SandboxPlan) -> list[str]:
    """A /proc that shows the sandbox's own processes."""
    return ["--bind", "/proc", "/proc"] if "pid" in plan.layers_off else ["--proc", "/proc"]


def devices(plan: SandboxPlan) -> list[str]:
    """null, zero, random, a terminal of its own; a graphics card only when it was assigned."""
    if "mounts" in plan.layers_off:
        return []
    return ["--dev", "/dev", *(graphics_card(plan.gpu) if plan.gpu else ())]


def graphics_card(gpu: GpuGrant) -> list[str]:
    """The nodes of one card, its libraries where they are not the system's, and what its driver reads in /sys."""
    nodes = [word for source, place in gpu.nodes for word in (*_open_way(place), "--dev-bind", source, place)]
    binds = [word for source, place in gpu.binds for word in (*_open_way(place), "--ro-bind", source, place)]
    links = [word for target, place in gpu.links for word in (*_open_way(place), "--symlink", target, place)]
    return [*nodes, *binds, *links]


def disk(plan: SandboxPlan) -> list[str]:
    """All that can be written: filesystems in memory for work, for temporary files and for shared memory.

    They come before the interpreter, which may live in /home or /tmp and is shown on top of them.
    """
    arguments = []
    for place in writable(plan):
        part = 2 if place == "/home" else 4
        size = [] if "disk" in plan.layers_off else ["--size", str(plan.limits.disk_bytes // part)]
        arguments += [*size, "--perms", "0755" if place == "/home" else "1777", "--tmpfs", place]
    return [*arguments, "--perms", "0777", "--dir", HOME]


def writable(plan: SandboxPlan) -> tuple[str, ...]:
    """Where the student's filesystems are; without the mounts layer /tmp is the host's."""
    return ("/home", "/dev/shm") if "mounts" in plan.layers_off else ("/home", "/dev/shm", "/tmp")


def read_only(plan: SandboxPlan) -> list[str]:
    """What the host shows on purpose, such as data and model weights."""
    return [word for source, target in plan.read_only for word in (*_open_way(target), "--ro-bind", source, target)]


def cover(plan: SandboxPlan) -> list[str]:
    """Empty folders over what must not be seen in the layers above: this package, and what the host names.

    SECURITY: an ordinary install has the hidden tests in site-packages, next to torch.
    """
    if "mounts" in plan.layers_off:
        return []
    shown = [("/usr", "/usr"), *((folder, folder) for folder in interpreter_folders()), *plan.read_only]
    places = {
        place
        for folder in hidden_folders(plan)
        for source, target in shown
        if (place := _place(folder, source, target))
    }
    outermost = sorted(str(place) for place in places if places.isdisjoint(place.parents))
    return [word for place in outermost for word in ("--tmpfs", place, "--remount-ro", place)]


def hidden_folders(plan: SandboxPlan) -> tuple[Path, ...]:
    """This package and what the host names, without links, wherever it is mounted."""
    shown = ["/usr", *interpreter_folders(), *(source for source, _ in plan.read_only)]
    named = (str(Path(__file__).parent.parent), *plan.hidden)
    return hidden_names(named, [Path(folder).resolve() for folder in shown])


def _place(folder: Path, source: str, target: str) -> Path | None:
    """Where the folder is in the sandbox when source is shown as target, or None when that does not contain it."""
    real_folder, real_source = folder.resolve(), Path(source).resolve()
    return Path(target, real_folder.relative_to(real_source)) if real_folder.is_relative_to(real_source) else None


def seal(plan: SandboxPlan) -> list[str]:
    """Nothing else of the sandbox can be written, not even its empty folders."""
    return [] if "mounts" in plan.layers_off else ["--remount-ro", "/dev", "--remount-ro", "/"]


STEPS: tuple[Callable[[SandboxPlan], list[str]], ...] = (
    namespaces,
    system,
    etc,
    proc,
    devices,
    disk,
    interpreter,
    read_only,
    cover,
    seal,
)


@functools.lru_cache(maxsize=32)
def arguments(plan: SandboxPlan) -> tuple[str, ...]:
    """All that bubblewrap is told of them."""
    return tuple(word for step in STEPS for word in step(plan))
