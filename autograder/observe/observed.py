"""What a run is given, and what it leaves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nbformat import NotebookNode
from traitlets.config import Config

from autograder.models import Fault, Observation


@dataclass(frozen=True)
class Deadlines:
    """How long a submission may take, in its own time: what its threads wait for a processor does not count."""

    block_s: float = 10.0
    """For the cells between two probes in one go; when they take longer, they are run again one by one.

    0 runs every cell by itself from the start: nothing is trained twice.
    """
    cell_s: float = 30.0
    probe_s: float = 15.0
    submission_s: float = 300.0
    interrupt_s: float = 5.0
    """Grace after an interrupt before the kernel is killed."""
    startup_s: float = 60.0
    waiting_s: float = 120.0
    """How long a whole run may wait for a processor besides; then it is run again alone."""


@dataclass
class Observed:
    """What one run left: the executed notebook, observations by grade id, and what went wrong."""

    notebook: NotebookNode
    observations: dict[str, Observation] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    starved: bool = False
    """Whether it did not get its time: run alone, it may."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    gpu: dict[str, float] = field(default_factory=dict)
    """Of all kernels: most memory, seconds, and how busy the card was in the last of them."""
    measured: dict[str, list[float]] = field(default_factory=dict)
    """What the notebook says that it has measured: name -> one value, or one for each epoch."""
    layers: dict[str, str] = field(default_factory=dict)
    times_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("ready", "cells", "probes"), 0.0))

    def add_gpu_use(self, seen: dict[str, float]) -> None:
        """Take in what one kernel used of the graphics card."""
        if seen:
            peak = max(self.gpu.get("peak_bytes", 0), seen["peak_bytes"])
            self.gpu |= seen | {"peak_bytes": peak, "used_s": self.gpu.get("used_s", 0) + seen["used_s"]}

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time that a block takes to one step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.times_s[step] += time.monotonic() - started


@dataclass(frozen=True)
class Kernel:
    """Which kernel to start, and its provisioner's configuration."""

    name: str
    config: Config = field(default_factory=Config)
    env: dict[str, str] = field(default_factory=dict)
    """The whole environment of a kernel that has no sandbox to choose it."""
    prepared: bool = False
    """Whether its zygote has run the text of shipping.ahead."""
