"""A few hundred of the mutations that ``make fuzz`` makes by the ten thousand."""

from tests.fuzz.notebooks import fuzz_notebooks
from tests.fuzz.replies import fuzz_replies


def test_no_mutated_notebook_breaks_or_stops_reading_and_alignment() -> None:
    tally = fuzz_notebooks(150, seed=1)
    assert tally.outcomes["read"] > 30
    assert tally.outcomes["refused"] > 5


def test_no_mutated_reply_breaks_or_stops_the_decoder() -> None:
    tally = fuzz_replies(500, seed=1)
    assert tally.outcomes["read"] > 50
    assert tally.outcomes["refused"] > 50
