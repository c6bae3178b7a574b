"""A course whose gradebook is filled by hand: no notebook is run, and every kind of points is in it.

ada   10 + 5 by hidden tests; a person gave 7 where they gave 5: 17
bob   10 + 4, late: 2.5 off: 11.5
cleo  9 + 5, 1.25 extra credit: 15.25
dan   6, and an exercise that waits for a person: 6?
eve   handed in nothing
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.publish.database import quiet_sqlalchemy

HOMEWORK = "ps1"
SCORES: dict[str, tuple[float | None, float | None]] = {
    "ada": (10, 5), "bob": (10, 4), "cleo": (9, 5), "dan": (6, None),
}  # fmt: skip
TOTALS = {"ada": 17.0, "bob": 11.5, "cleo": 15.25}
"""Of those who are decided."""


@contextmanager
def opened(course: Course) -> Iterator[Gradebook]:
    """The gradebook, written when the block ends."""
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url) as gradebook:
        yield gradebook
        gradebook.db.commit()


def automatic(gradebook: Gradebook, student: str, points: tuple[float | None, float | None]) -> None:
    """What a grading writes: a person looks again at what a person had decided."""
    gradebook.update_or_create_submission(HOMEWORK, student)
    for name, score in zip(("todo1", "todo2"), points, strict=True):
        grade = gradebook.find_grade(name, HOMEWORK, HOMEWORK, student)
        grade.auto_score = score
        grade.needs_manual_grade = score is None or grade.manual_score is not None


def by_person(course: Course, student: str, cell: str, points: float | None, extra: float | None = None) -> None:
    """What formgrader writes."""
    with opened(course) as gradebook:
        grade = gradebook.find_grade(cell, HOMEWORK, HOMEWORK, student)
        grade.manual_score, grade.needs_manual_grade = points, points is None and grade.auto_score is None
        if extra is not None:
            grade.extra_credit = extra


def make_course(root: Path) -> Path:
    """A course with one assignment of two exercises, for 10 and 10 points, and five students."""
    (root / "source" / HOMEWORK).mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")
    nbformat.write(new_notebook(), root / "source" / HOMEWORK / f"{HOMEWORK}.ipynb")
    with opened(Course(root)) as gradebook:
        gradebook.add_assignment(HOMEWORK)
        gradebook.add_notebook(HOMEWORK, HOMEWORK)
        for name in ("todo1", "todo2"):
            gradebook.add_grade_cell(name, HOMEWORK, HOMEWORK, max_score=10, cell_type="code")
        gradebook.update_or_create_student("eve", first_name="Eve", last_name="Moneypenny")
        for student, points in SCORES.items():
            gradebook.update_or_create_student(student, email=f"{student}@example.edu")
            automatic(gradebook, student, points)
        gradebook.find_submission_notebook(HOMEWORK, HOMEWORK, "bob").late_submission_penalty = 2.5
    by_person(Course(root), "ada", "todo2", 7)
    by_person(Course(root), "cleo", "todo2", None, extra=1.25)
    return root


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, made once: nbgrader takes seconds to make a gradebook."""
    return make_course(tmp_path_factory.mktemp("gradebook") / "course")


@pytest.fixture
def course(made: Path, tmp_path: Path) -> Course:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "course")
    return Course(tmp_path / "course")
