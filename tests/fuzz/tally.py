"""What a long run met: how each case ended, the slowest one, and how much memory was taken."""

import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded

SLOWEST_S = 2.0
GROWTH_MAX_BYTES = 1_000_000_000
"""Of the whole run, this file's own notebooks included."""


@dataclass
class Tally:
    """What a run met: outcomes, the slowest case and how much memory it took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: Any = None
    started_bytes: int = field(default_factory=lambda: peak_bytes())

    def time(self, act: Callable[[], str], case: Any) -> None:
        """Do it, count how it ended, and note how long it took."""
        # Processor time: nothing here waits, and other work on the machine is not at fault.
        started = time.process_time()
        outcome = act()
        took = time.process_time() - started
        self.outcomes[outcome] += 1
        if took > self.slowest_s:
            self.slowest_s, self.slowest = took, case

    def report(self, title: str) -> str:
        """The figures in a few lines; AssertionError when they are too high."""
        assert self.slowest_s < SLOWEST_S, f"{self.slowest_s:.1f} s: {self.slowest!r:.500}"
        grown = peak_bytes() - self.started_bytes
        assert grown < GROWTH_MAX_BYTES, f"memory grew by {grown:,} bytes"
        ends = ", ".join(f"{count:,} {outcome}" for outcome, count in self.outcomes.most_common())
        cases = f"{title}: {self.outcomes.total():,} cases: {ends}"
        slowest = f"slowest {self.slowest_s:.2f} s: {self.slowest!r:.200}"
        return f"{cases}\n  {slowest}\n  peak memory grew by {grown / 1e6:.0f} MB"


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(examples: int, seed: int) -> Callable[..., Any]:
    """Decorate a test function: so many examples, the same for the same seed, none kept or shrunk."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        chosen = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        return seeded(seed)(chosen(test))

    return decorated
