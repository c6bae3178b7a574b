"""The class report: what it counts, what it hides, and a page with one script that sorts.

Covers autograder/publish/class_report.py.
"""

import base64
import csv
import hashlib
import re
from pathlib import Path

import pytest

from autograder.models import Outcome, Score
from autograder.publish.class_report import ClassSummary, RunSeen, report_tables
from autograder.publish.points import CellPoints, FinalPoints
from autograder.publish.report_page import report_html, write_report

RUN = RunSeen(2.5, 60.0)


def class_of(count: int, *, anonymous: bool = False, reason: str = "the columns are wrong") -> ClassSummary:
    """Students of whom every second fails the first of two hidden tests, and the last one waits."""
    summary = ClassSummary("ps1", anonymous, {"exercise_1": "Exercise 1"})
    for number in range(count):
        kinds = ("failed" if number % 2 else "passed", "failed" if number % 4 > 1 else "passed")
        outcomes = tuple(
            Outcome("s", "exercise_1", f"test_{name}", 1, kind, reason if kind == "failed" else "")
            for name, kind in zip("ab", kinds, strict=True)
        )
        points = None if number == count - 1 else float(kinds.count("passed"))
        reasons = tuple({outcome.message for outcome in outcomes if outcome.message})
        waits = summary.take_scores(f"s{number}", [Score("exercise_1", 2, points, reasons, outcomes)])
        held = FinalPoints(f"s{number}", (CellPoints("ps1", "exercise_1", 2, points, None),), (("ps1", 0),))
        summary.take_run(["locked cell 'x' had been changed: y.ipynb"], [])
        summary.take_points(f"s{number}", held, waits, RUN)
    return summary


def rows(summary: ClassSummary, name: str) -> list[tuple[object, ...]]:
    """The rows of one table."""
    return list(next(table for table in report_tables(summary) if table.name == name).rows)


def test_points_pass_rate_and_who_waits_are_counted() -> None:
    summary = class_of(5)
    assert rows(summary, "exercises") == [("Exercise 1", 2, 1.0, 25.0, 1, 2, 1, 1)]
    assert [row[1] for row in rows(summary, "distribution")] == [2, 0, 0, 0, 0, 2, 0, 0, 0, 1]
    assert [row[:2] for row in rows(summary, "waiting")] == [("s4", "Exercise 1")]


def test_a_mistake_counts_once_per_student() -> None:
    assert rows(class_of(5), "mistakes") == [("Exercise 1", "the columns are wrong", 3)]


def test_a_repair_is_counted_without_the_names_in_it() -> None:
    assert rows(class_of(3), "events") == [("repair", "locked cell '…' had been changed", 3)]


@pytest.mark.parametrize(("count", "shown"), [(29, False), (30, True)])
def test_difficulty_and_discrimination_need_thirty_submissions(count: int, shown: bool) -> None:
    first, second = rows(class_of(count), "hidden_tests")
    assert [value is not None for row in (first, second) for value in row[3:]] == [shown] * 4


def test_a_hidden_test_that_follows_the_others_discriminates() -> None:
    summary = ClassSummary("ps1", titles={"e": "E"})
    for number in range(40):
        kind = "passed" if number < 20 else "failed"
        outcomes = tuple(Outcome("s", "e", f"test_{name}", 1, kind) for name in "ab")
        summary.take_scores(f"s{number}", [Score("e", 2, 1, (), outcomes)])
    assert [row[3:] for row in rows(summary, "hidden_tests")] == [(50.0, pytest.approx(1))] * 2


def test_without_names_nothing_is_in_a_students_words() -> None:
    told = report_html("Report", report_tables(class_of(3, anonymous=True, reason="raised ValueError: I am Ada")))
    assert "Ada" not in told
    assert "other reasons, of one student each" in told


def test_the_page_allows_its_own_script_and_nothing_else() -> None:
    page = report_html("Report", report_tables(class_of(2, reason="</script><script>alert(1)</script>")))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page


def test_the_figure_has_a_title_a_description_and_a_table() -> None:
    page = report_html("Report", report_tables(class_of(3)))
    assert re.search(r'<svg[^>]*role="img"[^>]*aria-labelledby="chart_title chart_desc"', page)
    assert "0 to 0.2 points: 1." in page
    assert "The same as a table" in page


def test_each_table_is_a_csv_file_whose_cells_are_no_formulas(tmp_path: Path) -> None:
    summary = class_of(3)
    summary.students["=1+1"] = summary.students.pop("s0")
    files = write_report(tmp_path / "r.html", "Report", report_tables(summary))
    assert {path.name for path in files} >= {"r.html", "r.students.csv", "r.hidden_tests.csv"}
    with (tmp_path / "r.students.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["student", "s1", "s2", "'=1+1"]
