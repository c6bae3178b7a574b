"""The class as a table on the terminal and as a CSV file."""

import contextlib
import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from autograder.models import ClassRow, Graded, Score
from autograder.observe.whole import replace_file
from autograder.publish.feedback import run_notes
from autograder.text import plain_name

UNDECIDED = "?"
NOTES_MAX_CHARS = 10_000
"""Of one line; csv itself reads no field of more than 131,072."""


def row_of(graded: Graded) -> ClassRow:
    """What the table says of a submission."""
    scores = tuple(replace(score, messages=(), outcomes=()) for score in graded.scores)
    return ClassRow(plain_name(graded.submission.student), scores, tuple(run_notes(graded)))


def class_table(assignment: str, class_: Sequence[ClassRow]) -> Table:
    """Student x grade cell; "?" marks what waits for a person."""
    table = Table(title=assignment, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("student", overflow="fold")
    for score in class_[0].scores if class_ else ():
        table.add_column(f"{score.grade_id}\n/{score.max_score:g}", justify="right", no_wrap=True)
    table.add_column(f"total\n/{maximum(class_):g}", justify="right", no_wrap=True)
    for row in class_:
        table.add_row(escape(row.student), *map(shown_points, row.scores), total(row))
    return table


def class_notes(class_: Sequence[ClassRow]) -> list[str]:
    """One line per submission to which something happened."""
    return [f"{row.student}: {'; '.join(row.notes)}" for row in class_ if row.notes]


def maximum(class_: Sequence[ClassRow]) -> float:
    """Points that can be had."""
    return sum(score.max_score for score in class_[0].scores) if class_ else 0


def shown_points(score: Score) -> str:
    """Points, or a question mark."""
    return UNDECIDED if score.points is None else f"{score.points:g}"


def total(row: ClassRow | Graded) -> str:
    """Sum of what was decided, with a question mark when something is missing."""
    decided = sum(score.points for score in row.scores if score.points is not None)
    return f"{decided:g}" if row.total is not None else f"{decided:g}{UNDECIDED}"


def write_csv(path: Path, class_: Sequence[ClassRow]) -> None:
    """One line per student; an undecided score is an empty field. Students of earlier runs keep their lines.

    The file is written whole or not at all.
    """
    names = [score.grade_id for score in class_[0].scores] if class_ else []
    header = ["student", *names, "total", "notes"]
    rows = kept_rows(path, header) | {without_formula(row.student): csv_row(row) for row in class_}
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *(rows[student] for student in sorted(rows))])
    replace_file(path, file.getvalue().encode("utf-8", "backslashreplace"))


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
    return {row[0]: row for row in rows if len(row) == len(header)} if first == header else {}


def csv_row(row: ClassRow) -> list[str]:
    """One student's line."""
    points = ["" if score.points is None else f"{score.points:g}" for score in row.scores]
    total = "" if row.total is None else f"{row.total:g}"
    cells = [row.student, *points, total, "; ".join(row.notes)[:NOTES_MAX_CHARS]]
    return [without_formula(cell) for cell in cells]


def without_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text[1:2] else text
