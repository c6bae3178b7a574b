"""Points into a platform's own file: one column is filled, everything else comes back byte for byte."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course
from autograder.errors import UsageError
from autograder.observe.whole import replace_file
from autograder.publish.database import reading
from autograder.publish.grade_files import GradeFile, chosen_column, read_grade_file
from autograder.publish.lateness import Lateness
from autograder.publish.platform_formats import GradeColumn, PlatformName
from autograder.publish.points import DECIMALS, FinalPoints, class_points, points_possible, shown_number
from autograder.publish.roll import Roll, doubled, waiting_in
from autograder.publish.sheet import Sheet
from autograder.text import short_name

NAMED_MAX = 20
"""Students named in one line; the others are counted."""
EXCUSED = "ex"
"""What Canvas writes for points of a student who need not hand in; points in its place would take that back."""
TEST_STUDENT = ("student, test", "test student")
"""Canvas's own, in every course; nobody's points."""


@dataclass(frozen=True)
class ExportOptions:
    """How the file is filled where the instructor has a choice."""

    platform: PlatformName | None = None
    column: str = ""
    scale: bool | None = None
    """Whether points become the platform's where it allows another maximum; None refuses it."""
    zero_missing: bool = False
    """Whether a known student who handed in nothing has 0, as in `nbgrader export`."""


@dataclass
class Exported:
    """What was written for whom, and who was left out and why."""

    platform: PlatformName
    column: GradeColumn
    written: dict[str, str] = field(default_factory=dict)
    """Student -> the text in the file."""
    undecided: list[str] = field(default_factory=list)
    ungraded: list[str] = field(default_factory=list)
    """Students who have handed in and have no points: nobody has graded it, or nobody could."""
    missing: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    """Rows that are no student of ours, or not surely one."""
    stale: int = 0
    """Late penalties that the course's rules would change: a score or a due date is another one by now."""
    without_row: list[str] = field(default_factory=list)
    """Students of ours whom the file does not have."""

    @property
    def complete(self) -> bool:
        """Whether every row is a student and every student has a row."""
        return not (self.unmatched or self.without_row)

    def told(self, path: Path) -> list[str]:
        """What the instructor should read."""
        left = "their rows are left out" if self.platform == "canvas" else "their cells are as they were"
        lines = [f"{self.platform}: {len(self.written)} have points in {short_name(self.column.header)!r} of {path}"]
        for people, what in (
            (self.undecided, f"wait for a person (?); {left}"),
            (self.ungraded, "have handed in and are not graded; their cells are as they were"),
            (self.missing, "handed in nothing; their cells are as they were"),
            (self.locked, "cannot be changed in the platform, by the file; their cells are as they were"),
            (self.excused, "are excused on the platform; their cells are as they were"),
            (self.above, f"have more than the {self.column.most_text.strip()} points that the platform allows"),
            (self.unmatched, "of the file's rows are no student of this course for sure; they are as they were"),
            (self.without_row, "have points here and no row in the file"),
        ):
            lines += [f"{len(people)} {what}: {some_of(people)}"] if people else []
        if self.stale:
            lines.append(f"{self.stale} late penalties are out of date: give `autograder rejudge` and export again")
        return lines


def some_of(names: Sequence[str]) -> str:
    """Names for a terminal, not more than can be read."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(map(short_name, names[:NAMED_MAX])) + more


def export_points(course: Course, assignment: str, source: Path, target: Path, options: ExportOptions) -> Exported:
    """Fill the assignment's points into a platform's file, and write it elsewhere; UsageError when that fails."""
    course.notebooks(assignment)
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the platform's own file, which is kept as it was; name another one with -o")
    file = read_grade_file(Sheet.read(source), options.platform)
    column = chosen_column(file, assignment, options.column)
    filling = Filling(file, column, factor(course, assignment, column, options.scale), Exported(file.platform, column))
    points = class_points(course, assignment)
    if not points:
        raise UsageError(f"the gradebook has no points for {assignment}; grade it first: autograder grade {assignment}")
    filling.done.stale = stale_penalties(course, assignment)
    roll = Roll.of(course, assignment)
    waiting = waiting_in(course, roll.people, assignment) - points.keys()
    data = filling.filled(roll, points, waiting, options.zero_missing)
    try:
        replace_file(target, data)
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}); name another place with -o") from error
    return filling.done


def stale_penalties(course: Course, assignment: str) -> int:
    """How many late penalties another run would change: people change scores in formgrader, and penalties stay."""
    with reading(course) as gradebook:
        every = [Lateness.of(course, assignment, one) for one in course.notebooks(assignment)]
        return sum(len(one.changes(gradebook.db).penalties) for one in every)


def factor(course: Course, assignment: str, column: GradeColumn, scale: bool | None) -> float:
    """What points are multiplied by; UsageError when the platform's maximum is another one and nobody has decided."""
    possible = points_possible(course, assignment)
    if column.most is None and (scale or (column.has_unread_maximum and scale is None)):
        raise UsageError(
            f"{short_name(column.header)!r} does not say for sure how many points it allows "
            f"({short_name(column.most_text.strip()) or 'nothing'}), so that nothing can be converted; look at the "
            "platform, and give --no-scale to write the points as they are"
        )
    if column.most is None or math.isclose(column.most, possible) or scale is False:
        return 1
    if scale is None or not possible:
        raise UsageError(
            f"{short_name(column.header)!r} allows {shown_number(column.most)} points and {assignment} has "
            f"{shown_number(possible)}: give --scale to convert them, or --no-scale to write them as they are"
        )
    return column.most / possible


@dataclass
class Filling:
    """One file while it is filled."""

    file: GradeFile
    column: GradeColumn
    factor: float
    done: Exported
    left_out: list[int] = field(default_factory=list)

    def filled(self, roll: Roll, points: Mapping[str, FinalPoints], waiting: Set[str], zero_missing: bool) -> bytes:
        """The file with everybody's points; who waits to be graded has none, and no 0 either."""
        rows = [self.file.ids(line) for line in self.file.students]
        matches = roll.matches(rows)
        twice = doubled(matches)
        comma = self.file.decimal_comma(self.column)
        for line, row, match in zip(self.file.students, rows, matches, strict=True):
            student = next(iter(match)) if len(match) == 1 else ""
            if not student or student in twice:
                self.done.unmatched += [] if is_test_student(row) else [row_label(row)]
            elif student in waiting:
                self.done.ungraded.append(student)
            elif student in points or zero_missing:
                self.fill(line, student, points.get(student), comma)
            else:
                self.done.missing.append(student)
        there = {student for match in matches if len(match) == 1 for student in match} - twice
        self.done.without_row += sorted(points.keys() - there)
        return self.file.sheet.data(self.left_out)

    def fill(self, line: int, student: str, points: FinalPoints | None, comma: bool) -> None:
        """Write one student's points, if they are decided and the platform takes them."""
        total = points.total if points else 0.0
        if total is None:
            self.done.undecided.append(student)
            self.left_out += [line] if self.file.platform == "canvas" else []
        elif self.file.is_locked(line, self.column):
            self.done.locked.append(student)
        elif self.file.sheet.value(line, self.column.number).strip().casefold() == EXCUSED:
            self.done.excused.append(student)
        else:
            total *= self.factor
            self.done.above += [student] if self.column.most is not None and total > self.column.most else []
            text = f"{total:.{DECIMALS}f}"
            self.done.written[student] = text.replace(".", ",") if comma else text
            self.file.sheet.write(line, self.column.number, self.done.written[student])


def is_test_student(row: Mapping[str, str]) -> bool:
    """Whether a row is Canvas's own test student."""
    name = row.get("name") or f"{row.get('first', '')} {row.get('last', '')}"
    return "canvas.id" in row and name.casefold() in TEST_STUDENT


def row_label(row: Mapping[str, str]) -> str:
    """What a row calls its student: the id, and the name."""
    ids = [value for key, value in row.items() if key not in ("name", "first", "last")]
    name = row.get("name") or f"{row.get('first', '')} {row.get('last', '')}".strip()
    return " ".join([*ids[:1], f"({name})" if name else ""]).strip()
