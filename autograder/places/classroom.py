"""Classroom 50's result.json (schema classroom50/result/v1): whole numbers, and written only when all is graded."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from math import lcm
from typing import Any

from autograder.errors import UsageError
from autograder.models import Score
from autograder.places.markdown import cell_names
from autograder.places.upload import GradedUpload
from autograder.text import plain_text

RESULT_SCHEMA = "classroom50/result/v1"
RUNNER_VARIABLES = {
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
}
"""Field -> the variable in which the runner says it."""
DENOMINATOR_MAX = 1000


def classroom_result(upload: GradedUpload, environment: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """The content of result.json; None when something waits for a person, for which the schema has no word.

    UsageError outside the runner, which says whose submission it is.
    """
    missing = [name for name in RUNNER_VARIABLES.values() if not environment.get(name)]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} is not set: Classroom 50's runner sets it. Run this from autograder.py."
        )
    rows = cell_names(list(upload.parts.items()))
    if not rows or any(score.points is None for _, score in rows):
        return None
    factor = whole_by(score for _, score in rows)
    tests = [classroom_test(name, score, factor) for name, score in rows]
    return {
        "schema": RESULT_SCHEMA,
        **{field: environment[name] for field, name in RUNNER_VARIABLES.items()},
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
        "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def whole_by(scores: Any) -> int:
    """The least number by which all points become whole: the schema has no half points."""
    numbers = [n for score in scores for n in (score.points, score.max_score)]
    return lcm(*(Fraction(n).limit_denominator(DENOMINATOR_MAX).denominator for n in numbers))


def classroom_test(name: str, score: Score, factor: int) -> dict[str, Any]:
    """One grade cell; what the student reads is an extra field, which Classroom 50 keeps as it is."""
    points = score.points or 0.0
    return {
        "test-name": name,
        "passed": points == score.max_score,
        "score": round(points * factor),
        "max-score": round(score.max_score * factor),
        "feedback": [plain_text(message) for message in score.messages],
    }
