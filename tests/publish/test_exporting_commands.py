"""The commands that give points and feedback back: what they say, and their exit status."""

import functools
from pathlib import Path

import pytest

from autograder.course import Course
from tests.conftest import Command
from tests.publish.gradebooks import HOMEWORK, SCORES, course, made, opened
from tests.publish.platform_samples import CANVAS, MOODLE

__all__ = ["course", "made"]
STRANGER = '"Nobody, Known",106,s6,nobody,B,,3.00,,,\r\n'


@pytest.fixture
def autograder(course: Course, autograder: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Exit status and output of the command line in the course, where the platform's files lie too."""
    monkeypatch.chdir(course.root)
    return functools.partial(autograder, course.root)


def test_export_says_who_has_points_and_who_waits(autograder: Command) -> None:
    Path("grades.csv").write_text(CANVAS.replace(STRANGER, ""), newline="")
    status, output = autograder("export", HOMEWORK, "grades.csv", "-o", "upload.csv")
    assert status == 0, output
    assert output.splitlines() == [
        "canvas: 3 have points in 'PS 1 (42)' of upload.csv",
        "1 wait for a person (?); their rows are left out: dan",
        "1 handed in nothing; their cells are as they were: eve",
        "1 late penalties are out of date: give `autograder rejudge` and export again",
    ]


def test_late_penalties_that_are_as_the_course_gives_them_are_not_mentioned(
    autograder: Command, course: Course
) -> None:
    with opened(course) as gradebook:
        gradebook.find_submission_notebook(HOMEWORK, HOMEWORK, "bob").late_submission_penalty = None
    Path("grades.csv").write_text(CANVAS.replace(STRANGER, ""), newline="")
    assert "late penalties" not in autograder("export", HOMEWORK, "grades.csv", "-o", "upload.csv")[1]


def test_rows_and_students_that_do_not_match_are_said_with_status_1(autograder: Command) -> None:
    Path("grades.csv").write_text(CANVAS, newline="")
    status, output = autograder("export", HOMEWORK, "grades.csv", "-o", "upload.csv")
    assert status == 1
    assert "1 of the file's rows are no student of this course for sure; they are as they were: 106" in output
    Path("grades.csv").write_text(MOODLE.replace("ada@", "x@"), newline="")
    status, output = autograder("export", HOMEWORK, "grades.csv", "-o", "upload.csv")
    assert status == 1
    assert "1 have points here and no row in the file: ada" in output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["export", "ps9", "grades.csv", "-o", "x"], "there is no assignment 'ps9'"),
        (["export", HOMEWORK, "nowhere.csv", "-o", "x"], "cannot be read"),
        (["export", HOMEWORK, "grades.csv", "-o", "grades.csv"], "is kept as it was"),
        (["export", HOMEWORK, "grades.csv", "-o", "x", "--platform", "moodle"], "is no file of moodle's"),
        (["export", HOMEWORK, "grades.csv", "-o", "x", "--column", "Essay 2"], "name one of these with --column"),
        (["hand-back", HOMEWORK, "--as", "folders", "-o", "x"], "there is no feedback on ps1"),
        (["hand-back", HOMEWORK, "--as", "pigeon", "-o", "x"], "pigeon"),
    ],
)
def test_a_usage_error_says_what_is_wrong_and_writes_nothing(
    autograder: Command, arguments: list[str], reason: str
) -> None:
    Path("grades.csv").write_text(CANVAS, newline="")
    status, output = autograder(*arguments)
    assert (status, reason in " ".join(output.split())) == (2, True), output
    assert not Path("x").exists()


def test_an_assignment_that_was_never_graded_is_a_usage_error(autograder: Command, course: Course) -> None:
    with opened(course) as gradebook:
        for student in SCORES:
            gradebook.remove_submission(HOMEWORK, student)
    Path("grades.csv").write_text(CANVAS, newline="")
    status, output = autograder("export", HOMEWORK, "grades.csv", "-o", "upload.csv")
    assert (status, "grade it first" in output) == (2, True)


def test_hand_back_says_how_many_are_reached(autograder: Command, course: Course) -> None:
    for student in ("ada", "bob"):
        page = course.folder("feedback", student, HOMEWORK) / "page.html"
        page.parent.mkdir(parents=True)
        page.write_text(student)
    status, output = autograder("hand-back", HOMEWORK, "--as", "folders", "-o", "out")
    assert status == 1
    assert output.splitlines() == [
        "2 have their feedback in out",
        "2 have points and no page of feedback; write it first: cleo, dan",
    ]
