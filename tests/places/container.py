"""A container as Docker starts one by default, made by runc over a copy-on-write view of this machine.

Docker's fourteen capabilities and its profile of system calls, which lets nobody make a namespace or a mount; no
network; memory and processor limited by control groups, as on a platform.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.builders import ROOT

PROFILE = Path("/usr/share/containers/seccomp.json")
CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
        "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    )
]  # fmt: skip
FORBIDDEN = {
    "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "clone", "clone3", "fsopen", "fsconfig", "fsmount",
    "fspick", "move_mount", "open_tree", "mount_setattr",
}  # fmt: skip
"""What Docker leaves to CAP_SYS_ADMIN, whatever the file of this distribution says."""
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NEW_NAMESPACES = 0x7E020000
NO_SUCH_CALL = 38
MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware")
READ_ONLY_PARTS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def problem_with_runc() -> str:
    """Why no container can be had here, or nothing."""
    if os.geteuid() != 0:
        return "only root can start a container with runc"
    if not shutil.which("runc") or not PROFILE.is_file():
        return "runc or Docker's profile (golang-github-containers-common) is not installed"
    with tempfile.TemporaryDirectory() as work, ExitStack() as mounted:
        try:
            overlay(Path(work), mounted)
        except subprocess.CalledProcessError as error:
            return f"no overlay can be mounted here ({error})"
    return ""


def overlay(work: Path, mounted: ExitStack) -> Path:
    """A view of this machine's root whose changes are kept in memory and go with it."""

    def mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
        mounted.callback(subprocess.run, ["umount", arguments[-1]], check=False)

    mount("-t", "tmpfs", "tmpfs", str(work))
    for name in ("upper", "work", "rootfs"):
        (work / name).mkdir()
    layers = f"lowerdir=/,upperdir={work}/upper,workdir={work}/work"
    mount("-t", "overlay", "overlay", "-o", layers, str(work / "rootfs"))
    return work / "rootfs"


@dataclass(frozen=True)
class Container:
    """One that can be entered several times; each time it begins anew but for what is bound into it."""

    binds: Mapping[Path, str]
    """Folder of the host -> its place in the container."""
    memory_bytes: int
    cpus: float
    tools: Mapping[str, Path]
    """Link in the container -> where it leads."""

    def run(self, command: Sequence[str], cwd: str = "/") -> subprocess.CompletedProcess[str]:
        """One command in it, as root."""
        with self.bundle(command, cwd) as folder:
            runc = ["runc", "--root", str(folder / "state"), "run", "--bundle", str(folder), f"test-{os.getpid()}"]
            return subprocess.run(runc, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    @contextmanager
    def bundle(self, command: Sequence[str], cwd: str) -> Iterator[Path]:
        """A folder with its root and description."""
        with tempfile.TemporaryDirectory(dir="/tmp") as name, ExitStack() as mounted:
            rootfs = overlay(Path(name), mounted)
            # In an image everybody may read the interpreter.
            for folder in (*Path(sys.base_prefix).parents, *Path(sys.prefix).parents):
                inside = rootfs / folder.relative_to("/")
                inside.chmod(inside.stat().st_mode | 0o011)
            for link, target in self.tools.items():
                path = rootfs / link.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(target)
            (Path(name) / "config.json").write_text(json.dumps(self.description(command, cwd)))
            yield Path(name)

    def description(self, command: Sequence[str], cwd: str) -> dict[str, Any]:
        """What runc reads."""
        files = min(65_536, int(subprocess.run(["sh", "-c", "ulimit -Hn"], capture_output=True, text=True).stdout))
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": [*command],
                "cwd": cwd,
                "env": [f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8"],
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
                "rlimits": [{"type": "RLIMIT_NOFILE", "hard": files, "soft": 1024}],
            },
            "root": {"path": "rootfs"},
            "hostname": "container",
            "mounts": [*system_mounts(), *(bind(*one) for one in {**own_folders(), **self.binds}.items())],
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
                "resources": {
                    "memory": {"limit": self.memory_bytes, "swap": self.memory_bytes},
                    "cpu": {"quota": int(self.cpus * 100_000), "period": 100_000},
                    "devices": [{"allow": False, "access": "rwm"}],
                },
                "cgroupsPath": f"/autograder-test-{os.getpid()}",
                "seccomp": docker_profile(),
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY_PARTS,
            },
        }


def own_folders() -> dict[Path, str]:
    """Checkout and interpreter, where they are no part of the root's filesystem."""
    folders = (ROOT, Path(sys.prefix), Path(sys.base_prefix))
    return {folder: str(folder) for folder in folders if folder.stat().st_dev != os.stat("/").st_dev}


def bind(source: Path, target: str) -> dict[str, Any]:
    """A folder of the host's."""
    return {"destination": target, "type": "bind", "source": str(source), "options": ["rbind", "rw"]}


def system_mounts() -> Iterator[dict[str, Any]]:
    """What Docker mounts in every container."""
    plain = ["nosuid", "noexec", "nodev"]
    for target, kind, options in (
        ("/proc", "proc", []),
        ("/dev", "tmpfs", ["nosuid", "mode=755", "size=65536k"]),
        ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        ("/dev/shm", "tmpfs", [*plain, "mode=1777", "size=65536k"]),
        ("/sys", "sysfs", [*plain, "ro"]),
        ("/sys/fs/cgroup", "cgroup", [*plain, "ro"]),
        ("/tmp", "tmpfs", ["mode=1777"]),
    ):
        yield {"destination": target, "type": kind, "source": kind, "options": options}


def docker_profile() -> dict[str, Any]:
    """The profile for these capabilities, as Docker makes it of the file."""
    rules = [rule for entry in json.loads(PROFILE.read_text())["syscalls"] if (rule := applied(entry))]
    masked = {"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    rules.append({"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [masked]})
    rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": NO_SUCH_CALL})
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": rules}


def applied(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of the file, without conditions; empty when it is for other capabilities or processors."""
    includes, excludes = entry.get("includes", {}), entry.get("excludes", {})
    other = {*includes.get("caps", ())} - {*CAPABILITIES} or {*excludes.get("caps", ())} & {*CAPABILITIES}
    here = ARCHITECTURE in includes.get("arches", [ARCHITECTURE])
    names = [name for name in entry["names"] if name not in FORBIDDEN]
    if other or not here or not names or entry["action"] != "SCMP_ACT_ALLOW":
        return {}
    arguments = [{key: one[key] for key in ("index", "value", "valueTwo", "op")} for one in entry.get("args") or ()]
    return {"names": names, "action": entry["action"]} | ({"args": arguments} if arguments else {})
