"""result.json for Classroom 50: whole numbers that keep the shares, and nothing where somebody waits."""

import pytest

from autograder.errors import UsageError
from autograder.places.classroom import classroom_result
from tests.places.graded import FULL, NOTHING, PART, WAITING_SCORE, uploaded

RUNNER = {
    "CLASSROOM": "cs", "ASSIGNMENT": "ps1", "SUBMISSION_TAG": "submit/1", "COMMIT_URL": "https://x/c",
    "RELEASE_URL": "https://x/r",
}  # fmt: skip
FIELDS = {
    "schema", "classroom", "assignment", "submission", "commit", "release", "review", "datetime", "score", "max-score",
    "tests",
}  # fmt: skip


def test_points_become_whole_numbers_in_the_same_proportion() -> None:
    result = classroom_result(uploaded(FULL, PART, NOTHING), RUNNER)
    assert set(result) == FIELDS
    assert [(t["test-name"], t["passed"], t["score"], t["max-score"]) for t in result["tests"]] == [
        ("one", True, 20, 20), ("two", False, 5, 10), ("three", False, 0, 4)
    ]  # fmt: skip
    assert (result["score"], result["max-score"]) == (25, 34)
    assert all(type(t[key]) is int for t in result["tests"] for key in ("score", "max-score"))


def test_whole_points_stay_as_they_are() -> None:
    assert classroom_result(uploaded(FULL, NOTHING), RUNNER)["max-score"] == 12


def test_identity_comes_from_the_runner_and_the_review_from_the_commit_when_there_is_no_diff() -> None:
    result = classroom_result(uploaded(FULL), RUNNER)
    assert (result["schema"], result["classroom"], result["submission"]) == ("classroom50/result/v1", "cs", "submit/1")
    assert result["review"] == "https://x/c"
    assert classroom_result(uploaded(FULL), RUNNER | {"REVIEW_URL": "https://x/d"})["review"] == "https://x/d"


def test_there_is_no_result_while_somebody_waits() -> None:
    assert classroom_result(uploaded(FULL, WAITING_SCORE), RUNNER) is None
    assert classroom_result(uploaded(), RUNNER) is None


def test_outside_the_runner_the_missing_variables_are_named() -> None:
    with pytest.raises(UsageError, match=r"SUBMISSION_TAG.*not set.*autograder\.py"):
        classroom_result(uploaded(FULL), {"CLASSROOM": "cs", "ASSIGNMENT": "ps1"})
