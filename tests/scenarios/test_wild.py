"""What people really hand in gets the grade that it deserves: one class, graded in real kernels.

The first case of each kind; all of them in `make test-slow`.
"""

import pytest

from autograder.classrun.grade import grade
from autograder.classrun.settings import settings_of
from autograder.models import Graded, Submission
from tests import builders
from tests.builders import NAME, ROOT, TODOS
from tests.cases import WHOLE, sampled
from tests.scenarios.wild import CASES, expected, hand_in, verdict

KINDS = dict.fromkeys(case["kind"] for case in CASES.values())
CLASS = sampled(*({name: case for name, case in CASES.items() if case["kind"] == kind} for kind in KINDS))
pytestmark = [pytest.mark.slow] if WHOLE else []


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """The class, graded in one run, by id."""
    root = tmp_path_factory.mktemp("wild")
    submissions = [Submission(case["id"], NAME, hand_in(case, root / "submitted")) for case in CLASS.values()]
    settings = settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb")
    return {one.submission.student: one for one in grade(submissions, settings, root / "records")}


@pytest.mark.parametrize("case", CLASS.values(), ids=CLASS)
def test_a_wild_submission_gets_what_it_deserves(graded: dict[str, Graded], case: dict[str, object]) -> None:
    scores = {score.grade_id: score for score in graded[str(case["id"])].scores}
    wrong = {
        todo: (verdict(scores[todo]), scores[todo].messages)
        for todo, verdicts in expected(case).items()
        if verdict(scores[todo]) not in verdicts
    }
    assert not wrong, f"{case['why']}: {wrong} {graded[str(case['id'])].record.faults}"


def test_what_a_case_has_to_say_is_said(graded: dict[str, Graded]) -> None:
    for case in CLASS.values():
        scores = {score.grade_id: " ".join(score.messages) for score in graded[case["id"]].scores}
        unsaid = {todo: text for todo, text in case.get("says", {}).items() if text not in scores[todo]}
        assert not unsaid, f"{case['id']}: {[scores[todo] for todo in unsaid]}"


def test_nobody_waits_for_a_person_without_a_reason(graded: dict[str, Graded]) -> None:
    for name, one in graded.items():
        waiting = [score for score in one.scores if score.points is None]
        assert all(len(" ".join(score.messages)) > 30 for score in waiting), f"{name}: {waiting}"


def test_the_expectations_name_every_kind_of_verdict() -> None:
    named = [expected(case) for case in CASES.values()]
    assert all(todo in TODOS for one in named for todo in one)
    assert {verdict for one in named for verdicts in one.values() for verdict in verdicts} >= {"full", "undecided"}
