"""The class as a table on the terminal and as a CSV file: points as the gradebook has them, those of people too."""

import contextlib
import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from autograder.models import ClassRow, Graded, Score
from autograder.observe.whole import replace_file
from autograder.publish.feedback import run_notes
from autograder.publish.points import CellPoints, FinalPoints, shown_number
from autograder.text import plain_name, without_formula

UNDECIDED = "?"
NOTES_MAX_CHARS = 10_000
"""Of one line; csv itself reads no field of more than 131,072."""
OF_THE_GRADEBOOK = ("automatic", "manual", "extra_credit", "late_penalty", "by_person", "assignment_total")
"""Columns at the end of the CSV file; cells that only a person grades stand before them."""
Points = Mapping[str, FinalPoints]
"""Student -> what the gradebook holds for the assignment."""


@dataclass(frozen=True)
class TableLine:
    """What the run says of one student's notebook, and what the gradebook holds of it."""

    row: ClassRow
    points: FinalPoints | None = None
    """Of this notebook; None when the gradebook holds nothing of the student."""
    whole: FinalPoints | None = None
    """Of the assignment with all its notebooks."""

    @cached_property
    def cells(self) -> dict[str, CellPoints]:
        """Grade id -> what the gradebook holds."""
        return {cell.grade_id: cell for cell in self.points.cells} if self.points else {}

    @cached_property
    def counted(self) -> dict[str, float | None]:
        """Grade id -> points that count, extra credit included; None while nobody has decided.

        A run that could not be judged says so, even if the gradebook holds points from before.
        """
        judged = {score.grade_id: score.points for score in self.row.scores}
        found = {name: cell.points for name, cell in self.cells.items()}
        failed = {name for name in found if judged.get(name, 0) is None and self.cells[name].manual is None}
        return judged | found | dict.fromkeys(failed)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Grade ids that hidden tests should have decided, and neither they nor a person did."""
        return tuple(score.grade_id for score in self.row.scores if self.counted[score.grade_id] is None)

    @property
    def decided(self) -> float:
        """What the student has for sure, lateness taken off."""
        penalty = self.points.penalty if self.points else 0
        return max(0.0, sum(points for points in self.counted.values() if points is not None) - penalty)

    @property
    def total(self) -> float | None:
        """The points of this notebook, or None while some of them wait."""
        return None if None in self.counted.values() else self.decided

    def shown(self, name: str) -> str:
        """Points of one cell; where a person gave others than the hidden tests, theirs in brackets."""
        cell, points = self.cells.get(name), self.counted.get(name)
        text = UNDECIDED if points is None else shown_number(points)
        both = cell is not None and cell.manual is not None and cell.automatic not in (None, cell.manual)
        return f"{text} ({shown_number(cell.automatic)})" if cell and both and cell.automatic is not None else text


def row_of(graded: Graded) -> ClassRow:
    """What the table says of a submission."""
    scores = tuple(bare_score(score.grade_id, score.max_score, score.points) for score in graded.scores)
    return ClassRow(plain_name(graded.submission.student), scores, tuple(run_notes(graded)))


@lru_cache(maxsize=4096, typed=True)
def bare_score(grade_id: str, max_score: float, points: float | None) -> Score:
    """A score without reasons: the same object for the same points, since those of a whole class are kept."""
    return Score(grade_id, max_score, points)


def table_lines(class_: Sequence[ClassRow], points: Points, notebook: str) -> list[TableLine]:
    """The rows of a notebook beside what the gradebook holds of it."""
    found = {plain_name(student): one for student, one in points.items()}
    return [with_gradebook(row, found.get(row.student), notebook) for row in class_]


def with_gradebook(row: ClassRow, whole: FinalPoints | None, notebook: str) -> TableLine:
    """One row beside what the gradebook holds of the student."""
    return TableLine(row, whole.of_notebook(notebook) if whole else None, whole)


def most_of_each(lines: Sequence[TableLine]) -> dict[str, float]:
    """Grade id -> points that can be had, cells that hidden tests judge first."""
    judged = {score.grade_id: score.max_score for line in lines for score in line.row.scores}
    return judged | {name: cell.max_score for line in lines for name, cell in line.cells.items()}


def class_table(assignment: str, lines: Sequence[ClassRow | TableLine]) -> Table:
    """Student x grade cell; "?" marks what waits for a person."""
    class_ = [line if isinstance(line, TableLine) else TableLine(line) for line in lines]
    most = most_of_each(class_)
    late = any(line.points and line.points.penalty for line in class_)
    table = Table(title=assignment, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("student", overflow="fold")
    for name, points in most.items():
        table.add_column(f"{name}\n/{points:g}", justify="right", no_wrap=True)
    if late:
        table.add_column("late", justify="right", no_wrap=True)
    table.add_column(f"total\n/{sum(most.values()):g}", justify="right", no_wrap=True)
    for line in class_:
        penalty = [shown_number(-line.points.penalty) if line.points else ""] if late else []
        table.add_row(escape(line.row.student), *map(line.shown, most), *penalty, total(line))
    return table


def class_notes(class_: Sequence[ClassRow]) -> list[str]:
    """One line per submission to which something happened."""
    return [f"{row.student}: {'; '.join(row.notes)}" for row in class_ if row.notes]


def total(row: ClassRow | Graded | TableLine) -> str:
    """Sum of what was decided, with a question mark when something is missing."""
    if isinstance(row, TableLine):
        return f"{shown_number(row.decided)}{'' if row.total is not None else UNDECIDED}"
    decided = sum(score.points for score in row.scores if score.points is not None)
    return f"{decided:g}" if row.total is not None else f"{decided:g}{UNDECIDED}"


def write_csv(path: Path, class_: Sequence[ClassRow], points: Points | None = None, notebook: str = "") -> None:
    """One line per student; an undecided score is an empty field. Students of earlier runs keep their lines.

    With ``points`` of the gradebook they count, for students of earlier runs too, and have columns of their own at the
    end. The file is written whole or not at all.
    """
    lines = table_lines(class_, points or {}, notebook)
    names = list({score.grade_id: None for line in lines for score in line.row.scores})
    header = ["student", *names, "total", "notes"]
    lines = [*kept_lines(path, header, points or {}, notebook, {line.row.student for line in lines}), *lines]
    more = [name for name in most_of_each(lines) if name not in names]
    rows = {without_formula(line.row.student): csv_row(line, names, more, points is not None) for line in lines}
    later = [*more, *OF_THE_GRADEBOOK] if points is not None else []
    file = io.StringIO(newline="")
    csv.writer(file).writerows([[*header, *later], *(rows[student] for student in sorted(rows))])
    replace_file(path, file.getvalue().encode("utf-8", "backslashreplace"))


def kept_lines(path: Path, header: list[str], points: Points, notebook: str, but: set[str]) -> list[TableLine]:
    """The lines of an existing file of everybody else, beside what the gradebook holds of them now."""
    written = {without_formula(plain_name(student)): one for student, one in points.items()}
    others = {without_formula(student) for student in but}
    return [
        with_gradebook(row_again(fields, header), written.get(student), notebook)
        for student, fields in kept_rows(path, header).items()
        if student not in others
    ]


def row_again(fields: list[str], header: list[str]) -> ClassRow:
    """A row from its line in the file; its notes are one text."""
    scores = zip(header[1:-2], fields[1:], strict=False)
    given = tuple(Score(name, 0, as_number(text)) for name, text in scores)
    notes = fields[len(header) - 1]
    return ClassRow(fields[0], given, (notes,) if notes else ())


def as_number(text: str) -> float | None:
    """The number that a field holds; None when it holds none."""
    try:
        return float(text.removeprefix("'"))
    except ValueError:
        return None


def kept_rows(path: Path, header: list[str]) -> dict[str, list[str]]:
    """The lines of an existing file by student, if it has the same columns; one that cannot be read is put aside."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            first, *rows = csv.reader(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error):
        with contextlib.suppress(OSError):
            os.replace(path, path.with_suffix(".damaged.csv"))
        return {}
    same = first[: len(header)] == header
    return {row[0]: row for row in rows if len(row) == len(first)} if same else {}


def csv_row(line: TableLine, names: Sequence[str], more: Sequence[str], with_points: bool) -> list[str]:
    """One student's line."""
    points = [number_or_nothing(line.counted.get(name)) for name in names]
    cells = [line.row.student, *points, number_or_nothing(line.total), "; ".join(line.row.notes)[:NOTES_MAX_CHARS]]
    if with_points:
        cells += [number_or_nothing(line.counted.get(name)) for name in more]
        cells += columns_of_gradebook(line)
    return [without_formula(cell) for cell in cells]


def columns_of_gradebook(line: TableLine) -> list[str]:
    """What the gradebook's own columns say of one student."""
    if (found := line.points) is None or line.whole is None:
        return [""] * len(OF_THE_GRADEBOOK)
    failed = line.total is None or line.whole.total is None
    sums = (found.automatic, found.manual, found.extra, found.penalty)
    whole = None if failed else line.whole.total
    return [*map(number_or_nothing, sums), "; ".join(map(told_of, found.by_hand)), number_or_nothing(whole)]


def told_of(cell: CellPoints) -> str:
    """What a person gave for a cell, and what hidden tests had given."""
    before = "" if cell.automatic is None else f" (automatic: {shown_number(cell.automatic)})"
    return f"{cell.grade_id}: {shown_number(cell.manual or 0)}{before}"


def number_or_nothing(points: float | None) -> str:
    """Points, or an empty text where there are none."""
    return "" if points is None else shown_number(points)
