"""Final points come from the gradebook, and are those of `nbgrader export`."""

import csv
from pathlib import Path

import pytest
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import event
from sqlalchemy.engine import Engine

from autograder.course import Course
from autograder.publish.points import class_points, points_possible, shown_number
from tests.publish.gradebooks import HOMEWORK, SCORES, TOTALS, automatic, by_person, course, made, opened

__all__ = ["course", "made"]


def exported(course: Course, path: Path) -> dict[str, float]:
    """What `nbgrader export` says."""
    with opened(course) as gradebook:
        CsvExportPlugin(to=str(path), assignment=[HOMEWORK]).export(gradebook)
    with path.open(newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_every_kind_of_points_is_told_apart(course: Course) -> None:
    found = class_points(course, HOMEWORK)
    assert {student: one.total for student, one in found.items()} == TOTALS | {"dan": None}
    ada, bob, cleo, dan = (found[student] for student in SCORES)
    assert (ada.automatic, ada.manual, ada.by_hand[0].automatic, ada.by_hand[0].manual) == (15, 7, 5, 7)
    assert (bob.automatic, bob.penalty, bob.manual) == (14, 2.5, None)
    assert (cleo.automatic, cleo.extra) == (14, 1.25)
    assert (dan.undecided, dan.decided) == (("todo2",), 6)
    assert points_possible(course, HOMEWORK) == 20


def test_nbgrader_export_adds_up_the_same_before_and_after_a_regrade(course: Course, tmp_path: Path) -> None:
    def ours() -> dict[str, float]:
        return {student: one.decided for student, one in class_points(course, HOMEWORK).items()} | {"eve": 0}

    assert ours() == exported(course, tmp_path / "x.csv")
    with opened(course) as gradebook:
        automatic(gradebook, "ada", (8, 6))
        automatic(gradebook, "dan", (6, 1))
    assert ours() == exported(course, tmp_path / "x.csv") == TOTALS | {"ada": 15, "dan": 7, "eve": 0}


def test_a_manual_score_counts_after_a_regrade_and_is_to_be_looked_at(course: Course) -> None:
    with opened(course) as gradebook:
        automatic(gradebook, "ada", (10, None))
    ada = class_points(course, HOMEWORK)["ada"]
    assert (ada.total, ada.to_look_at, ada.automatic) == (17, ("todo2",), 10)


def test_a_penalty_never_takes_more_than_there_is(course: Course, tmp_path: Path) -> None:
    with opened(course) as gradebook:
        gradebook.find_submission_notebook(HOMEWORK, HOMEWORK, "bob").late_submission_penalty = 100
    assert class_points(course, HOMEWORK)["bob"].total == 0 == exported(course, tmp_path / "x.csv")["bob"]


def test_extra_credit_without_a_score_counts_as_little_as_in_nbgrader(course: Course, tmp_path: Path) -> None:
    by_person(course, "dan", "todo2", None, extra=3)
    assert class_points(course, HOMEWORK)["dan"].decided == 6 == exported(course, tmp_path / "x.csv")["dan"]


def test_a_class_costs_as_many_queries_as_a_student(course: Course) -> None:
    asked: list[str] = []

    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    counts = []
    event.listen(Engine, "before_cursor_execute", count)
    try:
        for students in (["ada"], None):
            asked.clear()
            assert class_points(course, HOMEWORK, students).keys() == set(students or SCORES)
            counts.append(len([statement for statement in asked if "grade" in statement]))
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("points", "text"), [(10, "10"), (11.5, "11.5"), (1 / 3, "0.33"), (100, "100"), (-0.001, "0"), (0, "0")]
)
def test_points_are_shown_with_two_decimals_at_most(points: float, text: str) -> None:
    assert shown_number(points) == text


def test_notebooks_and_tasks_of_an_assignment_add_up(course: Course, tmp_path: Path) -> None:
    with opened(course) as gradebook:
        for student in SCORES:
            gradebook.remove_submission(HOMEWORK, student)
        gradebook.add_notebook("extra", HOMEWORK)
        gradebook.add_task_cell("essay", "extra", HOMEWORK, max_score=4, cell_type="markdown")
        automatic(gradebook, "ada", (10, 5))
        gradebook.find_submission_notebook("extra", HOMEWORK, "ada").late_submission_penalty = 0.5
    waiting = class_points(course, HOMEWORK)["ada"]
    assert (waiting.total, waiting.undecided, waiting.of_notebook(HOMEWORK).total) == (None, ("essay",), 15)
    with opened(course) as gradebook:
        gradebook.find_grade("essay", "extra", HOMEWORK, "ada").manual_score = 3
    ada = class_points(course, HOMEWORK)["ada"]
    assert (ada.total, ada.of_notebook("extra").total, points_possible(course, HOMEWORK)) == (17.5, 2.5, 24)
    assert exported(course, tmp_path / "x.csv")["ada"] == 17.5
