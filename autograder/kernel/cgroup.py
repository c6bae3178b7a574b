"""A control group per kernel, where the operator may make one: exact limits, and exact figures, for a whole tree.

Most operators may not (a login session's groups belong to root), and then the watchdog alone does the work.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from autograder.kernel.limits import Limits

MOUNT = Path("/sys/fs/cgroup")
PREFIX = "autograder-"
GROUP_SPARE_PROCESSES = 8
"""For the supervisor, and so that the watchdog sees the limit being passed."""

NEEDED_CONTROLLERS = {"memory", "pids"}


def parent_group() -> Path | None:
    """The group that a kernel's own may be made in: our group's parent, when it is ours to divide; else None."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = MOUNT / next(line for line in lines if line.startswith("0::"))[4:]
        parent = own.parent if own != MOUNT else own
        divided = set((parent / "cgroup.subtree_control").read_text().split()) >= NEEDED_CONTROLLERS
        if divided and os.access(parent, os.W_OK) and os.access(parent / "cgroup.procs", os.W_OK):
            return parent
    return None


class Cgroup:
    """One kernel's group, empty until a process joins it through ``procs``."""

    def __init__(self, parent: Path, limits: Limits) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        # Files in memory are charged here too, and have a limit of their own.
        self._write("memory.max", limits.memory_bytes + limits.disk_bytes)
        self._write("memory.swap.max", 0)
        self._write("memory.oom.group", 1)
        self._write("pids.max", limits.processes + GROUP_SPARE_PROCESSES)
        self.procs = os.open(self.path / "cgroup.procs", os.O_WRONLY)
        """Where a process writes 0 to join."""

    def _write(self, name: str, value: int) -> None:
        # Not every kernel has every file; the watchdog covers what is missing.
        with contextlib.suppress(FileNotFoundError):
            (self.path / name).write_text(str(value))

    def peak_bytes(self) -> int:
        """The most memory of all processes at one time, or 0 where Linux does not tell (before 5.19)."""
        with contextlib.suppress(OSError):
            return int((self.path / "memory.peak").read_text())
        return 0

    def ran_out_of_memory(self) -> bool:
        """Whether Linux killed the processes for it."""
        return self._count("memory.events", "oom_kill") > 0

    def cpu_s(self) -> float:
        """Processor time of all processes, those that have ended included."""
        return self._count("cpu.stat", "usage_usec") / 1e6

    def _count(self, name: str, key: str) -> int:
        with contextlib.suppress(OSError):
            pairs = dict(line.split() for line in (self.path / name).read_text().splitlines())
            return int(pairs.get(key, 0))
        return 0

    def close(self) -> None:
        """Remove the group; its processes are gone."""
        os.close(self.procs)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def open_group(limits: Limits) -> Cgroup | None:
    """A group with these limits, or None where there can be none."""
    parent = parent_group()
    with contextlib.suppress(OSError):
        return Cgroup(parent, limits) if parent else None
    return None


def sweep_groups() -> None:
    """Remove the empty groups of graders that crashed; one that is in use cannot be removed."""
    parent = parent_group()
    for path in parent.glob(f"{PREFIX}*") if parent else ():
        with contextlib.suppress(OSError):
            path.rmdir()
