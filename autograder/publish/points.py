"""The one source of final points: what the gradebook holds, by hidden tests and by people, extra credit and lateness.

The class table, the CSV files, the exports to learning platforms, feedback and the class report read it here;
`nbgrader export` adds up the same.
"""

import functools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy.orm import Query

from autograder.course import Course
from autograder.publish.database import reading

DECIMALS = 2


@dataclass(frozen=True, slots=True)
class CellPoints:
    """What one student has for one grade cell."""

    notebook: str
    grade_id: str
    max_score: float
    automatic: float | None
    """Of the hidden tests; None when they did not decide."""
    manual: float | None
    """Of a person; it counts in place of the automatic score, which stays beside it."""
    extra: float = 0
    asked: bool = False
    """Whether the gradebook asks a person to look."""

    @property
    def waits(self) -> bool:
        """Whether nobody has decided. A manual score from before a regrade has been decided."""
        return self.manual is None and (self.automatic is None or self.asked)

    @property
    def given(self) -> float | None:
        """The points that count, extra credit aside; None while they wait for a person."""
        return None if self.waits else self.automatic if self.manual is None else self.manual

    @property
    def points(self) -> float | None:
        """The points that count, extra credit included; None while they wait for a person."""
        return None if self.given is None else self.given + self.extra


cell_points = functools.lru_cache(maxsize=4096, typed=True)(CellPoints)
"""The same object for the same points: most of a class has one of a few."""


@dataclass(frozen=True, slots=True)
class FinalPoints:
    """What one student has for an assignment, or for one of its notebooks."""

    student: str
    cells: tuple[CellPoints, ...]
    penalties: tuple[tuple[str, float], ...] = ()
    """Notebook and late penalty."""

    def of_notebook(self, notebook: str) -> "FinalPoints":
        """The part of one notebook."""
        if {cell.notebook for cell in self.cells} | {name for name, _ in self.penalties} <= {notebook}:
            return self
        cells = tuple(cell for cell in self.cells if cell.notebook == notebook)
        return replace(self, cells=cells, penalties=tuple(one for one in self.penalties if one[0] == notebook))

    @property
    def maximum(self) -> float:
        """Points that can be had."""
        return math.fsum(cell.max_score for cell in self.cells)

    @property
    def automatic(self) -> float:
        """The sum of what hidden tests gave, whatever a person said later."""
        return math.fsum(cell.automatic or 0 for cell in self.cells)

    @property
    def manual(self) -> float | None:
        """The sum of what people gave; None when they gave nothing."""
        given = [cell.manual for cell in self.cells if cell.manual is not None]
        return math.fsum(given) if given else None

    @property
    def extra(self) -> float:
        """Extra credit; as in nbgrader, none for a cell without a score."""
        return math.fsum(cell.extra for cell in self.cells if cell.given is not None)

    @property
    def penalty(self) -> float:
        """Points that lateness costs, over all notebooks."""
        return math.fsum(points for _, points in self.penalties)

    @property
    def decided(self) -> float:
        """What the student has for sure, as `nbgrader export` adds it up: never below zero."""
        given = math.fsum(cell.given or 0 for cell in self.cells)
        return max(0.0, given + self.extra - self.penalty)

    @property
    def total(self) -> float | None:
        """The final points, or None while some of them wait for a person."""
        return None if self.undecided else self.decided

    @property
    def undecided(self) -> tuple[str, ...]:
        """Grade ids that wait for a person."""
        return tuple(cell.grade_id for cell in self.cells if cell.waits)

    @property
    def by_hand(self) -> tuple[CellPoints, ...]:
        """Cells with a score of a person's."""
        return tuple(cell for cell in self.cells if cell.manual is not None)

    @property
    def to_look_at(self) -> tuple[str, ...]:
        """Grade ids with a manual score from before the last grading: they count, and a person should look again."""
        return tuple(cell.grade_id for cell in self.by_hand if cell.asked)


def class_points(course: Course, assignment: str, students: Collection[str] | None = None) -> dict[str, FinalPoints]:
    """Student -> final points, of everybody or of a batch: two queries, however many they are."""
    with reading(course) as gradebook:
        return points_held(gradebook, assignment, students)


def notebook_points(gradebook: Gradebook, student: str, assignment: str, notebook: str) -> FinalPoints:
    """What one student has for one notebook; no cells where the gradebook knows no such submission."""
    held = points_held(gradebook, assignment, [student])
    return held.get(student, FinalPoints(student, ())).of_notebook(notebook)


def points_held(gradebook: Gradebook, assignment: str, students: Collection[str] | None) -> dict[str, FinalPoints]:
    """The same of an open gradebook."""
    session = gradebook.db
    notebooks = {name: most_points(session, id_) for id_, name in notebook_ids(session, assignment)}
    rows = grade_rows(session, assignment, students)
    return {student: final_points(student, list(mine), notebooks) for student, mine in groupby(rows, itemgetter(0))}


def points_possible(course: Course, assignment: str) -> float:
    """Points that can be had for an assignment, as the gradebook knows it."""
    with reading(course) as gradebook:
        notebooks = [most_points(gradebook.db, id_) for id_, _ in notebook_ids(gradebook.db, assignment)]
    return math.fsum(points for cells in notebooks for points in cells.values())


def notebook_ids(session: Any, assignment: str) -> list[tuple[str, str]]:
    """Id and name of each notebook of an assignment."""
    query = session.query(Notebook.id, Notebook.name).join(Assignment, Assignment.id == Notebook.assignment_id)
    return [(id_, name) for id_, name in query.filter(Assignment.name == assignment)]


def most_points(session: Any, notebook: str) -> dict[str, float]:
    """Grade id -> points that can be had."""
    kinds = (GradeCell, TaskCell)
    queries = (session.query(kind.name, kind.max_score).filter(kind.notebook_id == notebook) for kind in kinds)
    rows = [row for query in queries for row in query]
    return {name: float(points or 0) for name, points in rows}


def grade_rows(session: Any, assignment: str, students: Collection[str] | None) -> Iterator[tuple[Any, ...]]:
    """One row for each student and grade cell, by student; one without a cell for a notebook that has none."""
    columns = (SubmittedAssignment.student_id, Notebook.name, SubmittedNotebook.late_submission_penalty, BaseCell.name)
    scores = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
    query: Query[Any] = (
        session.query(*columns, *scores)
        .select_from(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .outerjoin(BaseCell, BaseCell.id == Grade.cell_id)
        .filter(Assignment.name == assignment)
    )
    if students is not None:
        query = query.filter(SubmittedAssignment.student_id.in_(list(students)))
    return iter(query.order_by(SubmittedAssignment.student_id, Notebook.name).yield_per(1000))


def final_points(student: str, rows: list[tuple[Any, ...]], notebooks: dict[str, dict[str, float]]) -> FinalPoints:
    """One student's points, with the grade cells in the order that the gradebook has them in."""
    penalties = {notebook: float(penalty or 0) for _, notebook, penalty, *_ in rows}
    found = {
        (notebook, name): cell_points(notebook, name, notebooks[notebook].get(name, 0), auto, manual, extra or 0, asked)
        for _, notebook, _, name, auto, manual, extra, asked in rows
        if name is not None
    }
    order = [(notebook, name) for notebook in sorted(penalties) for name in notebooks[notebook]]
    return FinalPoints(student, tuple(found[key] for key in order if key in found), tuple(penalties.items()))


def shown_number(points: float) -> str:
    """Points as people write them: two decimals at most."""
    return f"{round(points, DECIMALS) + 0:.{DECIMALS}f}".rstrip("0").rstrip(".")
