"""The only writer of nbgrader's gradebook, and the preprocessor that puts it into ``nbgrader autograde``."""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import Session

from autograder.cells import grade_id, is_answer, judged_by
from autograder.course import Course
from autograder.errors import UsageError
from autograder.models import Graded, Score
from autograder.observe import record as records
from autograder.publish.by_hand import save_answers, unanswered
from autograder.publish.feedback import autograded_notebook, reasons, run_notes
from autograder.submission.align import align
from autograder.submission.sanitize import literal
from autograder.text import plain_name

Judged = Mapping[str, Sequence[str]]
"""Solution cell -> the grade cells that judge it."""


def publish(course: Course, assignment: str, class_: Sequence[Graded], notebook: str = "") -> None:
    """Write scores, comments and autograded notebooks of a class; UsageError before the first release.

    ``notebook`` says which one of an assignment that has several.
    """
    notebook = notebook or assignment
    source = nbformat.read(course.source(assignment, notebook), as_version=4)
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url, course.directory.course_id) as gradebook:
        require_assignment(gradebook, assignment)
        with one_transaction(gradebook.db()):
            for graded in class_:
                save_submission(course, gradebook, graded, source, notebook)
    for graded in class_:
        write_autograded(course, graded, source, notebook)


def save_submission(course: Course, gradebook: Gradebook, graded: Graded, source: NotebookNode, notebook: str) -> None:
    """Write one student's submission and scores."""
    student, assignment = graded.submission.student, graded.submission.assignment
    timestamp = course.directory.get_existing_timestamp(str(course.folder("submitted", student, assignment)))
    known_as = plain_name(student)
    gradebook.update_or_create_student(known_as)
    gradebook.update_or_create_submission(assignment, known_as, timestamp=timestamp)
    submitted = gradebook.find_submission_notebook(notebook, assignment, known_as)
    # Only then is it needed, and reading it takes time.
    executed = executed_notebook(course, graded, notebook) if any(map(is_answer, source.cells)) else None
    save_notebook(submitted, graded, source, executed)
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


def save_notebook(
    submitted: SubmittedNotebook, graded: Graded, source: NotebookNode, executed: NotebookNode | None
) -> None:
    """Everything that the gradebook holds of one submitted notebook."""
    save_scores(submitted, graded.scores, judged_by(source.cells))
    answers = [grade_id(cell) for cell in source.cells if is_answer(cell)]
    save_answers(submitted, answers, unanswered(submitted, executed))


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
        comment.auto_comment = literal("\n".join(lines)) or None


def executed_notebook(course: Course, graded: Graded, notebook: str) -> NotebookNode | None:
    """What was run of this submission, if anything was."""
    path = course.records(graded.submission.assignment, notebook) / graded.submission.student / records.NOTEBOOK
    return nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def write_autograded(course: Course, graded: Graded, source: NotebookNode, name: str) -> None:
    """Write the notebook that formgrader shows; without a valid executed one, the frame with the reasons in it."""
    saved = executed_notebook(course, graded, name)
    notebook = autograded_notebook(graded, saved) if saved else None
    if notebook is None or not is_valid(notebook):
        notebook = autograded_notebook(graded, align(source, []).notebook)
    folder = course.folder("autograded", plain_name(graded.submission.student), graded.submission.assignment)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    # nbgrader leaves its own files read-only.
    path.unlink(missing_ok=True)
    # Not nbformat.write: it copies the notebook and indents it in Python, most of what a student would cost here.
    path.write_text(json.dumps(notebook), encoding="utf-8")


def is_valid(notebook: NotebookNode) -> bool:
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
            save_notebook(submitted, graded, nb, None if graded.record.not_run else nb)
            gradebook.db.commit()
        for note in run_notes(graded):
            self.log.warning("%s: %s", names["student"], note)
        return autograded_notebook(graded, nb), resources
