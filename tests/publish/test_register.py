"""The gradebook knows the cells of the source, with or without a release."""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.errors import AuthorError
from autograder.publish.database import quiet_sqlalchemy
from autograder.publish.register import copy_companions, register
from tests.classrun.without_kernels import NAME, registered_course


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course whose gradebook knows the assignment."""
    return registered_course(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def course(registered: Path, tmp_path: Path) -> Course:
    """A copy of it."""
    shutil.copytree(registered, tmp_path / "course")
    return Course(tmp_path / "course")


def change(course: Course, act: Callable[[nbformat.NotebookNode], object]) -> None:
    """Change the source notebook."""
    notebook = nbformat.read(course.source(NAME), as_version=4)
    act(notebook)
    nbformat.write(notebook, course.source(NAME))


def max_scores(course: Course) -> list[float]:
    """Points of the gradebook's grade cells."""
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url) as gradebook:
        return [cell.max_score for cell in gradebook.find_notebook(NAME, NAME).grade_cells]


def hand_in(course: Course) -> None:
    """Have the gradebook know a submission."""
    with quiet_sqlalchemy(), Gradebook(course.gradebook_url) as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission(NAME, "ada")


def graded_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def test_what_the_gradebook_knows_is_left_alone_and_nothing_is_released(course: Course) -> None:
    assert max_scores(course) == [5, 5]
    assert register(course, NAME) is False
    assert not (course.root / "release").exists()


def test_changed_points_reach_the_gradebook_even_when_there_are_submissions(course: Course) -> None:
    hand_in(course)
    change(course, lambda notebook: graded_cells(notebook)[0].metadata.nbgrader.update(points=7))
    assert register(course, NAME) is True
    assert sorted(max_scores(course)) == [5, 7]


def test_a_cell_that_is_gone_is_forgotten(course: Course) -> None:
    change(course, lambda notebook: notebook.cells.remove(graded_cells(notebook)[0]))
    assert register(course, NAME) is True
    assert max_scores(course) == [5]


def test_other_cells_are_refused_once_there_are_submissions(course: Course) -> None:
    hand_in(course)
    change(course, lambda notebook: notebook.cells.remove(graded_cells(notebook)[0]))
    with pytest.raises(AuthorError, match="Cannot add or remove cells"):
        register(course, NAME)


def test_notebooks_in_folders_are_released_as_they_are_and_no_checkpoints(tmp_path: Path) -> None:
    for name in ("homework.ipynb", "companions/more.ipynb", "companions/.ipynb_checkpoints/more-checkpoint.ipynb"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text("{}")
    copy_companions(tmp_path / "source", tmp_path / "release")
    released = [path.relative_to(tmp_path / "release") for path in (tmp_path / "release").rglob("*.ipynb")]
    assert released == [Path("companions/more.ipynb")]
