"""Rarer forms of what people hand in, and of each a twin with one mistake: its TODO is lost and no other."""

import pytest

from autograder.classrun.grade import grade
from autograder.classrun.settings import settings_of
from autograder.models import Graded, Submission
from tests import builders
from tests.builders import NAME, ROOT
from tests.cases import joined
from tests.scenarios.wild import RARE, expected, hand_in, verdict, with_one_mistake

TWINS = [twin for first, case in enumerate(RARE.values()) if (twin := with_one_mistake(case, first)) is not None]
CLASS = joined(RARE, {twin["id"]: twin for twin in TWINS})
pytestmark = pytest.mark.sweep


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """Every case and its twin, graded in one run, by id."""
    root = tmp_path_factory.mktemp("rare")
    submissions = [Submission(case["id"], NAME, hand_in(case, root / "submitted")) for case in CLASS.values()]
    settings = settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb")
    return {one.submission.student: one for one in grade(submissions, settings, root / "records")}


@pytest.mark.parametrize("case", CLASS.values(), ids=CLASS)
def test_a_rare_submission_gets_what_it_deserves(graded: dict[str, Graded], case: dict[str, str]) -> None:
    scores = {score.grade_id: score for score in graded[case["id"]].scores}
    wrong = {
        todo: (verdict(scores[todo]), scores[todo].messages)
        for todo, verdicts in expected(case).items()
        if verdict(scores[todo]) not in verdicts
    }
    assert not wrong, f"{case['why']}: {wrong} {graded[case['id']].record.faults}"
    waiting = [score for score in scores.values() if score.points is None]
    assert all(len(" ".join(score.messages)) > 30 for score in waiting), waiting
