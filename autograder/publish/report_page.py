"""The class report as one page for the instructor, and as CSV files."""

import base64
import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from autograder.observe.whole import replace_file
from autograder.publish.class_report import CellValue, ReportTable
from autograder.publish.feedback_page import PAGE_TEMPLATES, page_environment
from autograder.text import plain_text, without_formula

BAR_WIDTH, CHART_HEIGHT, LABELS_HEIGHT, COUNT_HEIGHT = 56, 160, 24, 20


def report_html(title: str, tables: Sequence[ReportTable]) -> str:
    """The page: one file that fetches nothing, and whose only script is our own, which sorts tables."""
    script = (PAGE_TEMPLATES / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    page = page_environment().get_template("report.html.j2")
    return page.render(
        title=title,
        tables=tables,
        bars=bars(tables[0]),
        script=script,
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
        shown=shown_cell,
        is_number=is_number,
    )


def bars(table: ReportTable) -> list[dict[str, CellValue]]:
    """Where the bars of the distribution stand."""
    counts = [int(row[1] or 0) for row in table.rows]
    tallest = max([1, *counts])
    made: list[dict[str, CellValue]] = []
    for i, (row, count) in enumerate(zip(table.rows, counts, strict=True)):
        height = round(CHART_HEIGHT * count / tallest)
        top = COUNT_HEIGHT + CHART_HEIGHT - height
        label = str(row[0]).partition(" ")[0]
        made.append({"x": i * BAR_WIDTH, "y": top, "height": height, "count": count, "label": label})
    return made


def shown_cell(value: CellValue) -> str:
    """A value of a table, as it is read."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else plain_text(value)


def is_number(table: ReportTable, column: int) -> bool:
    """Whether a column holds numbers."""
    values = [row[column] for row in table.rows if row[column] is not None]
    return bool(values) and all(isinstance(value, int | float) for value in values)


def write_report(path: Path, title: str, tables: Sequence[ReportTable]) -> list[Path]:
    """Write the page, and each table as a CSV file beside it; the files."""
    replace_file(path, report_html(title, tables).encode("utf-8", "backslashreplace"))
    written = [path]
    for table in tables:
        file = io.StringIO(newline="")
        csv.writer(file).writerows([table.header, *(map(csv_cell, row) for row in table.rows)])
        written.append(path.with_name(f"{path.stem}.{table.name}.csv"))
        replace_file(written[-1], file.getvalue().encode("utf-8", "backslashreplace"))
    return written


def csv_cell(value: CellValue) -> str:
    """A value that a spreadsheet takes for no formula."""
    return shown_cell(value) if isinstance(value, int | float) else without_formula(shown_cell(value))
