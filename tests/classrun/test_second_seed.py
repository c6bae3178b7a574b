"""A second run with other inputs: what agrees keeps its score, what does not waits for a person.

Covers autograder/classrun/grade.py.
"""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from autograder.classrun.grade import grade
from autograder.classrun.judging import SECOND, rejudge
from autograder.classrun.settings import settings_of
from autograder.models import Graded, Submission
from autograder.observe.record import path_of
from tests import builders
from tests.builders import NAME, ROOT, perfect_answers, submission

LUCKY = """
import torch as _torch

_right = train_attention_only

def train_attention_only(model):
    if _torch.initial_seed() % 2:
        _right(model)
"""
"""Right when the run's seed is odd."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """A lucky submission and a perfect one, graded with an odd seed and an even one."""
    folder = tmp_path_factory.mktemp("twice")
    lucky = submission({"solution_todo1": perfect_answers()["solution_todo1"] + LUCKY})
    for name, notebook in {"lucky": lucky, "perfect": submission()}.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    class_ = [Submission(name, NAME, folder / f"{name}.ipynb") for name in ("lucky", "perfect")]
    settings = replace(
        settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), seed=7, second_seed=8
    )
    return {one.submission.student: one for one in grade(class_, settings, folder / "records")}


def test_what_two_runs_agree_on_keeps_its_score(graded: dict[str, Graded]) -> None:
    assert graded["perfect"].total == 100
    assert [score.points for score in graded["lucky"].scores[1:]] == [10, 15, 15, 15, 15, 10, 10]


def test_a_function_that_is_right_for_one_seed_alone_waits_for_a_person(graded: dict[str, Graded]) -> None:
    assert graded["lucky"].undecided == ("todo1",)
    assert "two runs with different inputs disagree: 10 points and 0 points" in graded["lucky"].scores[0].messages


def test_judging_again_finds_both_records_and_a_single_run_removes_the_second(
    graded: dict[str, Graded], tmp_path: Path
) -> None:
    one = graded["lucky"].submission
    settings = replace(settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), seed=7)
    records = one.path.parent / "records"
    assert rejudge([one], settings, records)[0].undecided == ("todo1",)
    assert grade([one], settings, records)[0].total == 100
    assert not path_of(records / SECOND, "lucky").exists()
