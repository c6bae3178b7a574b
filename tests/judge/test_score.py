"""From outcomes to points."""

from autograder.judge.score import agreed, score, score_class
from autograder.models import Score
from tests.builders import outcome

MAXIMUM = {"todo1": 10.0}


def points(*outcomes: object) -> float | None:
    return score(outcomes, MAXIMUM)[0].points  # type: ignore[arg-type]


def test_passed_tests_give_their_points() -> None:
    assert points(outcome(points=6), outcome("failed", points=4)) == 6


def test_failures_explain_themselves_once() -> None:
    rows = [outcome("failed", points=5, message="frozen"), outcome("failed", points=5, message="frozen")]
    assert score(rows, MAXIMUM)[0].messages == ("frozen",)


def test_an_error_of_ours_leaves_the_decision_to_a_person() -> None:
    assert points(outcome(points=6), outcome("error", points=4)) is None


def test_what_was_never_observed_is_no_zero() -> None:
    assert points(outcome("unobserved", points=10)) is None


def test_a_hidden_test_that_did_not_run_is_no_zero() -> None:
    assert points(outcome(points=6)) is None
    assert points() is None


def test_students_are_scored_apart() -> None:
    scores = score_class([outcome(student="a"), outcome("failed", student="b")], MAXIMUM)
    assert [scores[s][0].points for s in "ab"] == [10, 0]


def test_two_runs_that_agree_are_scored_and_others_wait_for_a_person() -> None:
    first = [Score("todo1", 10, 10), Score("todo2", 10, 10, ()), Score("todo3", 15, None, ("lost",))]
    second = [Score("todo1", 10, 10), Score("todo2", 10, 4, ("wrong shape",)), Score("todo3", 15, 15)]
    one, two, three = agreed(first, second)
    assert one == first[0]
    assert (two.points, three.points) == (None, None)
    assert two.messages == ("two runs with different inputs disagree: 10 points and 4 points", "wrong shape")
    assert three.messages[0] == "two runs with different inputs disagree: no decision and 15 points"
