"""The feedback of a class on disk: what has changed is written, by content, and nothing else is touched."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.errors import UsageError
from autograder.observe.whole import replace_file
from autograder.publish.database import reading
from autograder.publish.feedback import TOLD
from autograder.publish.feedback_page import submission_told, written_forms
from autograder.text import plain_name


@dataclass(frozen=True)
class FeedbackWritten:
    """What became of one submitted notebook's feedback."""

    student: str
    path: Path
    changed: bool
    problem: str = ""


def write_feedback(course: Course, assignment: str, students: Sequence[str] = ()) -> Iterator[FeedbackWritten]:
    """Write page, Markdown and JSON of everybody, or of these students; UsageError when one of them has none."""
    known = autograded_students(course, assignment)
    wanted = [plain_name(student) for student in students] or known
    for student in wanted:
        if student not in known:
            raise UsageError(f"nothing of '{student}' is graded in {assignment}. Next: autograder grade {assignment}")
    if not known:
        raise UsageError(f"nobody is graded in {assignment}. Next: autograder grade {assignment}")
    notebooks = course.notebooks(assignment)
    with reading(course) as gradebook:
        for student in wanted:
            for name in notebooks:
                path = course.folder("autograded", student, assignment) / f"{name}.ipynb"
                if path.is_file():
                    yield student_feedback(course, gradebook, path, student, assignment, name)


def autograded_students(course: Course, assignment: str) -> list[str]:
    """Everybody who has an autograded notebook."""
    folder = course.folder("autograded", "x", assignment).parent.parent
    return sorted({path.parent.parent.name for path in folder.glob(f"*/{assignment}/*.ipynb")})


def student_feedback(
    course: Course, gradebook: Gradebook, path: Path, student: str, assignment: str, name: str
) -> FeedbackWritten:
    """Write one notebook's feedback, if it is not there already."""
    target = course.folder("feedback", student, assignment) / f"{name}.html"
    notebook = autograded_by_us(path)
    if notebook is None:
        return FeedbackWritten(student, target, False, "was graded by an earlier version; grade or rejudge it again")
    forms = written_forms(submission_told(notebook, gradebook, student, assignment, name))
    written = [write_changed(target.with_suffix(suffix), text) for suffix, text in forms.items()]
    return FeedbackWritten(student, target, any(written))


def autograded_by_us(path: Path) -> NotebookNode | None:
    """The autograded notebook, if it says what each score is made of."""
    try:
        notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None
    return notebook if TOLD in notebook.metadata else None


def write_changed(path: Path, text: str) -> bool:
    """Whether a file had to be written to hold this text."""
    data = text.encode("utf-8", "backslashreplace")
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
    return True
