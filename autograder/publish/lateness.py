"""Due dates, extensions and late penalties: nbgrader's own, for a class at once, and again when anything changes.

A penalty is the course's plugin's word on a score and on seconds. Both change after it was written (a manual score, a
later due date, a regrade), so it is computed anew with every run, and taken back where nobody is late any more.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nbgrader.api import Assignment, Notebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.orm import Session
from traitlets.utils.importstring import import_item

from autograder.course import Course
from autograder.errors import UsageError
from autograder.people import People
from autograder.publish.database import one_transaction, reading, writing
from autograder.submission.archive import Refused
from autograder.submission.beside import first_few
from autograder.submission.times import Times, Untimely, time_text
from autograder.text import plain_text, short_name

EXTENSIONS_FILE = "extensions.csv"
COLUMNS = {"assignment", "student", "due"}


@dataclass(frozen=True)
class Changes:
    """What the gradebook has to be told: by the id of a submission, and of a submitted notebook."""

    extensions: Mapping[str, timedelta | None]
    penalties: Mapping[str, float | None]
    problems: tuple[Refused, ...] = ()
    """Students whose penalty the plugin could not compute: it stays as it is."""

    def apply(self, session: Session) -> None:
        """Write them, but for the commit."""
        for table, column, values in (
            (SubmittedAssignment, "extension", self.extensions),
            (SubmittedNotebook, "late_submission_penalty", self.penalties),
        ):
            for key, value in values.items():
                session.query(table).filter(table.id == key).update({column: value}, synchronize_session=False)


@dataclass(frozen=True)
class Lateness:
    """How a course treats what is handed in late, for one notebook of an assignment."""

    assignment: str
    notebook: str
    penalty: Callable[[str, float, float], float | None] | None
    """Of nbgrader's plugin; None where the course gives no penalties."""
    extended: Mapping[str, datetime] | None
    """Student -> due date, in UTC without saying so, as the gradebook has it; None without a file of extensions."""

    @classmethod
    def of(cls, course: Course, assignment: str, notebook: str = "") -> "Lateness":
        """As the course's configuration and its file of extensions say; UsageError when the file cannot be read."""
        return cls(assignment, notebook or assignment, penalty_of(course), extensions(course, assignment))

    def changes(self, session: Session, students: Collection[str] | None = None) -> Changes:
        """What is to change for these students, or for everybody: two queries, however many they are."""
        query = session.query(
            SubmittedAssignment.id,
            SubmittedAssignment.student_id,
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
            Assignment.duedate,
        ).join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        query = query.filter(Assignment.name == self.assignment)
        query = query if students is None else query.filter(SubmittedAssignment.student_id.in_(students))
        given: dict[str, timedelta | None] = {}
        late_s: dict[str, tuple[str, float]] = {}
        for key, student, handed_in, before, due in query:
            extension = self.extension(student, due, before)
            if extension != before:
                given[key] = extension
            after = (handed_in - due - (extension or timedelta())).total_seconds() if handed_in and due else 0.0
            late_s[key] = student, after
        penalties, problems = self.penalties(session, late_s, students)
        return Changes(given, penalties, tuple(problems))

    def extension(self, student: str, due: datetime | None, before: timedelta | None) -> timedelta | None:
        """The student's extension; the gradebook's own where the course has no file of them."""
        if self.extended is None or due is None:
            return before
        return self.extended[student] - due if student in self.extended else None

    def penalties(
        self, session: Session, late_s: Mapping[str, tuple[str, float]], students: Collection[str] | None
    ) -> tuple[dict[str, float | None], list[Refused]]:
        """Submitted notebook -> penalty, where it is another one than the gradebook has."""
        query = session.query(
            SubmittedNotebook.id,
            SubmittedNotebook.assignment_id,
            SubmittedNotebook.late_submission_penalty,
            SubmittedNotebook.score,
        ).join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        query = query.filter(Notebook.name == self.notebook)
        if students is not None:
            query = query.filter(SubmittedNotebook.assignment_id.in_(late_s))
        changed: dict[str, float | None] = {}
        problems = []
        for key, submission, before, score in query:
            # Another assignment may have a notebook of this name.
            if submission not in late_s:
                continue
            student, seconds = late_s[submission]
            try:
                now = self.bounded(student, float(score), seconds)
            except Exception as error:
                problems.append(Refused(student, f"{type(error).__name__}: {plain_text(error)}"))
                continue
            if now != before:
                changed[key] = now
        return changed, problems

    def bounded(self, student: str, score: float, late_s: float) -> float | None:
        """The plugin's word, kept between nothing and the score as nbgrader does; None for who is on time."""
        if late_s <= 0 or self.penalty is None:
            return None
        penalty = self.penalty(student, score, late_s)
        return None if penalty is None else min(max(penalty, 0.0), score)


def settle(course: Course, lateness: Lateness, say: Callable[[str], None]) -> Iterator[str]:
    """Bring extensions and penalties of everybody up to date; a line for whatever the operator should know."""
    with reading(course) as gradebook:
        changes = lateness.changes(gradebook.db)
    if changes.extensions or changes.penalties:
        with writing(course, say) as gradebook, one_transaction(gradebook.db):
            lateness.changes(gradebook.db).apply(gradebook.db)
        yield f"late penalties changed for {len(changes.penalties)}, extensions for {len(changes.extensions)}"
    for problem in changes.problems:
        yield f"{short_name(problem.name)}: the late penalty could not be computed ({problem.reason}); it is as it was"
    yield from without_effect(course, lateness)
    yield from without_a_time(course, lateness.assignment)


def without_effect(course: Course, lateness: Lateness) -> Iterator[str]:
    """A line on extensions that change nothing: without a due date, or for nobody in the gradebook."""
    if not lateness.extended:
        return
    with reading(course) as gradebook:
        query = gradebook.db.query(Assignment.duedate).filter(Assignment.name == lateness.assignment)
        if query.scalar() is None:
            yield f"{EXTENSIONS_FILE}: the gradebook has no due date for {lateness.assignment}, so that nobody is late"
        unknown = set(lateness.extended) - {key for (key,) in gradebook.db.query(Student.id)}
    if unknown:
        yield f"{EXTENSIONS_FILE}: nobody in the gradebook is called {first_few(sorted(map(short_name, unknown)))}"


def without_a_time(course: Course, assignment: str) -> Iterator[str]:
    """A line on those who are late by their platform's word, which does not say how late."""
    found = [
        short_name(one.student)
        for one in People.load(course).hand_ins.values()
        if one.assignment == assignment and one.late and not one.when
    ]
    if found:
        yield f"late by the platform's word, with no time that a penalty could be computed from: {first_few(found)}"


def penalty_of(course: Course) -> Callable[[str, float, float], float | None] | None:
    """The method of the plugin that `nbgrader autograde` would ask; None when the course's list of steps has none."""
    steps = course.config.get("Autograde", {}).get("autograde_preprocessors")
    # Where the course names no steps they are nbgrader's own, and this is one of them.
    steps = steps if isinstance(steps, list) else [AssignLatePenalties]
    for step in steps:
        kind = import_item(step) if isinstance(step, str) else step
        if isinstance(kind, type) and issubclass(kind, AssignLatePenalties):
            preprocessor = kind(config=course.config)
            preprocessor.init_plugin()
            method: Callable[[str, float, float], float | None] = preprocessor.plugin_inst.late_submission_penalty
            return method
    return None


def extensions(course: Course, assignment: str) -> dict[str, datetime] | None:
    """Student -> extended due date, from the course's file; None when there is none, UsageError when it is unclear."""
    path = course.root / EXTENSIONS_FILE
    try:
        rows = list(csv.DictReader(io.StringIO(time_text(path.read_bytes(), None), newline="")))
    except FileNotFoundError:
        return None
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read ({error})") from error
    if rows and not rows[0].keys() >= COLUMNS:
        raise UsageError(f"{path} needs the columns {', '.join(sorted(COLUMNS))}; see docs/platforms.md")
    times, found = Times.of_course(course), dict[str, datetime]()
    for number, row in enumerate(rows, start=2):
        if (row["assignment"] or "").strip() == assignment:
            try:
                moment = times.read(row["due"] or "")
            except Untimely as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
            found[(row["student"] or "").strip()] = moment.replace(tzinfo=None)
    return found
