"""What the operator reads at the end of a run, and what lies in reports/."""

from collections.abc import Sequence

from rich.console import Console

from autograder.cells import by_hand
from autograder.classrun.resume import ClassRun, exit_status
from autograder.classrun.settings import Settings
from autograder.course import Course, part_name
from autograder.observe.stop import Stop
from autograder.publish.table import class_notes, class_table, write_csv


def report_class(course: Course, graded: Sequence[ClassRun], stop: Stop, console: Console) -> int:
    """Write and print a table for each notebook; the exit status: 1 if hidden tests could not decide on somebody."""
    lines: list[str] = []
    undecided: list[str] = []
    for one in graded:
        name = part_name(one.settings.assignment.name, one.settings.notebook)
        rows = [one.rows[student] for student in sorted(one.rows)]
        write_csv(course.root / "reports" / f"{name}.csv", rows)
        console.print(class_table(name, rows))
        for note in [*class_notes(rows), *one.notes, *graded_by_hand(one.settings), *skipped(one)]:
            console.print(note, markup=False, highlight=False)
        undecided += [row.student for row in rows if row.undecided and row.student not in undecided]
    if undecided:
        lines.append(f"{len(undecided)} marked for manual grading: {', '.join(undecided)}")
    if stop.reason:
        left = sum(one.left for one in graded)
        lines.append(f"ended early ({stop.reason}), {left} left: give the same command again, and it goes on from here")
    for line in lines:
        console.print(line, markup=False, highlight=False)
    return exit_status(stop) or bool(undecided)


def graded_by_hand(settings: Settings) -> list[str]:
    """A line that names the cells whose points a person gives, if there are any."""
    names = [f"{name} (of {points:g})" for name, points in by_hand(settings.source.cells).items()]
    return [f"graded by a person, in nbgrader's formgrader: {', '.join(names)}"] if names else []


def skipped(graded: ClassRun) -> list[str]:
    """A line that says how many were done before, if any were."""
    return (
        [f"{graded.skipped} were done already and are as they were; --force runs them again"] if graded.skipped else []
    )
