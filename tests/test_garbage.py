"""How often our long processes look for cycles of objects."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from autograder.garbage import THRESHOLDS, look_for_cycles_seldom


class Ring:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_imported_is_left_alone() -> None:
    look_for_cycles_seldom()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == THRESHOLDS


def test_a_cycle_that_was_made_since_is_found_by_itself() -> None:
    look_for_cycles_seldom()
    ring = weakref.ref(Ring())
    kept = [[] for _ in range(2 * THRESHOLDS[0])]
    assert ring() is None
    assert len(kept) == 2 * THRESHOLDS[0]
