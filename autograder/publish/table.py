"""The class as a table on the terminal and as a CSV file."""

import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from autograder.models import Graded, Score
from autograder.publish.feedback import run_notes
from autograder.text import plain_name

UNDECIDED = "?"
NOTES_MAX_CHARS = 10_000
"""Of one line; csv itself reads no field of more than 131,072."""


def class_table(assignment: str, class_: Sequence[Graded]) -> Table:
    """Student x grade cell; "?" marks what waits for a person."""
    table = Table(title=assignment, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("student", overflow="fold")
    for score in class_[0].scores if class_ else ():
        table.add_column(f"{score.grade_id}\n/{score.max_score:g}", justify="right", no_wrap=True)
    table.add_column(f"total\n/{maximum(class_):g}", justify="right", no_wrap=True)
    for graded in class_:
        table.add_row(escape(plain_name(graded.submission.student)), *map(shown_points, graded.scores), total(graded))
    return table


def class_notes(class_: Sequence[Graded]) -> list[str]:
    """One line per submission to which something happened."""
    notes = ((plain_name(graded.submission.student), "; ".join(run_notes(graded))) for graded in class_)
    return [f"{student}: {note}" for student, note in notes if note]


def maximum(class_: Sequence[Graded]) -> float:
    """Points that can be had."""
    return sum(score.max_score for score in class_[0].scores) if class_ else 0


def shown_points(score: Score) -> str:
    """Points, or a question mark."""
    return UNDECIDED if score.points is None else f"{score.points:g}"


def total(graded: Graded) -> str:
    """Sum of what was decided, with a question mark when something is missing."""
    decided = sum(score.points for score in graded.scores if score.points is not None)
    return f"{decided:g}" if graded.total is not None else f"{decided:g}{UNDECIDED}"


def write_csv(path: Path, class_: Sequence[Graded]) -> None:
    """One line per student; an undecided score is an empty field. Students of earlier runs keep their lines.

    The file is whole at any moment: what is new takes the place of what was there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [score.grade_id for score in class_[0].scores] if class_ else []
    header = ["student", *names, "total", "notes"]
    rows = kept_rows(path, header) | {row[0]: row for row in map(csv_row, class_)}
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
        whole = Path(folder, path.name)
        with whole.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *(rows[student] for student in sorted(rows))])
        os.replace(whole, path)


def kept_rows(path: Path, header: list[str]) -> dict[str, list[str]]:
    """The lines of an existing file by student, if it has the same columns; one that is damaged is put aside."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            first, *rows = csv.reader(file)
    except (csv.Error, ValueError):
        os.replace(path, path.with_suffix(".damaged.csv"))
        return {}
    return {row[0]: row for row in rows if len(row) == len(header)} if first == header else {}


def csv_row(graded: Graded) -> list[str]:
    """One student's line."""
    points = ["" if score.points is None else f"{score.points:g}" for score in graded.scores]
    total = "" if graded.total is None else f"{graded.total:g}"
    notes = "; ".join(run_notes(graded))[:NOTES_MAX_CHARS]
    cells = [plain_name(graded.submission.student), *points, total, notes]
    return [without_formula(cell) for cell in cells]


def without_formula(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text[1:2] else text
