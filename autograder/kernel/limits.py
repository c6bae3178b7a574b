"""What one submission may cost: every limit of a sandboxed kernel, with its unit in its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from autograder.errors import UsageError

MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Ceilings for one kernel, counted over all of its processes unless the field says otherwise.

    Wall time per cell and output bytes belong to whoever reads the cells, so they are not here.
    """

    wall_s: float = 600.0
    """Life of the kernel, from launch to kill."""

    cpu_s: float = 300.0
    """Processor time of all processes together."""

    memory_bytes: int = 4096 * MIB
    """Resident memory of all processes together; pages shared with the zygote count in part."""

    processes: int = 128
    """Processes and threads alive at one time."""

    open_files: int = 1024
    """Descriptors of each process."""

    file_bytes: int = 256 * MIB
    """Size of the largest single file."""

    disk_bytes: int = 512 * MIB
    """Everything in the work folder, the temporary folder and shared memory together."""

    files: int = 20_000
    """Files and folders in the same places."""

    message_bytes: int = 32 * MIB
    """Largest message that the host takes from the kernel; a longer one closes the connection."""

    gpu_memory_bytes: int = 1024 * 1024 * MIB
    """Memory of the graphics card, where it is shared; the default is more than any has."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise UsageError(f"the limit {field.name} must be above 0, not {value!r}")
            if field.type == "int" and not isinstance(value, int):
                raise UsageError(f"the limit {field.name} must be a whole number, not {value!r}")

    @classmethod
    def from_overrides(cls, overrides: Mapping[str, Any]) -> Limits:
        """The defaults with some of them replaced; a name that is no limit raises UsageError."""
        unknown = sorted(set(overrides) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise UsageError(f"no such limit: {', '.join(unknown)}; the limits are the fields of {cls.__qualname__}")
        return cls(**overrides)


@dataclasses.dataclass(frozen=True)
class LimitHit:
    """A limit that a submission ran into."""

    name: str
    """The field of Limits."""

    value: float
    """The ceiling, in the unit that the name says."""

    killed: bool
    """Whether the kernel was killed for it; a full disk is only an error in the student's code."""

    def __str__(self) -> str:
        return f"{self.name} = {self.value:g}"
