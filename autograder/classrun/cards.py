"""Graphics cards among the submissions that run at a time: one each, unless the operator shares them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition

from autograder.kernel.gpu import GpuGrant
from autograder.kernel.nvml import memory_of


class CardPool:
    """Hands out cards and slices to whoever asks, to so many at a time."""

    def __init__(self, grants: Sequence[GpuGrant], share: int = 1) -> None:
        self.grants = tuple(grants)
        self.share = share
        self._taken: Counter[str] = Counter()
        self._changed = Condition()

    @property
    def places(self) -> int:
        """Submissions that may run at a time."""
        return len(self.grants) * self.share

    @contextmanager
    def one(self) -> Iterator[GpuGrant]:
        """The card that fewest use, as soon as one is free."""
        with self._changed:
            self._changed.wait_for(lambda: self._freest() is not None)
            found = self._freest()
            assert found is not None
            self._taken[found.name] += 1
        try:
            yield found
        finally:
            with self._changed:
                self._taken[found.name] -= 1
                self._changed.notify()

    def _freest(self) -> GpuGrant | None:
        free = [one for one in self.grants if self._taken[one.name] < self.share]
        return min(free, key=lambda one: self._taken[one.name]) if free else None

    def limits(self, grant: GpuGrant) -> dict[str, int]:
        """What a submission may take of a card that others use at the same time; nothing is said of one of its own."""
        memory = memory_of(grant.name) if self.share > 1 else None
        return {"gpu_memory_bytes": memory.total_bytes // self.share} if memory else {}

    def __str__(self) -> str:
        cards = ", ".join(f"{one.model} {one.name}".strip() for one in self.grants)
        shared = f"{self.share} submissions each, not isolated from each other" if self.share > 1 else "one each"
        return f"graphics cards: {cards} ({shared})"
