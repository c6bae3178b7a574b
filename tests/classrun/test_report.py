"""What the operator reads at the end of a run, once people have given points too."""

import csv
import io

import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.classrun import report
from autograder.classrun.report import report_class
from autograder.classrun.resume import ClassRun
from autograder.course import Course
from autograder.errors import Locked
from autograder.models import ClassRow, Score
from autograder.publish.database import quiet_sqlalchemy
from autograder.publish.table import class_table
from tests.classrun.without_kernels import NAME, Class


def said(class_: Class, graded: ClassRun) -> tuple[int, str]:
    """Exit status and output."""
    text = io.StringIO()
    return report_class(class_.course, [graded], class_.stop, Console(file=text, width=200)), text.getvalue()


@pytest.mark.parametrize("students", [0, 1, 2, 7])
@pytest.mark.parametrize("width", [20, 100])
def test_a_table_by_the_line_looks_as_one_that_is_printed_whole(
    students: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "LINES_TOGETHER", 3)
    rows = [ClassRow(f"student {number}", (Score("todo1", 10, number),)) for number in range(students)]
    whole, by_line = (Console(file=io.StringIO(), width=width, force_terminal=True, record=True) for _ in range(2))
    whole.print(class_table(NAME, rows))
    report.print_by_line(by_line, class_table(NAME, rows))
    assert by_line.export_text(styles=True) == whole.export_text(styles=True)


def by_person(course: Course, student: str, points: float) -> None:
    """A person's score for the first exercise, as formgrader writes it."""
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url) as gradebook:
        grade = gradebook.find_grade("exercise_1", NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def totals_in_file(course: Course) -> dict[str, str]:
    with (course.root / "reports" / f"{NAME}.csv").open(newline="") as file:
        return {row["student"]: row["total"] for row in csv.DictReader(file)}


def test_a_persons_score_counts_and_is_named_after_a_regrade(class_: Class) -> None:
    class_.grade()
    by_person(class_.course, "ada", 3)
    status, text = said(class_, class_.grade())
    assert (status, "scored by a person before" in text) == (0, False)
    assert totals_in_file(class_.course) == {"ada": "8", "bob": "10", "cleo": "10"}
    assert "3 (5)" in text
    status, text = said(class_, class_.grade(judge_again=True))
    assert status == 0
    assert "scored by a person before they were graded again, which counts: ada (exercise_1)" in text
    assert totals_in_file(class_.course)["ada"] == "8"


def test_who_was_decided_by_a_person_waits_for_nobody(class_: Class) -> None:
    class_.starved = {"bob"}
    graded = class_.grade()
    with quiet_sqlalchemy(), Gradebook(class_.course.gradebook_url) as gradebook:
        for grade in gradebook.find_submission_notebook(NAME, NAME, "bob").grades:
            grade.auto_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
    status, text = said(class_, graded)
    assert (status, "1 marked for manual grading: bob" in text) == (1, True)
    by_person(class_.course, "bob", 4)
    assert "marked for manual grading: bob" in said(class_, graded)[1]
    with quiet_sqlalchemy(), Gradebook(class_.course.gradebook_url) as gradebook:
        grade = gradebook.find_grade("exercise_2", NAME, NAME, "bob")
        grade.manual_score, grade.needs_manual_grade = 5, False
        gradebook.db.commit()
    assert said(class_, graded)[0] == 0
    assert totals_in_file(class_.course)["bob"] == "9"


def test_a_gradebook_that_cannot_be_read_leaves_the_table_of_the_hidden_tests(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*arguments: object) -> object:
        raise Locked("another program holds the gradebook")

    graded = class_.grade()
    monkeypatch.setattr(report, "class_points", locked)
    status, text = said(class_, graded)
    assert status == 1
    assert "are not in the table: another program holds the gradebook" in text
