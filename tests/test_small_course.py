"""A course of NumPy alone, from `autograder new` to feedback: hidden tests, answers for a person, two notebooks.

Covers autograder/publish/by_hand.py.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook, SubmittedNotebook

from autograder.course import Course
from autograder.publish.database import quiet_sqlalchemy
from tests import small_course
from tests.small_course import EXTRA, HEAVY, NAME, autograder, hand_in, notebook, solved

HOSTILE = "It is $\\frac{1}{2}$ <script>alert(1)</script> [x](javascript:y) \\href{javascript:z}{w}"
LOADED = f"import sys\nprint([name for name in {HEAVY} if name in sys.modules])"


@dataclass
class SmallCourse:
    """The course after `grade`, and what the command said."""

    root: Path
    status: int
    output: str


@contextmanager
def submitted(root: Path, student: str, name: str) -> Iterator[SubmittedNotebook]:
    """What the gradebook holds of one notebook."""
    with quiet_sqlalchemy(), Gradebook(Course(root).gradebook_url) as gradebook:
        yield gradebook.find_submission_notebook(name, NAME, student)


def grades(root: Path, student: str, name: str) -> dict[str, tuple[float | None, bool]]:
    """Grade id -> (auto_score, needs_manual_grade)."""
    with submitted(root, student, name) as found:
        return {grade.name: (grade.auto_score, grade.needs_manual_grade) for grade in found.grades}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> SmallCourse:
    """Made, released, handed in and graded through the command line, where PyTorch cannot be imported."""
    root = tmp_path_factory.mktemp("small")
    for arguments in (["new", NAME], ["release", NAME]):
        done = autograder(root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        if arguments[0] == "new":
            small_course.extend(root)
    right = solved(root, NAME, {"essay": HOSTILE, "plot": LOADED})
    wrong = solved(root, NAME, {"solution_1": "def standardize(x):\n    return x - x.mean(axis=0)"})
    for student, first, second in (
        ("right", right, solved(root, EXTRA, {"essay": "Because."})),
        ("wrong", wrong, None),
        ("empty", notebook(root, "release", NAME), notebook(root, "release", EXTRA)),
    ):
        hand_in(root, student, NAME, first)
        if second is not None:
            hand_in(root, student, EXTRA, second)
    done = autograder(root, "grade", NAME)
    return SmallCourse(root, done.returncode, done.stdout + done.stderr)


def test_the_release_holds_no_answer_and_no_mark_scheme(course: SmallCourse) -> None:
    first, second = (json.dumps(notebook(course.root, "release", name)) for name in (NAME, EXTRA))
    assert "YOUR ANSWER HERE" in first
    assert not [text for text in ("normalises", "secret plot", "Two points") if text in first]
    assert "Exercise 3: replace this line" in second


def test_hidden_tests_judge_the_exercises_of_both_notebooks(course: SmallCourse) -> None:
    scores = {
        (student, name): [score for score, _ in map(grades(course.root, student, name).get, exercises)]
        for student in ("right", "wrong", "empty")
        for name, exercises in ((NAME, ("exercise_1", "exercise_2")), (EXTRA, ("exercise_3",)))
    }
    assert scores == {
        ("right", NAME): [5, 5], ("wrong", NAME): [2, 5], ("empty", NAME): [0, 0],
        ("right", EXTRA): [2], ("wrong", EXTRA): [None], ("empty", EXTRA): [0],
    }  # fmt: skip


def test_a_notebook_that_was_not_handed_in_waits_for_a_person(course: SmallCourse) -> None:
    assert course.status == 1
    assert "wrong: not graded: the file extra.ipynb is missing" in course.output
    assert all(waits for _, waits in grades(course.root, "wrong", EXTRA).values())


def test_answers_and_tasks_wait_for_a_person_and_an_untouched_answer_has_no_points(course: SmallCourse) -> None:
    by_hand = ("essay", "plot", "task")
    right, wrong = (grades(course.root, student, NAME) for student in ("right", "wrong"))
    assert [right[name] for name in by_hand] == [(None, True)] * 3
    assert [wrong[name] for name in by_hand] == [(0, False), (0, False), (None, True)]
    assert grades(course.root, "right", EXTRA)["essay"] == (None, True)
    assert grades(course.root, "empty", EXTRA)["essay"] == (0, False)


def test_an_untouched_answer_is_commented_as_nbgrader_does(course: SmallCourse) -> None:
    with submitted(course.root, "wrong", NAME) as found:
        comments = {comment.name: comment.auto_comment for comment in found.comments}
    assert (comments["essay"], comments["plot"], comments["task"]) == ("No response.", "No response.", None)
    assert comments["solution_1"] is not None
    assert "deviation" in comments["solution_1"]


def test_a_persons_points_survive_another_grading(course: SmallCourse, tmp_path: Path) -> None:
    root = tmp_path / "course"
    shutil.copytree(course.root, root)
    with quiet_sqlalchemy(), Gradebook(Course(root).gradebook_url) as gradebook:
        gradebook.find_grade("essay", NAME, NAME, "right").manual_score = 2.5
        gradebook.find_grade("task", NAME, NAME, "right").manual_score = 1
        gradebook.db.commit()
    assert autograder(root, "rejudge", NAME, "--student", "right").returncode == 0
    with submitted(root, "right", NAME) as found:
        scores = {grade.name: grade.score for grade in found.grades}
    assert (scores["essay"], scores["task"], scores["exercise_1"]) == (2.5, 1, 5)


def test_the_class_tables_name_the_cells_for_a_person(course: SmallCourse) -> None:
    assert "graded by a person, in nbgrader's formgrader: essay (of 3), plot (of 4), task (of 2)" in course.output
    assert {path.name for path in (course.root / "reports").iterdir()} == {"ps1.csv", "ps1.extra.csv"}


def autograded(course: SmallCourse, student: str) -> dict[str, Any]:
    path = course.root / "autograded" / student / NAME / f"{NAME}.ipynb"
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_an_answer_in_words_is_shown_and_does_nothing(course: SmallCourse) -> None:
    essay = autograded(course, "right")["essay"].source
    assert not set("<>[]()`\\") & set(essay)
    assert "It is &#36;" in essay
    assert "href" in essay
    assert "&#92;href" not in essay


def test_neither_kernel_nor_judge_loads_what_the_course_does_not_name(course: SmallCourse) -> None:
    (output,) = autograded(course, "right")["plot"].outputs
    assert output.text == "[]\n"


def test_nbgrader_grades_and_explains_the_same(course: SmallCourse) -> None:
    before = [grades(course.root, "empty", name) for name in (NAME, EXTRA)]
    for command in (["autograde", NAME, "--force", "--student", "empty"], ["generate_feedback", NAME]):
        done = subprocess.run([sys.executable, "-m", "nbgrader", *command], cwd=course.root, capture_output=True)
        assert done.returncode == 0, done.stderr
    assert [grades(course.root, "empty", name) for name in (NAME, EXTRA)] == before
    page = (course.root / "feedback" / "wrong" / NAME / f"{NAME}.html").read_text()
    assert "the columns are not divided by their standard deviation" in page
