"""From outcomes to points: pure functions, so that a grade can be recomputed and defended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from autograder.models import Outcome, Score


def score_class(outcomes: Iterable[Outcome], max_scores: Mapping[str, float]) -> dict[str, list[Score]]:
    """Scores of every student that has an outcome, one per grade cell in the order of ``max_scores``."""
    grouped: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        grouped[outcome.student].append(outcome)
    return {student: score(rows, max_scores) for student, rows in grouped.items()}


def score(outcomes: Iterable[Outcome], max_scores: Mapping[str, float]) -> list[Score]:
    """One student's scores, one per grade cell."""
    rows = list(outcomes)
    return [
        score_cell(grade_id, maximum, [row for row in rows if row.grade_id == grade_id])
        for grade_id, maximum in max_scores.items()
    ]


def score_cell(grade_id: str, maximum: float, rows: list[Outcome]) -> Score:
    """The points of the passed tests, or None when an error of ours, a lost kernel or a gap forbids a score."""
    undecided = [row.message for row in rows if row.kind in ("error", "unobserved")]
    if undecided:
        return Score(grade_id, maximum, None, unique(undecided))
    worth = sum(row.points for row in rows)
    if worth != maximum:
        gap = f"the hidden tests that ran are worth {worth:g} of {maximum:g} points"
        return Score(grade_id, maximum, None, (gap,))
    passed = sum(row.points for row in rows if row.kind == "passed")
    return Score(grade_id, maximum, passed, unique(row.message for row in rows if row.kind == "failed"))


def unique(messages: Iterable[str]) -> tuple[str, ...]:
    """Each message once, in order."""
    return tuple(dict.fromkeys(messages))
