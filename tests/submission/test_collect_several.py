"""Bulk downloads for an assignment with several notebooks: all that a student handed in, each in its place."""

from pathlib import Path

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import Course
from autograder.submission.collect import Collected, collect
from tests.submission.collecting import reasons
from tests.submission.downloads import zipped

MANY = "many"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """An assignment of two notebooks, each with a function to be written."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    folder = tmp_path / "source" / MANY
    folder.mkdir(parents=True)
    for name, function in (("first", "one"), ("second", "two")):
        solution = {"nbgrader": {"solution": True, "grade": False, "grade_id": function}}
        write(new_notebook(cells=[new_code_cell(defines(function), metadata=solution)]), folder / f"{name}.ipynb")
    return Course(tmp_path)


def defines(function: str) -> str:
    return f"def {function}():\n    return 1\n"


def book(function: str) -> bytes:
    """A notebook that defines a function."""
    return b'{"cells": [{"cell_type": "code", "source": "' + defines(function).encode("unicode_escape") + b'"}]}'


FIRST, SECOND = book("one"), book("two")


def take(course: Course, folder: Path, files: dict[str, bytes]) -> Collected:
    (folder / "download.zip").write_bytes(zipped(files))
    return collect(course, MANY, folder / "download.zip")


def lies(course: Course, student: str) -> dict[str, bytes]:
    """What lies in a student's folder, the time aside."""
    folder = course.submitted(student, MANY).parent
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name != "timestamp.txt"}


def attempt(day: int, **books: bytes) -> dict[str, bytes]:
    return {f"HW_ada_attempt_2026-01-{day}-12-00-00_{name}.ipynb": data for name, data in books.items()}


def test_every_notebook_of_a_student_lands_in_its_place(course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, attempt(20, first=FIRST, second=SECOND))
    assert lies(course, "ada") == {"first.ipynb": FIRST, "second.ipynb": SECOND}
    assert [(one.student, one.notes) for one in collected.taken] == [("ada", ()), ("ada", ())]
    assert collected.refused == ()


def test_a_notebook_under_another_name_is_known_by_its_function(course: Course, tmp_path: Path) -> None:
    collected = take(
        course, tmp_path, {"ada/first.ipynb": FIRST, "ada/try.ipynb": SECOND, "bob/Copy of first.ipynb": FIRST}
    )
    assert lies(course, "ada") == {"first.ipynb": FIRST, "second.ipynb": SECOND}
    assert lies(course, "bob") == {"first.ipynb": FIRST}
    assert [one.notes for one in collected.taken] == [
        (),
        ("taken as second.ipynb",),
        ("taken as first.ipynb", "no second.ipynb"),
    ]


def test_other_files_lie_beside_the_notebooks_once(course: Course, tmp_path: Path) -> None:
    files = {"ada/first.ipynb": FIRST, "ada/second.ipynb": SECOND, "ada/data.csv": b"1", "bob/first.ipynb": FIRST}
    collected = take(course, tmp_path, files)
    assert lies(course, "ada") == {"first.ipynb": FIRST, "second.ipynb": SECOND, "data.csv": b"1"}
    assert [one.notes for one in collected.taken[:2]] == [("with data.csv",), ()]


def test_of_two_uploads_to_canvas_the_later_one_of_each_notebook_counts(course: Course, tmp_path: Path) -> None:
    uploads = {"first": FIRST, "second": b"old", "second-1": SECOND}
    take(course, tmp_path, {f"ada_1_{n}_{name}.ipynb": data for n, (name, data) in enumerate(uploads.items())})
    assert lies(course, "ada_1") == {"first.ipynb": FIRST, "second.ipynb": SECOND}


def test_a_newer_attempt_replaces_all_of_an_older_one_and_never_the_other_way(course: Course, tmp_path: Path) -> None:
    new = {"first": book("one + 0"), "second": book("two + 0")}
    take(course, tmp_path, attempt(20, first=FIRST, second=SECOND))
    assert len(take(course, tmp_path, attempt(21, **new)).taken) == 2
    assert lies(course, "ada") == {f"{name}.ipynb": data for name, data in new.items()}
    (reason,) = reasons(take(course, tmp_path, attempt(20, first=FIRST, second=SECOND))).values()
    assert "another notebook is there (of 2026-01-21" in reason
    assert lies(course, "ada") == {f"{name}.ipynb": data for name, data in new.items()}


def test_a_file_that_is_none_of_the_notebooks_is_refused_with_their_names(course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, {"ada/notes.ipynb": book("three"), "bob/first.ipynb": FIRST})
    assert reasons(collected) == {
        "ada/notes.ipynb": "ada: none of notes.ipynb is first.ipynb or second.ipynb; rename it and collect again"
    }
