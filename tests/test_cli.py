"""The command line: usage errors, help, and one notebook at a time.

Covers autograder/cli/*.py.
"""

from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course import Course
from tests import builders
from tests.builders import NAME
from tests.conftest import Command, GradedCourse


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["grade", "hw9"], "there is no assignment 'hw9'"),
        (["grade", NAME], "there are no submissions"),
        (["grade", NAME, "--profile", "huge"], "huge"),
        (["grade", NAME, "--jobs", "0"], "jobs"),
        (["rejudge", NAME], "there are no submissions"),
        (["new", "hw-9"], "cannot name an assignment"),
        (["new", NAME], "is there already"),
        (["release", "hw9"], "there is no assignment 'hw9'"),
        (["collect", "hw9", "."], "there is no assignment 'hw9'"),
        (["collect", NAME, "nowhere.zip"], "neither a folder nor a zip archive"),
        (["doctor", "hw9"], "there is no assignment 'hw9'"),
        (["gradescope-zip", "hw9"], "there is no assignment 'hw9'"),
        (["classroom50-folder", "hw9", "x"], "there is no assignment 'hw9'"),
        (["export-results", "hw9", "--format", "junit"], "there is no assignment 'hw9'"),
        (["export-results", NAME, "--format", "junit"], "there are no submissions"),
        (["export-results", NAME, "--format", "gradescope"], "name it with --upload"),
        (["export-results", NAME, "--format", "excel"], "excel"),
        (["unknown"], "unknown"),
    ],
)
def test_a_usage_error_has_status_2_and_says_what_is_wrong(
    autograder: Command, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    status, output = autograder(builders.make_course(tmp_path), *arguments)
    assert status == 2
    assert reason in output


def test_a_student_without_a_submission_is_a_usage_error(autograder: Command, graded_course: GradedCourse) -> None:
    status, output = autograder(graded_course.root, "grade", NAME, "--student", "nobody")
    assert status == 2
    assert "nothing of student 'nobody'" in output


def test_outside_a_course_the_message_names_the_missing_file(autograder: Command, tmp_path: Path) -> None:
    status, output = autograder(tmp_path, "grade", NAME)
    assert status == 2
    assert "nbgrader_config.py" in output


def test_the_course_may_be_named_before_or_after_the_command(
    autograder: Command, tmp_path: Path, graded_course: GradedCourse
) -> None:
    root = str(graded_course.root)
    for arguments in (["--course-dir", root, "rejudge", NAME], ["rejudge", NAME, "--course-dir", root]):
        status, output = autograder(tmp_path, *arguments, "--student", "perfect")
        assert status == 0, output


COMMANDS = [
    "new", "release", "collect", "grade", "check", "rejudge", "doctor", "gradescope-zip", "classroom50-folder",
    "export-results", "export", "hand-back", "feedback", "report", "explain", "diff", "appeal", "similarity",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(autograder: Command, tmp_path: Path, command: str) -> None:
    status, output = autograder(tmp_path, command, "--help")
    assert status == 0
    assert f"Example: autograder {command}" in output


def test_check_prints_why_and_touches_no_gradebook(graded_course: GradedCourse, tmp_path: Path) -> None:
    before = (graded_course.root / "gradebook.db").read_bytes()
    path = tmp_path / "my attempt.ipynb"
    path.write_text(nbformat.writes(builders.submission({"solution_todo8": "def train_head(model):\n    pass"})))
    done = graded_course.autograder("check", str(path))
    assert done.status == 0
    assert "--- todo8: 0 of 10 points ---\n- the classification head is still frozen" in done.output
    assert "total: 90 of 100" in done.output
    assert (graded_course.root / "gradebook.db").read_bytes() == before


def test_check_of_something_unreadable_has_status_1(
    autograder: Command, graded_course: GradedCourse, tmp_path: Path
) -> None:
    (tmp_path / "x.ipynb").write_text("<html>")
    status, output = autograder(graded_course.root, "check", str(tmp_path / "x.ipynb"))
    assert status == 1
    assert "it is a web page" in output


def test_grading_needs_no_release_on_this_machine(autograder: Command, tmp_path: Path) -> None:
    root = builders.make_course(tmp_path)
    builders.hand_in(root, "s", b"")
    status, output = autograder(root, "grade", NAME)
    assert (status, (root / "release").exists()) == (1, False)
    assert "s: not graded: the file is empty" in output
    with Gradebook(Course(root).gradebook_url) as gradebook:
        assert gradebook.find_submission_notebook(NAME, NAME, "s").needs_manual_grade
