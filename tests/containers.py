"""A real container, as Docker would start it with its default profile, over a copy-on-write view of this machine.

``runc`` starts it; the profile of system calls is the one that containers' packages install, with what Docker refuses
besides.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PROFILE = Path("/usr/share/containers/seccomp.json")

_SHORT = "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL"
DOCKERS = tuple(map("CAP_{}".format, (*_SHORT.split(" "), "AUDIT_WRITE")))
"""The fourteen capabilities of a container that asks for nothing."""

_OF_ADMIN = (
    "bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree",
    "name_to_handle_at perf_event_open quotactl setdomainname sethostname setns syslog umount umount2 unshare",
    "pivot_root keyctl add_key request_key",
)
NOT_WITHOUT_ADMIN = frozenset(call for few in _OF_ADMIN for call in few.split(" "))
"""What Docker's own profile refuses to a container without CAP_SYS_ADMIN, and the one in the package allows."""

NAMESPACE_BITS = 0x7E020000
ORDINARY = 54321
MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/sys/firmware")
PROTECTED = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))


@functools.lru_cache(maxsize=1)
def missing() -> str:
    """Why no container can be had here, or nothing."""
    if os.geteuid() != 0:
        return "only root can start a container with runc"
    if not shutil.which("runc"):
        return "runc is not installed"
    if not PROFILE.exists():
        return f"{PROFILE} is not installed"
    done = run_in_container(["true"], root=True)
    return f"runc cannot start a container here: {done.stderr.strip()[-200:]}" if done.returncode else ""


def run_in_container(
    command: Sequence[str],
    *,
    root: bool,
    capabilities: Sequence[str] | None = None,
    mounts: Mapping[Path, str] | None = None,
    memory: int | None = None,
    cpus: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str = "/",
    timeout_s: float = 600.0,
) -> subprocess.CompletedProcess[str]:
    """What the command did in a container of its own, as root or as an ordinary user.

    Capabilities are Docker's fourteen for root and none for others, unless they are given. ``mounts`` are folders of
    this machine, each with its place there, writable; the rest of the machine is seen, and what is written to it is
    gone afterwards. ``memory`` is in bytes.
    """
    held = (DOCKERS if root else ()) if capabilities is None else tuple(capabilities)
    with _bundle() as bundle:
        spec = _spec(command, 0 if root else ORDINARY, held, cwd, dict(env or {}))
        spec["mounts"] += [bind(here, str(here), "ro") for here in below_tmp()]
        spec["mounts"] += [bind(here, there, "rw") for here, there in (mounts or {}).items()]
        spec["linux"]["resources"] |= _resources(memory, cpus)
        (bundle / "config.json").write_text(json.dumps(spec))
        name = f"test-{uuid.uuid4().hex[:12]}"
        runc = ["runc", "--root", str(bundle / "state")]
        try:
            return subprocess.run(
                [*runc, "run", "--bundle", str(bundle), name],
                capture_output=True,
                text=True,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
            )
        finally:
            subprocess.run([*runc, "delete", "--force", name], capture_output=True)


def below_tmp() -> list[Path]:
    """This checkout and its Python, where they lie in /tmp, which in a container is another one."""
    needed = {Path(__file__).resolve().parents[1], Path(sys.prefix), Path(sys.base_prefix)}
    return sorted(folder for folder in needed if folder.is_relative_to("/tmp"))


def bind(here: Path, there: str, how: str) -> dict[str, Any]:
    """A folder of this machine at its place in the container, "ro" or "rw"."""
    return {"destination": there, "type": "bind", "source": str(here), "options": ["rbind", how]}


@contextlib.contextmanager
def _bundle() -> Iterator[Path]:
    """A folder with the view of this machine as ``rootfs``."""
    bundle = Path(tempfile.mkdtemp(prefix="bundle-", dir="/tmp"))
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, bundle, ignore_errors=True)
        _mounted(undo, ["-t", "tmpfs", "tmpfs", str(bundle)], bundle)
        for folder in ("upper", "work", "rootfs", "state"):
            (bundle / folder).mkdir()
        layers = f"lowerdir=/,upperdir={bundle}/upper,workdir={bundle}/work"
        _mounted(undo, ["-t", "overlay", "overlay", "-o", layers, str(bundle / "rootfs")], bundle / "rootfs")
        # The interpreter may be in root's home, where an image would not have it.
        (bundle / "rootfs" / "root").chmod(0o711)
        yield bundle


def _mounted(undo: contextlib.ExitStack, arguments: Sequence[str], place: Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
    undo.callback(subprocess.run, ["umount", "--lazy", str(place)], capture_output=True)


def _resources(memory: int | None, cpus: float | None) -> dict[str, Any]:
    limits = {"memory": {"limit": memory, "swap": memory}} if memory else {}
    return limits | ({"cpu": {"period": 100_000, "quota": int(cpus * 100_000)}} if cpus else {})


def _spec(command: Sequence[str], uid: int, held: Sequence[str], cwd: str, env: dict[str, str]) -> dict[str, Any]:
    variables = {"PATH": os.environ["PATH"], "HOME": "/tmp", **env}
    sets = {name: list(held) for name in ("bounding", "effective", "permitted")}
    return {
        "ociVersion": "1.0.2",
        "hostname": "container",
        "root": {"path": "rootfs"},
        "process": {
            "args": list(command),
            "cwd": cwd,
            "env": [f"{name}={value}" for name, value in variables.items()],
            "user": {"uid": uid, "gid": uid},
            "capabilities": sets,
        },
        "mounts": _usual_mounts(),
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}, *_allowed_devices()]},
            "seccomp": dockers_profile(held),
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(PROTECTED),
        },
    }


def _allowed_devices() -> list[dict[str, Any]]:
    numbers = [(major, minor) for _, major, minor in DEVICES]
    known = [{"allow": True, "type": "c", "major": a, "minor": b, "access": "rwm"} for a, b in (*numbers, (5, 2))]
    return [*known, {"allow": True, "type": "c", "major": 136, "access": "rwm"}]


def _usual_mounts() -> list[dict[str, Any]]:
    quiet = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": quiet},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*quiet, "mode=1777", "size=64m"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*quiet, "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": [*quiet, "ro"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
    ]


def dockers_profile(held: Sequence[str]) -> dict[str, Any]:
    """The profile of system calls for a container with these capabilities, as runc takes it."""
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    machine = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}[os.uname().machine]
    names = next(row for row in profile["archMap"] if row["architecture"] == machine)
    here = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    chosen = [_rule(row) for row in profile["syscalls"] if _applies(row, held, here)]
    if "CAP_SYS_ADMIN" not in held:
        for rule in chosen:
            rule["names"] = [name for name in rule["names"] if name not in NOT_WITHOUT_ADMIN | {"clone"}]
        flags = {"index": 0, "value": NAMESPACE_BITS, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
        chosen += [
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [flags]},
            {"names": sorted(NOT_WITHOUT_ADMIN - {"clone3"}), "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        ]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": [machine, *names["subArchitectures"]],
        "syscalls": [rule for rule in chosen if rule["names"]],
    }


def _applies(row: Mapping[str, Any], held: Sequence[str], machine: str) -> bool:
    wants, spares = row.get("includes") or {}, row.get("excludes") or {}
    if any(name not in held for name in wants.get("caps", ())) or any(name in held for name in spares.get("caps", ())):
        return False
    return machine in wants.get("arches", [machine])


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    rule = {"names": list(row["names"]), "action": row["action"], "args": list(row.get("args") or [])}
    return rule | ({"errnoRet": row["errnoRet"]} if row.get("errnoRet") is not None else {})
