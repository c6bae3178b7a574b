"""What a submission stores: read from a filesystem of its own, or counted in a folder of the host."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from autograder.kernel.limits import Limits

BLOCK_BYTES = 512
"""In which Linux counts the space of a file."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """All that is stored at one moment."""

    files: int = 0
    is_full: bool = False
    """Whether its filesystem takes no more."""
    bytes_over: int = 0
    """By how much it is more than may be stored, where no filesystem stops it."""

    @classmethod
    def on(cls, disks: Sequence[int]) -> Stored:
        """In filesystems of its own, which are open there."""
        found = [os.fstatvfs(disk) for disk in disks]
        return cls(sum(disk.f_files - disk.f_ffree for disk in found), any(disk.f_bavail == 0 for disk in found))

    @classmethod
    def of(cls, folder: Path, limits: Limits) -> Stored:
        """In a folder; counted until it is too much. What cannot be looked into is too much."""
        files, size, left = 0, 0, [str(folder)]
        while left and files <= limits.files:
            try:
                with os.scandir(left.pop()) as scan:
                    for entry in itertools.islice(scan, limits.files + 1):
                        files += 1
                        size += _space(entry)
                        left += [entry.path] if entry.is_dir(follow_symlinks=False) else []
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                return cls(limits.files + 1)
        return cls(files, bytes_over=max(0, size - limits.disk_bytes))


def _space(entry: os.DirEntry[str]) -> int:
    """What it takes on the disk; nothing when it was removed meanwhile, which must not end the count of the others."""
    try:
        return entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
    except FileNotFoundError:
        return 0
