"""Gather what the class report tells: points from the gradebook, outcomes from the history, runs from the Records.

One Record is in memory at a time.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from autograder.classrun.history import History
from autograder.classrun.ledger import FILE, Ledger
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import GraderError, UsageError
from autograder.models import Record
from autograder.observe import record as records
from autograder.publish.class_report import MEBIBYTE, ClassSummary, RunSeen
from autograder.publish.exercises import exercise_places
from autograder.publish.points import FinalPoints, class_points
from autograder.text import plain_name, plain_text

NOTES_SHOWN_MAX_CHARS = 500


@contextmanager
def read_ledger(course: Course) -> Iterator[Ledger]:
    """The ledger of a course that was graded; UsageError when there is none."""
    path = course.root / FILE
    if not path.is_file():
        raise UsageError(f"there is no {path}: nothing has been graded here. Next: autograder grade NAME")
    with closing(Ledger(path)) as ledger:
        yield ledger


def class_summary(course: Course, assignment: str, *, anonymous: bool = False) -> ClassSummary:
    """The class of an assignment, all of its notebooks; UsageError when nobody is graded."""
    summary = ClassSummary(assignment, anonymous)
    with read_ledger(course) as ledger:
        chosen = [settings_in(course, assignment, name) for name in course.notebooks(assignment)]
        points = class_points(course, assignment)
        named = known_as([*points], anonymous)
        for settings in chosen:
            first = prefix_of(settings)
            summary.titles |= {
                f"{first}{p.grade_id}": f"{first}{p.title}" for p in exercise_places(settings.source.cells)
            }
            history = History(ledger, settings)
            for student, whole in points.items():
                held = whole.of_notebook(settings.notebook)
                if held.penalties:
                    add_student(course, summary, settings, history, named[student], held)
    if not summary.students:
        raise UsageError(f"the gradebook has nobody's points in {assignment}. Next: autograder grade {assignment}")
    # The order of the gradebook would tell the names.
    places_of = {name: number for number, name in enumerate(named.values())}
    summary.students = dict(sorted(summary.students.items(), key=lambda one: places_of[one[0]]))
    summary.waiting.sort(key=lambda row: places_of[row[0]])
    return summary


def prefix_of(settings: Settings) -> str:
    """What tells exercises of another notebook from those of the one that is named like the assignment."""
    return "" if settings.notebook == settings.assignment.name else f"{settings.notebook}: "


def known_as(students: list[str], anonymous: bool) -> dict[str, str]:
    """What each student is called; without names, a number that the order of names does not tell."""
    if not anonymous:
        return {student: plain_name(student) for student in sorted(students)}
    shuffled = list(students)
    secrets.SystemRandom().shuffle(shuffled)
    return {student: f"student {number}" for number, student in enumerate(shuffled, 1)}


def add_student(
    course: Course,
    summary: ClassSummary,
    settings: Settings,
    history: History,
    name: str,
    points: FinalPoints,
) -> None:
    """Add what is known of a student's notebook."""
    decision, first = history.decision(points.student), prefix_of(settings)
    scores = [replace(one, grade_id=f"{first}{one.grade_id}") for one in decision.scores] if decision else []
    reasons = summary.take_scores(name, scores)
    cells = tuple(replace(cell, grade_id=f"{first}{cell.grade_id}") for cell in points.cells)
    path = records.path_of(course.records(settings.assignment.name, settings.notebook), points.student)
    run = RunSeen()
    try:
        record = records.saved_at(path).summary
        run = seen_of(record)
        summary.take_run(record.repairs, record.faults)
    except GraderError as error:
        run = RunSeen(note=str(error))
    summary.take_points(name, replace(points, cells=cells), reasons, run)


def seen_of(record: Record) -> RunSeen:
    """What is kept of a run."""
    notes = [record.not_run] if record.not_run else []
    notes += [*record.repairs, *(f"{fault.where}: {fault.message}" for fault in record.faults)]
    note = plain_text("; ".join(notes))[:NOTES_SHOWN_MAX_CHARS]
    took = None if record.not_run else record.wall_s
    return RunSeen(took, record.peak_memory_bytes / MEBIBYTE or None, note)
