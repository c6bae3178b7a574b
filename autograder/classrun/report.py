"""What the operator reads at the end of a run, and what lies in reports/."""

from collections.abc import Sequence

from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table

from autograder.cells import by_hand
from autograder.classrun.resume import ClassRun, exit_status
from autograder.classrun.settings import Settings
from autograder.course import Course, part_name
from autograder.errors import GraderError
from autograder.observe.stop import Stop
from autograder.publish.points import class_points
from autograder.publish.table import Points, class_notes, class_table, table_lines, write_csv
from autograder.text import plain_name

LINES_TOGETHER = 100
"""Of a table that is printed."""


def report_class(course: Course, graded: Sequence[ClassRun], stop: Stop, console: Console) -> int:
    """Write and print a table for each notebook; the exit status: 1 if hidden tests could not decide on somebody."""
    lines: list[str] = []
    undecided: list[str] = []
    points = points_of(course, graded, lines)
    status = exit_status(stop.reason) or int(bool(lines))
    for one in graded:
        name = part_name(one.settings.assignment.name, one.settings.notebook)
        rows = [one.rows[student] for student in sorted(one.rows)]
        path = course.root / "reports" / f"{name}.csv"
        try:
            write_csv(path, rows, points, one.settings.notebook)
        except OSError as error:
            lines.append(f"{path} is not written ({error}); the gradebook holds the scores. Grade again, and it is.")
            status = 1
        shown = table_lines(rows, points, one.settings.notebook)
        print_by_line(console, class_table(name, shown))
        for note in [*class_notes(rows), *one.notes, *graded_by_hand(one.settings), *skipped(one)]:
            console.print(note, markup=False, highlight=False)
        undecided += [s for line in shown if line.undecided and (s := line.row.student) not in undecided]
    lines += scored_before({student: points[student] for one in graded for student in one.rows if student in points})
    if undecided:
        lines.append(f"{len(undecided)} marked for manual grading: {', '.join(undecided)}")
    if stop.reason:
        left = sum(one.left for one in graded)
        lines.append(f"ended early ({stop.reason}), {left} left: give the same command again, and it goes on from here")
    for line in lines:
        console.print(line, markup=False, highlight=False)
    return status or int(bool(undecided))


def print_by_line(console: Console, table: Table) -> None:
    """Print a table so many lines at a time: of that of thousands, what Rich makes of it would fill the memory."""
    lines = 0
    part: list[Segment] = []
    for segment in console.render(table):
        part.append(segment)
        lines += segment.text == "\n"
        if lines >= LINES_TOGETHER:
            console.print(Segments(part), end="")
            lines, part = 0, []
    console.print(Segments(part), end="")


def points_of(course: Course, graded: Sequence[ClassRun], lines: list[str]) -> Points:
    """What the gradebook holds of the class; where it cannot be read, a line says that the table is without it."""
    try:
        return class_points(course, graded[0].settings.assignment.name) if graded else {}
    except GraderError as error:
        lines.append(f"scores of people, extra credit and lateness are not in the table: {error}")
        return {}


def scored_before(points: Points) -> list[str]:
    """A line that names whom a person had scored before this grading, if anybody."""
    found = [
        f"{plain_name(student)} ({', '.join(one.to_look_at)})" for student, one in points.items() if one.to_look_at
    ]
    return [f"scored by a person before they were graded again, which counts: {', '.join(found)}"] if found else []


def graded_by_hand(settings: Settings) -> list[str]:
    """A line that names the cells whose points a person gives, if there are any."""
    names = [f"{name} (of {points:g})" for name, points in by_hand(settings.source.cells).items()]
    return [f"graded by a person, in nbgrader's formgrader: {', '.join(names)}"] if names else []


def skipped(graded: ClassRun) -> list[str]:
    """A line that says how many were done before, if any were."""
    return (
        [f"{graded.skipped} were done already and are as they were; --force runs them again"] if graded.skipped else []
    )
