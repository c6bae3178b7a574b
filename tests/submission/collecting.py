"""What tests of `collect` ask for: archives taken in, and what became of them."""

from pathlib import Path

from autograder.course import Course
from autograder.submission.collect import Collected, collect
from tests.builders import NAME
from tests.submission.downloads import zipped

BOOK = b'{"cells": [], "nbformat": 4}'


def taken(collected: Collected) -> list[str]:
    return [one.student for one in collected.taken]


def reasons(collected: Collected) -> dict[str, str]:
    return {one.name: one.reason for one in collected.refused}


def saved(course: Course, student: str) -> bytes:
    return course.submitted(student, NAME).read_bytes()


def take(course: Course, folder: Path, files: dict[str, bytes] | bytes, **options: object) -> Collected:
    """What becomes of an archive of these files."""
    path = folder / "download.zip"
    path.write_bytes(files if isinstance(files, bytes) else zipped(files))
    return collect(course, NAME, path, **options)  # type: ignore[arg-type]
