"""What the gradebook holds of a submitted notebook: the one source of points for pages that people read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from sqlalchemy.orm import selectinload

READ_TOGETHER = 200
"""Students whose entries are in memory at one time."""


@dataclass(frozen=True)
class CellMarks:
    """Points of one graded cell."""

    maximum: float
    automatic: float | None
    manual: float | None
    extra: float
    waits: bool
    """Whether a person has to look at it."""

    @property
    def points(self) -> float | None:
        """What counts; None while nobody has decided."""
        given = self.automatic if self.manual is None else self.manual
        return None if given is None else given + self.extra


@dataclass(frozen=True)
class NotebookMarks:
    """Points and a person's comments of one submitted notebook."""

    cells: Mapping[str, CellMarks] = field(default_factory=dict)
    """By grade id."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """What a person wrote, by the cell that it is about."""
    penalty: float = 0.0
    """For a late submission."""

    @property
    def undecided(self) -> tuple[str, ...]:
        """Cells that nobody has decided."""
        return tuple(name for name, cell in self.cells.items() if cell.points is None)

    @property
    def total(self) -> float:
        """The sum of what is decided, less the penalty, and never below zero."""
        return max(0.0, sum(cell.points or 0.0 for cell in self.cells.values()) - self.penalty)

    @property
    def maximum(self) -> float:
        """Points that can be had."""
        return sum(cell.maximum for cell in self.cells.values())


def notebook_marks(gradebook: Gradebook, student: str, assignment: str, notebook: str) -> NotebookMarks:
    """What an open gradebook holds; nothing where it knows no such submission."""
    try:
        return marks_in(gradebook.find_submission_notebook(notebook, assignment, student))
    except MissingEntry:
        return NotebookMarks()


def marks_in(submitted: SubmittedNotebook) -> NotebookMarks:
    """The same of the gradebook's own object."""
    cells = {
        grade.name: CellMarks(
            float(grade.max_score),
            grade.auto_score,
            grade.manual_score,
            float(grade.extra_credit or 0),
            bool(grade.needs_manual_grade),
        )
        for grade in submitted.grades
    }
    comments = {one.name: one.manual_comment for one in submitted.comments if (one.manual_comment or "").strip()}
    return NotebookMarks(cells, comments, float(submitted.late_submission_penalty or 0))


def class_marks(gradebook: Gradebook, assignment: str) -> Iterator[tuple[tuple[str, str], NotebookMarks]]:
    """((notebook, student), marks) of everybody in an assignment, some students at a time."""
    students = sorted(
        student
        for (student,) in gradebook.db.query(SubmittedAssignment.student_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .filter(Assignment.name == assignment)
    )
    of_each = (selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments))
    for first in range(0, len(students), READ_TOGETHER):
        query = gradebook.db.query(SubmittedNotebook).join(SubmittedAssignment).join(Assignment).options(*of_each)
        part = students[first : first + READ_TOGETHER]
        found = query.filter(Assignment.name == assignment, SubmittedAssignment.student_id.in_(part))
        for submitted in found:
            yield (submitted.name, submitted.student.id), marks_in(submitted)
        gradebook.db.expunge_all()
