"""The course that bulk downloads are taken into."""

from pathlib import Path

import pytest

from autograder.course import Course
from tests import builders


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with its source, and nothing submitted."""
    (tmp_path / "course").mkdir()
    return Course(builders.make_course(tmp_path / "course"))
