"""The gradebook learns an assignment's cells from its source notebooks, with or without a release."""

import copy
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade, is_solution, is_task
from traitlets.config import Config

from autograder.cells import grade_id
from autograder.course import Course
from autograder.errors import AuthorError
from autograder.kernel.folders import own_folder
from autograder.publish.database import reading

Cells = set[tuple[str, str, float]]
"""Kind, name and points of marked cells."""


def register(course: Course, assignment: str) -> bool:
    """Have the gradebook know the cells of the assignment's notebooks; whether it had to be told.

    AuthorError when nbgrader refuses: it adds no cell to an assignment of which there are submissions.
    """
    names = course.notebooks(assignment)
    sources = {name: nbformat.read(course.source(assignment, name), as_version=4) for name in names}
    with reading(course) as gradebook:
        if all(known(gradebook, assignment, name) == cells_of(source.cells) for name, source in sources.items()):
            return False
    with own_folder("register-") as folder:
        generate(course, assignment, release=folder)
    return True


def known(gradebook: Gradebook, assignment: str, notebook: str) -> Cells | None:
    """The cells that the gradebook has; None when it does not know the notebook."""
    try:
        found = gradebook.find_notebook(notebook, assignment)
    except MissingEntry:
        return None
    marked = {("grade", cell.name, float(cell.max_score)) for cell in found.grade_cells}
    marked |= {("task", cell.name, float(cell.max_score)) for cell in found.task_cells}
    return marked | {("solution", cell.name, 0.0) for cell in found.solution_cells}


def cells_of(cells: Sequence[NotebookNode]) -> Cells:
    """The cells that a source notebook marks."""
    marked = {("grade", grade_id(c), float(c.metadata.nbgrader.points)) for c in cells if is_grade(c)}
    marked |= {("task", grade_id(c), float(c.metadata.nbgrader.points)) for c in cells if is_task(c)}
    return marked | {("solution", grade_id(c), 0.0) for c in cells if is_solution(c)}


def generate(course: Course, name: str, *, release: Path | None = None, gradebook: str = "") -> Path:
    """Run nbgrader's generate_assignment, into another folder and gradebook where they are named."""
    # Imported here: nbgrader's converters take a second that `grade` need not spend.
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    config: Config = copy.deepcopy(course.config)
    config.CourseDirectory.assignment_id = name
    if release is not None:
        config.CourseDirectory.release_directory = str(release)
    if gradebook:
        config.CourseDirectory.db_url = gradebook
    directory = CourseDirectory(config=config)
    converter = GenerateAssignment(coursedir=directory, config=config, force=True)
    with nbgrader_errors() as errors:
        try:
            converter.start()
        except (NbGraderException, SystemExit) as error:
            raise AuthorError(f"nbgrader cannot generate {name}:\n" + "\n".join(errors)) from error
    released = Path(directory.format_path(directory.release_directory, ".", name))
    copy_companions(Path(directory.format_path(directory.source_directory, ".", name)), released)
    return released


def copy_companions(source: Path, released: Path) -> None:
    """Put the notebooks in folders of the source into the release: nbgrader copies all their other files."""
    for path in sorted(source.glob("*/**/*.ipynb")):
        target = released / path.relative_to(source)
        if ".ipynb_checkpoints" not in target.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


@contextmanager
def nbgrader_errors() -> Iterator[list[str]]:
    """What nbgrader logs as an error, collected: it reports the cause of a failure nowhere else."""
    logger = logging.getLogger("traitlets")
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
