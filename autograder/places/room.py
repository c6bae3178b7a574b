"""How much memory this place gives: a container's group, else the machine's; and what of it one submission may have."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from autograder.kernel.limits import MIB, Limits

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
OWN_BYTES = 448 * MIB
"""Of the grader, its warm parent, the readers and the judge, of which Linux can take back a part."""
SUBMISSION_MIN_BYTES = 256 * MIB
"""Less starts no notebook that imports a large library, so no limit is set below."""
UNLIMITED_BYTES = 1 << 60
"""What the first version of control groups calls no limit is near the largest number."""


def group_files() -> Iterator[Path]:
    """Where this process's group, or one around it, has its limit of memory, in both versions of control groups."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        # Only Linux has it.
        lines = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            yield from each_above(CGROUPS, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from each_above(CGROUPS / "memory", path, "memory.limit_in_bytes")


def each_above(root: Path, path: str, name: str) -> Iterator[Path]:
    """This file of a group and of all groups around it; in a container the path may be that of the host."""
    own = root / path.lstrip("/")
    yield from (folder / name for folder in (own, *own.parents) if folder.is_relative_to(root))


def group_memory_bytes() -> int | None:
    """The least limit of memory of the groups that this process is in; None where there is none."""
    found = []
    for path in group_files():
        with contextlib.suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return min((size for size in found if size < UNLIMITED_BYTES), default=None)


def memory_here_bytes() -> int:
    """The memory that everything here may use together."""
    machine = int(psutil.virtual_memory().total)
    group = group_memory_bytes()
    return machine if group is None else min(machine, group)


def limits_in(limits: Mapping[str, float]) -> dict[str, float]:
    """The limits of a kernel, with no more memory than leaves some for the grader.

    Otherwise Linux would end the grader for what a submission takes, and there would be no result at all.
    """
    wanted = limits.get("memory_bytes", Limits().memory_bytes)
    left = max(SUBMISSION_MIN_BYTES, memory_here_bytes() - OWN_BYTES)
    return dict(limits) | {"memory_bytes": int(min(wanted, left))}
