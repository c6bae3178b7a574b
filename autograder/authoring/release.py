"""From the source notebook to the student's: nbgrader's generate_assignment, then proof that it may go out."""

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.assignment import load
from autograder.authoring import lint
from autograder.authoring.prove import prove
from autograder.classrun.run import settings
from autograder.course import Course
from autograder.errors import AuthorError


def release(course: Course, name: str) -> Path:
    """Write the release folder and return its notebook; AuthorError, and nothing written, if a proof fails."""
    source = course.source(name)
    chosen = settings(load(course.grading(name)), source)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        draft = generate(course, name, Path(folder)) / f"{name}.ipynb"
        found = lint.problems(nbformat.read(source, as_version=4), chosen.assignment)
        files = [path for path in draft.parent.rglob("*") if path.is_file()]
        found += lint.leaks(chosen.source, chosen.assignment, files)
        found += prove(chosen, source, draft) if not found else []
    if found:
        raise AuthorError(f"{name} is not released:\n" + "\n".join(f"- {problem}" for problem in found))
    generate(course, name)
    return course.release(name)


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
