"""Every bank through the hidden tests: too large for every run, so that it is marked slow."""

from pathlib import Path

import pytest

from tests.assignments import banks
from tests.assignments.judged import judged, scores_of


@pytest.mark.parametrize(
    "seed", [pytest.param(4000, marks=pytest.mark.slow), pytest.param(90_000, marks=pytest.mark.sweep)]
)
@pytest.mark.parametrize("bank", ["first", "second", "third", "fourth", "fifth"])
def test_exactly_the_wrong_todos_lose_points_in_a_bank(bank: str, seed: int, tmp_path: Path) -> None:
    entries = banks.read(f"{bank}_wrong", f"{bank}_correct")
    scores = scores_of(entries, judged(entries, tmp_path, seed))
    found = {name: {s.grade_id for s in row if s.points != s.max_score} for name, row in scores.items()}
    assert found == {entry.name: entry.loses for entry in entries}
