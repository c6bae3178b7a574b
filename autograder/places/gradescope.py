"""Gradescope's results.json, by its published format: https://gradescope-autograders.readthedocs.io/en/latest/specs/

Every scored test is visible, because one that is not hides the student's total. What waits for a person has no score
and no status, and is left out of the sum; the format has no word for it. The sum is written down, because the format
wants a score on every test unless there is one for all.
"""

from typing import Any

from autograder.models import Graded, Score
from autograder.places.markdown import bullet_list, cell_names, why_scored
from autograder.places.upload import GradedUpload
from autograder.publish.feedback import run_notes

WAITS_FOR_A_PERSON = "waits for a person"


def gradescope_result(upload: GradedUpload) -> dict[str, Any] | None:
    """The content of results.json; None when nothing could be graded, for then no file may stand there."""
    parts = list(upload.parts.items())
    rows = cell_names(parts)
    decided = [score.points for _, score in rows if score.points is not None]
    if not decided:
        return None
    return {
        "score": sum(decided),
        "execution_time": round(sum(graded.record.wall_s for _, graded in parts), 1),
        "output": whole_output(upload, rows),
        "output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [scored_test(number, name, score) for number, (name, score) in enumerate(rows, start=1)],
        "extra_data": {name: traced(graded) for name, graded in parts},
    }


def scored_test(number: int, name: str, score: Score) -> dict[str, Any]:
    """One grade cell; without a score and a status when a person decides."""
    shown = {"number": str(number), "output": why_scored(score), "output_format": "md", "visibility": "visible"}
    if score.points is None:
        return {"name": f"{name} ({WAITS_FOR_A_PERSON})"} | shown
    status = "passed" if score.points == score.max_score else "failed"
    return {"name": name, "score": score.points, "max_score": score.max_score, "status": status} | shown


def whole_output(upload: GradedUpload, rows: list[tuple[str, Score]]) -> str:
    """What is to be said of the submission as a whole."""
    waiting = [f"{name} (of {score.max_score:g})" for name, score in rows if score.points is None]
    said = [f"{', '.join(waiting)}: nobody could tell yet; this is no zero, a person decides"] if waiting else []
    return bullet_list([*said, *upload.notes, *(note for one in upload.parts.values() for note in run_notes(one))])


def traced(graded: Graded) -> dict[str, Any]:
    """What an instructor needs to repeat a run; Gradescope keeps it and shows it to no student."""
    record = graded.record
    return {"seed": record.seed, "profile": record.profile, "sandbox": record.sandbox, "versions": record.versions}
