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
        return Score(grade_id, maximum, None, unique(undecided), tuple(rows))
    worth = sum(row.points for row in rows)
    if worth != maximum:
        gap = f"the hidden tests that ran are worth {worth:g} of {maximum:g} points"
        return Score(grade_id, maximum, None, (gap,), tuple(rows))
    passed = sum(row.points for row in rows if row.kind == "passed")
    reasons = unique(row.message for row in rows if row.kind == "failed")
    return Score(grade_id, maximum, passed, reasons, tuple(rows))


def agreed(first: Iterable[Score], second: Iterable[Score]) -> list[Score]:
    """The scores of two runs of one submission with different seeds; None where they disagree.

    A right function earns the same from any inputs. One that does not is either lucky, or tells runs apart.
    """
    return [
        one if one.points == other.points else disagreement(one, other)
        for one, other in zip(first, second, strict=True)
    ]


def disagreement(one: Score, other: Score) -> Score:
    """A score that a person has to decide, with the reasons of both runs."""
    shown = ["no decision" if score.points is None else f"{score.points:g} points" for score in (one, other)]
    note = f"two runs with different inputs disagree: {shown[0]} and {shown[1]}"
    messages = unique([note, *one.messages, *other.messages])
    return Score(one.grade_id, one.max_score, None, messages, one.outcomes)


def unique(messages: Iterable[str]) -> tuple[str, ...]:
    """Each message once, in order."""
    return tuple(dict.fromkeys(messages))
