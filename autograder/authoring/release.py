"""From the source notebook to the student's: nbgrader's generate_assignment, then proof that it may go out."""

import copy
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.assignment import Assignment, load_assignment
from autograder.authoring import lint, mutants
from autograder.authoring.prove import prove
from autograder.classrun.settings import settings_in
from autograder.course import Course
from autograder.errors import AuthorError


def release(course: Course, name: str) -> Path:
    """Write the release folder and return what to hand out; AuthorError, and nothing written, if a proof fails."""
    notebooks = course.notebooks(name)
    parts = {notebook: settings_in(course, name, notebook) for notebook in notebooks}
    assignment = load_assignment(course.grading(name))
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        draft = generate(course, name, Path(folder))
        found = defects([chosen.source for chosen in parts.values()], assignment, draft)
        for notebook, chosen in parts.items() if not found else ():
            found += prove(chosen, course.source(name, notebook), draft / f"{notebook}.ipynb")
    if found:
        raise AuthorError(f"{name} is not released:\n" + "\n".join(f"- {problem}" for problem in found))
    released = generate(course, name)
    return released / f"{name}.ipynb" if notebooks == [name] else released


def defects(sources: Sequence[NotebookNode], assignment: Assignment, draft: Path) -> list[str]:
    """What is wrong without running anything: the notebooks' form, their points, leaks, mutants of other cells."""
    files = [path for path in draft.rglob("*") if path.is_file()]
    return [
        *lint.problems(sources, assignment),
        *lint.leaks(sources, assignment, files),
        *mutants.strangers(mutants.mutants(assignment), sources),
    ]


def generate(course: Course, name: str, elsewhere: Path | None = None) -> Path:
    """Run nbgrader's generate_assignment; into another folder and gradebook for a draft."""
    config: Config = copy.deepcopy(course.config)
    config.CourseDirectory.assignment_id = name
    if elsewhere is not None:
        config.CourseDirectory.release_directory = str(elsewhere / "release")
        config.CourseDirectory.db_url = f"sqlite:///{elsewhere}/gradebook.db"
    directory = CourseDirectory(config=config)
    converter = GenerateAssignment(coursedir=directory, config=config, force=True)
    with nbgrader_errors() as errors:
        try:
            converter.start()
        except (NbGraderException, SystemExit) as error:
            raise AuthorError(f"nbgrader cannot generate {name}:\n" + "\n".join(errors)) from error
    return Path(directory.format_path(directory.release_directory, ".", name))


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
