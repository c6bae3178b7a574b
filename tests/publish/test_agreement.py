"""Whoever reads points reads the same ones: table, CSV file, feedback, report, `nbgrader export`, platforms' files."""

import csv
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import nbformat
from nbformat.v4 import new_notebook
from rich.console import Console

from autograder.classrun.ledger import FILE, Ledger
from autograder.classrun.reporting import class_summary
from autograder.course import Course
from autograder.models import ClassRow, Score
from autograder.publish.class_report import report_tables
from autograder.publish.export import ExportOptions, export_points
from autograder.publish.feedback_page import feedback_html, feedback_json, submission_told
from autograder.publish.points import class_points
from autograder.publish.table import class_table, table_lines, write_csv
from tests.publish.gradebooks import HOMEWORK, SCORES, automatic, by_person, course, made, opened
from tests.publish.pages import marked
from tests.publish.platform_samples import SAMPLES
from tests.publish.test_points import exported

__all__ = ["course", "made"]
Totals = dict[str, float | None]
PLACES = ("table", "csv", "nbgrader", "feedback", "report")


def class_rows(scores: Mapping[str, tuple[float | None, float | None]]) -> list[ClassRow]:
    """What a grading says of the class: hidden tests alone."""
    return [
        ClassRow(
            student, (Score("todo1", 10, first), Score("todo2", 10, second)), ("late",) if student == "bob" else ()
        )
        for student, (first, second) in scores.items()
    ]


def shown(course: Course, rows: list[ClassRow]) -> list[list[str]]:
    """Lines of the class table, word by word."""
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(class_table(HOMEWORK, table_lines(rows, class_points(course, HOMEWORK), HOMEWORK)))
        return [line.split() for line in console.export_text().splitlines()]


def in_csv(course: Course, rows: list[ClassRow]) -> list[dict[str, str]]:
    """Lines of the CSV file, after one more grading of these students."""
    path = course.root / "reports" / f"{HOMEWORK}.csv"
    write_csv(path, rows, class_points(course, HOMEWORK), HOMEWORK)
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def on_feedback(course: Course) -> Totals:
    """Totals on students' pages and in the JSON beside them."""
    cells = [marked("", name, grade=True, locked=True, points=10) for name in ("todo1", "todo2")]
    with opened(course) as gradebook:
        found = {s: submission_told(new_notebook(cells=cells), gradebook, s, HOMEWORK, HOMEWORK) for s in SCORES}
    for one in found.values():
        assert f'<p class="total">{one.points:g} of 20 points' in feedback_html(one)
    return {s: None if one.undecided else json.loads(feedback_json(one))["points"] for s, one in found.items()}


def in_report(course: Course) -> Totals:
    """Totals in the class report."""
    folder = course.grading(HOMEWORK)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assignment.py").write_text(
        "from autograder.assignment import Declaration\nDECLARATION = Declaration()\n"
    )
    (folder / "probes.py").touch()
    with closing(Ledger(course.root / FILE)):
        tables = {table.name: table for table in report_tables(class_summary(course, HOMEWORK))}
    waiting = {row[0] for row in tables["waiting"].rows}
    rows = [dict(zip(tables["students"].header, row, strict=True)) for row in tables["students"].rows]
    return {str(row["student"]): None if row["student"] in waiting else float(row["total"] or 0) for row in rows}


def everywhere(course: Course, rows: list[ClassRow]) -> dict[str, Totals]:
    """Totals of the class, by where they are read; None while they wait."""
    lines = {line[0]: line[-1] for line in shown(course, rows) if line and line[0] in SCORES}
    found: dict[str, Totals] = {
        "table": {student: None if text.endswith("?") else float(text) for student, text in lines.items()},
        "csv": {row["student"]: float(row["total"]) if row["total"] else None for row in in_csv(course, rows)},
    }
    found |= {"feedback": on_feedback(course), "report": in_report(course)}
    undecided = {student for student, one in class_points(course, HOMEWORK).items() if one.undecided}
    stock = exported(course, course.root / "stock.csv")
    found["nbgrader"] = {student: None if student in undecided else stock[student] for student in SCORES}
    for name, sample in SAMPLES.items():
        source = course.root / "download"
        source.write_bytes(sample.data)
        done = export_points(course, HOMEWORK, source, course.root / "upload", ExportOptions())
        texts = {student: float(text.replace(",", ".")) for student, text in done.written.items()}
        found[name] = texts | dict.fromkeys(done.undecided)
    return found


def test_all_agree_after_a_manual_score_lateness_extra_credit_and_a_regrade(course: Course) -> None:
    before: Totals = {"ada": 17, "bob": 11.5, "cleo": 15.25, "dan": None}
    assert everywhere(course, class_rows(SCORES)) == dict.fromkeys([*PLACES, *SAMPLES], before)
    scores = SCORES | {"ada": (8, 2), "bob": (10, 6), "cleo": (9, None)}
    with opened(course) as gradebook:
        for student, points in scores.items():
            automatic(gradebook, student, points)
    by_person(course, "dan", "todo2", 3)
    after: Totals = {"ada": 15, "bob": 13.5, "cleo": None, "dan": 9}
    assert everywhere(course, class_rows(scores)) == dict.fromkeys([*PLACES, *SAMPLES], after)


def test_lateness_of_one_notebook_costs_points_of_another_in_the_report_as_in_nbgrader(course: Course) -> None:
    nbformat.write(new_notebook(), course.root / "source" / HOMEWORK / "extra.ipynb")
    with opened(course) as gradebook:
        for student in SCORES:
            gradebook.remove_submission(HOMEWORK, student)
        gradebook.add_notebook("extra", HOMEWORK)
        gradebook.add_grade_cell("more", "extra", HOMEWORK, max_score=4, cell_type="code")
        automatic(gradebook, "ada", (10, 5))
        more = gradebook.find_grade("more", "extra", HOMEWORK, "ada")
        more.auto_score, more.needs_manual_grade = 2, False
        gradebook.find_submission_notebook("extra", HOMEWORK, "ada").late_submission_penalty = 3
    assert in_report(course) == {"ada": 14}
    assert exported(course, course.root / "stock.csv")["ada"] == 14


def test_the_automatic_score_stays_beside_the_manual_one(course: Course) -> None:
    rows = class_rows(SCORES)
    assert ["ada", "10", "7", "(5)", "0", "17"] in shown(course, rows)
    assert ["bob", "10", "4", "-2.5", "11.5"] in shown(course, rows)
    ada, bob, cleo, dan = in_csv(course, rows)
    assert [*ada][:5] == ["student", "todo1", "todo2", "total", "notes"]
    assert (ada["todo2"], ada["automatic"], ada["manual"]) == ("7", "15", "7")
    assert ada["by_person"] == "todo2: 7 (automatic: 5)"
    assert (bob["late_penalty"], bob["notes"], cleo["extra_credit"], cleo["todo2"]) == ("2.5", "late", "1.25", "6.25")
    assert (dan["todo1"], dan["todo2"], dan["total"], dan["assignment_total"]) == ("6", "", "", "")


def test_students_of_earlier_runs_keep_their_notes_and_have_the_points_of_now(course: Course) -> None:
    in_csv(course, class_rows(SCORES))
    by_person(course, "bob", "todo2", 9)
    (bob,) = (row for row in in_csv(course, class_rows({"ada": (10, 5)})) if row["student"] == "bob")
    assert (bob["total"], bob["todo2"], bob["notes"]) == ("16.5", "9", "late")


def test_a_file_without_the_gradebooks_columns_keeps_its_students(course: Course) -> None:
    path = course.root / "reports" / f"{HOMEWORK}.csv"
    write_csv(path, [*class_rows({"zoe": (1, 2)}), *class_rows({"bob": (10, 4)})])
    found = {row["student"]: row for row in in_csv(course, class_rows({"ada": (10, 5)}))}
    assert (found["zoe"]["total"], found["zoe"]["automatic"]) == ("3", "")
    assert (found["bob"]["total"], found["bob"]["notes"]) == ("11.5", "late")


def test_a_run_that_failed_is_undecided_though_the_gradebook_holds_older_points(course: Course, tmp_path: Path) -> None:
    rows = class_rows({"bob": (10, None)})
    assert ["bob", "10", "?", "-2.5", "7.5?"] in shown(course, rows)
    assert in_csv(course, rows)[0]["total"] == ""


def test_a_cell_that_only_a_person_grades_has_a_column_at_the_end(course: Course) -> None:
    with opened(course) as gradebook:
        for student in SCORES:
            gradebook.remove_submission(HOMEWORK, student)
        gradebook.add_task_cell("essay", HOMEWORK, HOMEWORK, max_score=4, cell_type="markdown")
        automatic(gradebook, "ada", (10, 5))
    rows = class_rows({"ada": (10, 5)})
    assert ["ada", "10", "5", "?", "15?"] in shown(course, rows)
    with opened(course) as gradebook:
        gradebook.find_grade("essay", HOMEWORK, HOMEWORK, "ada").manual_score = 3
    assert ["ada", "10", "5", "3", "18"] in shown(course, rows)
    (ada,) = in_csv(course, rows)
    assert [*ada][:6] == ["student", "todo1", "todo2", "total", "notes", "essay"]
    assert (ada["total"], ada["essay"], ada["by_person"]) == ("18", "3", "essay: 3")
