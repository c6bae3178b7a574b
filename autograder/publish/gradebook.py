"""The only writer of nbgrader's gradebook, and the preprocessor that puts it into ``nbgrader autograde``."""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import Session

from autograder.cells import judged_by
from autograder.course import Course
from autograder.errors import UsageError
from autograder.models import Graded, Score
from autograder.observe import record as records
from autograder.publish.feedback import autograded_notebook, reasons, run_notes
from autograder.submission.align import align

Judged = Mapping[str, Sequence[str]]
"""Solution cell -> the grade cells that judge it."""


def publish(course: Course, assignment: str, class_: Sequence[Graded]) -> None:
    """Write scores, comments and autograded notebooks of a class; UsageError before the first release."""
    source = nbformat.read(course.source(assignment), as_version=4)
    judged = judged_by(source.cells)
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url, course.directory.course_id) as gradebook:
        require_assignment(gradebook, assignment)
        with one_transaction(gradebook.db()):
            for graded in class_:
                save_submission(course, gradebook, assignment, graded, judged)
    for graded in class_:
        write_autograded(course, graded, source)


def save_submission(course: Course, gradebook: Gradebook, assignment: str, graded: Graded, judged: Judged) -> None:
    """Write one student's submission and scores."""
    student = graded.submission.student
    timestamp = course.directory.get_existing_timestamp(str(course.folder("submitted", student, assignment)))
    gradebook.update_or_create_student(student)
    gradebook.update_or_create_submission(assignment, student, timestamp=timestamp)
    save_scores(gradebook.find_submission_notebook(assignment, assignment, student), graded.scores, judged)
    gradebook.db.commit()


@contextmanager
def one_transaction(session: Session) -> Iterator[None]:
    """All of a class is written, or nothing: nbgrader's own commits, three a student, only flush in here."""
    commit = session.commit
    session.commit = session.flush  # type: ignore[method-assign]
    try:
        yield
        commit()
    finally:
        del session.commit


@contextmanager
def quiet_sqlalchemy() -> Iterator[None]:
    """Without the autoflush warnings that nbgrader 0.9.6 provokes in SQLAlchemy 2 for every new submission."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=SAWarning, message="Object of type")
        yield


def require_assignment(gradebook: Gradebook, assignment: str) -> None:
    """UsageError unless the gradebook knows the assignment's cells."""
    try:
        gradebook.find_assignment(assignment)
    except MissingEntry:
        raise UsageError(
            f"the gradebook does not know '{assignment}'. Run `autograder release {assignment}` first."
        ) from None


def save_scores(submitted: SubmittedNotebook, scores: Iterable[Score], judged: Judged) -> None:
    """Set ``auto_score`` and ``needs_manual_grade`` of one submitted notebook; a manual score stays."""
    by_id = {score.grade_id: score for score in scores}
    for grade in submitted.grades:
        if grade.name in by_id:
            grade.auto_score = by_id[grade.name].points
            # As stock nbgrader: a person looks again at what a person had decided, or nobody could.
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
    save_comments(submitted, by_id, judged)


def save_comments(submitted: SubmittedNotebook, scores: dict[str, Score], judged: Judged) -> None:
    """Put the reasons beside the solution cells, where formgrader and the feedback show them.

    A solution cell's comment covers all grade cells that judge it.
    """
    for comment in submitted.comments:
        mine = [scores[name] for name in judged.get(comment.name, ()) if name in scores]
        lines = [f"{score.grade_id}: {line}" for score in mine for line in reasons(score)]
        comment.auto_comment = escaped("\n".join(lines)) or None


def escaped(text: str) -> str:
    """Text that stays text when nbgrader renders a comment as Markdown and HTML."""
    return "".join(f"&#{ord(c)};" if c in "<>&\"'`*_[]()!#\\|~" else c for c in text)


def write_autograded(course: Course, graded: Graded, source: nbformat.NotebookNode) -> None:
    """Write the notebook that formgrader shows; without a valid executed one, the frame with the reasons in it."""
    name = graded.submission.assignment
    executed = course.records(name) / graded.submission.student / records.NOTEBOOK
    saved = nbformat.from_dict(json.loads(executed.read_text(encoding="utf-8"))) if executed.is_file() else None
    notebook = autograded_notebook(graded, saved) if saved else None
    if notebook is None or not is_valid(notebook):
        notebook = autograded_notebook(graded, align(source, []).notebook)
    folder = course.folder("autograded", graded.submission.student, name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    # nbgrader leaves its own files read-only.
    path.unlink(missing_ok=True)
    # Not nbformat.write: it copies the notebook and indents it in Python, half of what a student costs here.
    path.write_text(json.dumps(notebook), encoding="utf-8")


def is_valid(notebook: nbformat.NotebookNode) -> bool:
    """Whether this is a notebook; student code had a hand in its outputs."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:
        return False
    return True


class SaveScores(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, with scores that were judged instead of read off the cell's output."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        names = resources["nbgrader"]
        graded: Graded = resources["autograder"]
        with Gradebook(names["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            save_scores(submitted, graded.scores, judged_by(nb.cells))
            gradebook.db.commit()
        for note in run_notes(graded):
            self.log.warning("%s: %s", names["student"], note)
        return autograded_notebook(graded, nb), resources
