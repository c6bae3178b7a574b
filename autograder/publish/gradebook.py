"""The only writer of nbgrader's gradebook, and the preprocessor that puts it into ``nbgrader autograde``."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy.orm import selectinload

from autograder.cells import grade_id, is_answer, judged_by
from autograder.course import Course
from autograder.errors import GraderError
from autograder.models import Graded, Score, Submission
from autograder.observe.whole import replace_file
from autograder.people import PEOPLE_FILE, People, Person
from autograder.publish.by_hand import save_answers, unanswered
from autograder.publish.companions import lies_there, write_companions
from autograder.publish.database import one_transaction, reading, shared, writing
from autograder.publish.feedback import autograded_notebook, reasons, run_notes
from autograder.publish.lateness import Lateness
from autograder.publish.notebook_json import as_json, is_valid
from autograder.submission.align import align
from autograder.submission.sanitize import literal
from autograder.submission.times import stamp_of
from autograder.text import plain_text

Judged = Mapping[str, Sequence[str]]
"""Solution cell -> the grade cells that judge it."""
TOGETHER = 50
"""Students in one transaction: a second in which nobody else can write."""


def publish(
    course: Course,
    assignment: str,
    class_: Sequence[Graded],
    notebook: str = "",
    *,
    say: Callable[[str], None] = lambda message: None,
) -> dict[Submission, str]:
    """Write scores, comments and autograded notebooks of a class, in short transactions; why not, for whom it failed.

    ``notebook`` says which one of an assignment that has several. The gradebook knows its cells (publish/register.py).
    Locked when somebody holds it for longer than anybody should, which ``say`` is told before; Unwritable when
    nobody's scores can be written.
    """
    notebook = notebook or assignment
    source = nbformat.read(course.source(assignment, notebook), as_version=4)
    about = About(course, notebook, source, Lateness.of(course, assignment, notebook), names_in(course))
    write = functools.partial(publish_together, about, say)
    problems: dict[Submission, str] = {}
    for first in range(0, len(class_), TOGETHER):
        problems |= together_or_alone(write, class_[first : first + TOGETHER])
    return problems


def together_or_alone(write: Callable[[Sequence[Graded]], None], class_: Sequence[Graded]) -> dict[Submission, str]:
    """All in one transaction; when that fails, each in its own, so that one student's texts are nobody else's trouble.

    What concerns everybody is raised, as Locked or Unwritable.
    """
    try:
        write(class_)
    except GraderError:
        raise
    except Exception as error:
        if (everybodys := shared(error)) is not None:
            raise everybodys from error
        if len(class_) == 1:
            return {class_[0].submission: plain_text(f"cannot be published ({type(error).__name__}: {error})")}
        return {submission: why for one in class_ for submission, why in together_or_alone(write, [one]).items()}
    return {}


@dataclass(frozen=True)
class Roles:
    """What the cells of a notebook are for, looked up once for a class."""

    judged: Judged
    answers: tuple[str, ...]
    """Cells that students answer in words."""

    @classmethod
    def of(cls, source: NotebookNode) -> "Roles":
        """Those of this notebook."""
        return cls(judged_by(source.cells), tuple(grade_id(cell) for cell in source.cells if is_answer(cell)))


@dataclass(frozen=True)
class About:
    """What publishing needs to know of a course and one notebook of it."""

    course: Course
    notebook: str
    source: NotebookNode
    lateness: Lateness
    names: Mapping[str, Mapping[str, str]]
    """Student -> what the gradebook calls them."""
    valid_cells: set[bytes] = field(default_factory=set)
    """Digests of cells that are known to be valid: most are the homework's own, and the same for everybody."""

    @functools.cached_property
    def roles(self) -> Roles:
        """What its cells are for."""
        return Roles.of(self.source)


def publish_together(about: About, say: Callable[[str], None], class_: Sequence[Graded]) -> None:
    """Write these students' scores in one transaction, then their notebooks."""
    students = [graded.submission.student for graded in class_]
    with writing(about.course, say) as gradebook, one_transaction(gradebook.db()):
        # SQLAlchemy forgets what nobody holds, and would ask for each cell again with each student.
        held = gradebook_cells(gradebook, class_[0].submission.assignment, about.notebook)
        held += submitted_before(gradebook, held[0], students)
        for graded in class_:
            save_submission(about, gradebook, graded)
        gradebook.db.flush()
        about.lateness.changes(gradebook.db, set(students)).apply(gradebook.db)
        del held
    for graded in class_:
        write_autograded(about, graded)
        write_companions(about.course, graded.submission)


def gradebook_cells(gradebook: Gradebook, assignment: str, notebook: str) -> list[Any]:
    """The gradebook's own cells of one notebook."""
    found = gradebook.find_notebook(notebook, assignment)
    return [found, *found.grade_cells, *found.solution_cells, *found.task_cells]


def submitted_before(gradebook: Gradebook, notebook: Any, students: list[str]) -> list[Any]:
    """What the gradebook holds of these students' notebooks, with grades and comments."""
    of_each = (selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments))
    query = gradebook.db.query(SubmittedNotebook).join(SubmittedAssignment).options(*of_each)
    return list(
        query.filter(SubmittedNotebook.notebook_id == notebook.id, SubmittedAssignment.student_id.in_(students))
    )


def published_students(course: Course, assignment: str, notebook: str) -> set[str]:
    """Everybody of whom the gradebook holds the assignment and there is this notebook, autograded."""
    with reading(course) as gradebook:
        query = gradebook.db.query(SubmittedAssignment.student_id).join(
            Assignment, Assignment.id == SubmittedAssignment.assignment_id
        )
        students = {student for (student,) in query.filter(Assignment.name == assignment)}
    return {s for s in students if (course.folder("autograded", s, assignment) / f"{notebook}.ipynb").is_file()}


def save_submission(about: About, gradebook: Gradebook, graded: Graded) -> None:
    """Write one student's submission and scores."""
    student, assignment = graded.submission.student, graded.submission.assignment
    if about.course.config.get("Autograde", {}).get("create_student", True):
        gradebook.update_or_create_student(student, **about.names.get(student, {}))
    elif not gradebook.db.query(Student).filter(Student.id == student).count():
        raise LookupError("no such student in the gradebook, and c.Autograde.create_student is False")
    folder = graded.submission.path.parent
    # Of what is no longer there, the gradebook alone knows the time.
    known = {"timestamp": stamp_of(about.course, folder)[0]} if folder.is_dir() else {}
    gradebook.update_or_create_submission(assignment, student, **known)
    submitted = gradebook.find_submission_notebook(about.notebook, assignment, student)
    # Only then is it needed, and reading it takes time.
    executed = executed_notebook(graded) if about.roles.answers else None
    save_notebook(submitted, graded, about.roles, executed)
    gradebook.db.commit()


def names_in(course: Course) -> Mapping[str, Mapping[str, str]]:
    """Student -> names and address as nbgrader's students have them, of whom the course's table of people knows any."""
    try:
        status = (course.root / PEOPLE_FILE).stat()
    except OSError:
        return {}
    return names_at(course, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)
def names_at(course: Course, changed_ns: int, size_bytes: int) -> Mapping[str, Mapping[str, str]]:
    """The same of a table that last changed then: a class is published in many parts."""
    return {one.student: known for one in People.load(course) if (known := gradebook_names(one))}


def gradebook_names(person: Person) -> dict[str, str]:
    """First and last name and address, as far as they are known."""
    family = person.family if person.name.endswith(person.family) else ""
    first = person.name.removesuffix(family) if family else person.name.rpartition(" ")[0]
    last = family or person.name.rpartition(" ")[2]
    known = {"first_name": first.strip(), "last_name": last, "email": person.email}
    return {key: value for key, value in known.items() if value}


def save_notebook(submitted: SubmittedNotebook, graded: Graded, roles: Roles, executed: NotebookNode | None) -> None:
    """Everything that the gradebook holds of one submitted notebook."""
    save_scores(submitted, graded.scores, roles.judged)
    save_answers(submitted, roles.answers, unanswered(submitted, executed))


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


def executed_notebook(graded: Graded) -> NotebookNode | None:
    """What was run of this submission, if anything was."""
    return None if graded.executed is None else nbformat.from_dict(json.loads(graded.executed))


def write_autograded(about: About, graded: Graded) -> None:
    """Write the notebook that formgrader shows; without a valid executed one, the frame with the reasons in it.

    A file that holds just that stays as it is.
    """
    folder = about.course.folder("autograded", graded.submission.student, graded.submission.assignment)
    path = folder / f"{about.notebook}.ipynb"
    executed = executed_notebook(graded)
    if executed:
        notebook = autograded_notebook(graded, executed)
        data, cells = as_json(notebook)
        if lies_there(path, data):
            return
        if is_valid(notebook, cells, about.valid_cells):
            replace_file(path, data)
            return
    frame = autograded_notebook(graded, align(about.source, []).notebook)
    replace_file(path, as_json(frame)[0])


class SaveScores(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, with scores that were judged instead of read off the cell's output."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        names = resources["nbgrader"]
        graded: Graded = resources["autograder"]
        with Gradebook(names["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            # The next step computes the penalty from these.
            course, assignment = Course.find(Path.cwd()), names["assignment"]
            moment, untimely = stamp_of(course, graded.submission.path.parent)
            submitted.assignment.timestamp = moment and moment.replace(tzinfo=None)
            lateness = Lateness.of(course, assignment, names["notebook"])
            gradebook.db.flush()
            lateness.changes(gradebook.db, {names["student"]}).apply(gradebook.db)
            save_notebook(submitted, graded, Roles.of(nb), None if graded.record.not_run else nb)
            gradebook.db.commit()
        for note in [*run_notes(graded), *filter(None, [untimely])]:
            self.log.warning("%s: %s", names["student"], note)
        return autograded_notebook(graded, nb), resources
