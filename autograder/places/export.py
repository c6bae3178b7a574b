"""Results in the formats of platforms: one upload that is graded now, or a class from its saved Records."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from autograder.classrun.chosen import submissions_of
from autograder.classrun.judging import rejudge
from autograder.classrun.settings import settings_in
from autograder.course import Course, part_name
from autograder.errors import UsageError
from autograder.models import Graded
from autograder.observe.whole import replace_file
from autograder.places.classroom import classroom_result
from autograder.places.gradescope import gradescope_result
from autograder.places.junit import junit_xml
from autograder.places.markdown import job_summary
from autograder.places.upload import GradedUpload
from autograder.publish.feedback import run_notes
from autograder.text import plain_text

ResultFormat = Literal["gradescope", "classroom50", "junit", "summary"]
ONE_EACH = {"gradescope": gradescope_result, "classroom50": classroom_result}
"""Formats of one submission, and what makes them."""


def upload_bytes(upload: GradedUpload, assignment: str, form: ResultFormat) -> bytes | None:
    """One graded upload in this format; None when the format has no way to say that nobody could tell."""
    if form not in ONE_EACH:
        return class_bytes([(assignment, list(upload.parts.values()))], form)
    result = ONE_EACH[form](upload)
    return None if result is None else (json.dumps(result, indent=2) + "\n").encode()


def require_class_format(form: ResultFormat) -> None:
    """UsageError for a format that holds a single submission."""
    if form in ONE_EACH:
        raise UsageError(f"{form} holds one submission: name it with --upload. For a class take junit or summary.")


def class_bytes(parts: Sequence[tuple[str, Sequence[Graded]]], form: ResultFormat) -> bytes:
    """A class, notebook by notebook, in this format; UsageError for one that holds a single submission."""
    require_class_format(form)
    if form == "summary":
        return "\n".join(job_summary(title, class_) for title, class_ in parts).encode()
    return junit_xml(parts)


def recorded_class(
    course: Course, assignment: str, students: Sequence[str] | None = None
) -> list[tuple[str, list[Graded]]]:
    """Each notebook's title, and its class as the saved Records are judged now; no kernel is started.

    UsageError when there are none.
    """
    found = []
    for notebook in course.notebooks(assignment):
        settings = settings_in(course, assignment, notebook)
        submissions = submissions_of(course, settings, students, recorded=True)
        title = part_name(assignment, notebook)
        found.append((title, rejudge(submissions, settings, course.records(assignment, notebook))))
    return found


def said_of(upload: GradedUpload) -> list[str]:
    """What an operator should read of an upload, in a log: why nothing was graded, and what nobody could decide."""
    undecided = [
        f"{name}: {score.grade_id} waits for a person: {'; '.join(score.messages)}"
        for name, graded in upload.parts.items()
        for score in graded.scores
        if score.points is None
    ]
    notes = [note for graded in upload.parts.values() for note in run_notes(graded)]
    problem = [f"nothing was graded: {upload.problem}"] if upload.problem else []
    return [plain_text(line) for line in (*problem, *upload.notes, *notes, *undecided)]


def write_result(path: Path | None, data: bytes | None) -> str:
    """Write a result whole, and remove an older one when there is none; the text itself when it is to be printed."""
    if path is None:
        return data.decode() if data else ""
    if data is None:
        path.unlink(missing_ok=True)
    else:
        replace_file(path, data)
    return ""
