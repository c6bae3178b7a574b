"""A course on disk: assignments with one notebook and with several.

Covers autograder/assignment.py, autograder/classrun/chosen.py and autograder/classrun/settings.py.
"""

from pathlib import Path

import pytest

from autograder.assignment import Assignment
from autograder.classrun.chosen import meant_by
from autograder.classrun.keys import Keys
from autograder.classrun.observing import Observing
from autograder.classrun.settings import settings_of
from autograder.course import Course
from autograder.errors import UsageError
from autograder.models import Submission
from autograder.observe import record as records
from autograder.submission.find import is_handed_in


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """An assignment with a notebook of its own name, and one with two of other names."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    for path in ("one/one.ipynb", "many/first.ipynb", "many/second.ipynb"):
        file = tmp_path / "source" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    return Course(tmp_path)


def test_an_assignment_is_a_folder_with_notebooks(course: Course) -> None:
    assert course.assignments() == ["many", "one"]
    assert course.notebooks("many") == ["first", "second"]
    assert course.source("many", "second").name == "second.ipynb"


ORDERS = ("{nbgrader_step}/{student_id}/{assignment_id}", "{nbgrader_step}/{assignment_id}/{student_id}")
OTHER_ORDERS = (
    "{assignment_id}/{nbgrader_step}/{student_id}",
    "all.of[it]/{nbgrader_step}/{assignment_id}/{student_id}",
)


@pytest.mark.parametrize("order", [*ORDERS, *OTHER_ORDERS])
def test_students_and_assignments_are_found_in_any_order_of_folders_and_hidden_ones_are_not(
    order: str, tmp_path: Path
) -> None:
    (tmp_path / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.directory_structure = {order!r}\n"
    )
    course = Course(tmp_path)
    for assignment in ("one", "o*"):
        for student in ("ada", "bob", ".snapshot"):
            course.folder("submitted", student, assignment).mkdir(parents=True)
        folder = course.folder("source", ".", assignment)
        folder.mkdir(parents=True)
        (folder / f"{assignment}.ipynb").write_text("{}")
    assert course.students("one") == course.students("o*") == ["ada", "bob"]
    assert course.assignments() == ["o*", "one"]
    course.directory.student_id_exclude = "bob,cleo"
    assert course.students("one") == ["ada"]


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_handed_in_with_a_notebook_is_known_in_either_order(order: str, tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.directory_structure = {order!r}\n"
    )
    course = Course(tmp_path)
    assert is_handed_in(course.submitted("ada", "one"), "one")
    assert is_handed_in(course.submitted("ada", "many", "first"), "many")
    assert not is_handed_in(tmp_path / "try.ipynb", "one")


def test_a_folder_of_a_course_that_is_called_like_a_notebook_was_not_handed_in(tmp_path: Path) -> None:
    (tmp_path / "one" / "grading").mkdir(parents=True)
    (tmp_path / "one" / "nbgrader_config.py").touch()
    assert not is_handed_in(tmp_path / "one" / "grading" / "one.ipynb")


def test_a_notebook_that_is_not_there_is_a_usage_error_that_names_those_that_are(course: Course) -> None:
    with pytest.raises(UsageError, match=r"'many' has no notebook 'many' \(it has: first, second\)"):
        course.source("many")
    with pytest.raises(UsageError, match=r"there is no assignment 'none' in .* \(found: many, one\)"):
        course.notebooks("none")


def test_records_of_several_notebooks_lie_apart(course: Course) -> None:
    assert course.records("one", "one") == course.records("one") == course.root / "records" / "one"
    assert course.records("many", "first") == course.root / "records" / "many.first"


@pytest.mark.parametrize(
    ("file", "meant"),
    [
        ("one.ipynb", ("one", "one")),
        ("submitted/ada/many/second.ipynb", ("many", "second")),
        ("first.ipynb", ("many", "first")),
        ("submitted/ada/one/my attempt.ipynb", ("one", "one")),
    ],
)
def test_a_file_is_known_by_its_own_and_its_folders_name(course: Course, file: str, meant: tuple[str, str]) -> None:
    assert meant_by(course, course.root / file) == meant


def test_a_file_that_may_be_several_notebooks_is_a_usage_error(course: Course) -> None:
    with pytest.raises(UsageError, match=r"cannot tell which notebook attempt\.ipynb is; rename it to one of: first"):
        meant_by(course, course.root / "submitted/ada/many/attempt.ipynb")


def test_a_linked_folder_is_not_followed_to_one_of_several_notebooks(course: Course, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "many"
    elsewhere.mkdir(parents=True)
    (elsewhere / "first.ipynb").write_text("{}")
    (course.root / "submitted").mkdir()
    (course.root / "submitted" / "ada").symlink_to(elsewhere.parent)
    path = course.submitted("ada", "many", "first")
    chosen = settings_of(Assignment("many", tmp_path), course.source("many", "first"))
    Observing(chosen, tmp_path, Keys.of(chosen)).turn(Submission("ada", "many", path), True)
    assert "symbolic link" in str(records.load(records.path_of(tmp_path, "ada")).not_run)
