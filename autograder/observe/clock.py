"""The clock that a submission's deadlines are read from: its own time, whoever runs its kernel."""

from __future__ import annotations

import time
from typing import Any, Protocol

from autograder.kernel.own_time import ProcessTime


class Clock(Protocol):
    """Anything that tells own time."""

    @property
    def own_s(self) -> float:
        """Wall time from some moment on, less what was spent in line for a processor."""


class WallClock:
    """For a kernel that runs where nothing can be told of its turns."""

    @property
    def own_s(self) -> float:
        """Wall time."""
        return time.monotonic()


def clock_of(provisioner: Any) -> Clock:
    """The sandbox's own, which sees all processes of a submission; of an ordinary kernel's process; or wall time."""
    if hasattr(provisioner, "own_s"):
        clock: Clock = provisioner
        return clock
    pid = getattr(provisioner, "pid", None)
    return ProcessTime(pid) if pid else WallClock()
