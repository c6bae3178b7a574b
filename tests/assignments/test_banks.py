"""Every bank through the hidden tests: too large for every run, so that it is marked slow."""

from pathlib import Path

import pytest

from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.observe import record as records
from tests import builders
from tests.assignments import banks
from tests.builders import MAX_SCORES, observe_in_process, record


@pytest.mark.parametrize(
    "seed", [pytest.param(4000, marks=pytest.mark.slow), pytest.param(90_000, marks=pytest.mark.sweep)]
)
@pytest.mark.parametrize("bank", ["first", "second", "third"])
def test_exactly_the_wrong_todos_lose_points_in_a_bank(bank: str, seed: int, tmp_path: Path) -> None:
    entries = banks.read(f"{bank}_wrong", f"{bank}_correct")
    for number, entry in enumerate(entries):
        observed = observe_in_process(entry.cells, seed + number)
        records.save(record(f"s{number}", observed, seed=seed + number), tmp_path / f"s{number}")
    scores = score_class(judge(builders.assignment(), sorted(tmp_path.iterdir())), MAX_SCORES)
    found = {
        entry.name: {int(s.grade_id[4:]) for s in scores[f"s{number}"] if s.points != s.max_score}
        for number, entry in enumerate(entries)
    }
    assert found == {entry.name: set(entry.fails) for entry in entries}
