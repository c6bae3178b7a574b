"""What would fail at the end of a run is said before its beginning, with what to do."""

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from autograder.authoring.new import new
from autograder.classrun import ready
from autograder.course import Course
from autograder.errors import UsageError

NAME = "ps1"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with nothing graded."""
    new(tmp_path, NAME)
    return Course(tmp_path)


@pytest.mark.parametrize("place", ["reports", "autograded", f"records/{NAME}"])
def test_a_file_in_the_place_of_a_folder_is_found(course: Course, place: str) -> None:
    (course.root / place).parent.mkdir(exist_ok=True)
    (course.root / place).write_text("")
    with pytest.raises(UsageError, match=rf"nothing can be written in .*{place} \(.*grade again"):
        ready.require_ready(course, NAME, 1)


def test_a_gradebook_that_is_no_file_is_found(course: Course) -> None:
    (course.root / "gradebook.db").mkdir()
    with pytest.raises(UsageError, match=r"gradebook\.db cannot be written.*chmod u\+w"):
        ready.require_ready(course, NAME, 1)


def test_a_gradebook_that_may_not_be_written_is_found(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    (course.root / "gradebook.db").write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match=r"gradebook\.db cannot be written"):
        ready.require_ready(course, NAME, 1)


class Usage(NamedTuple):
    """The part of shutil's that is looked at."""

    free: int


def test_a_disk_that_is_too_small_for_the_class_is_found(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda root: Usage(100_000_000))
    ready.require_ready(course, NAME, 50)
    with pytest.raises(UsageError, match="has 100 MB free, and 51 submissions may need 101"):
        ready.require_ready(course, NAME, 51)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[int, int]]]:
    """The system's limits, without the system."""
    found = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: found["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: found.update(now=pair))
    return found


def test_the_soft_limit_of_descriptors_is_raised_as_far_as_the_jobs_need(limits: dict[str, Any]) -> None:
    assert ready.jobs_allowed(8) == 8
    assert limits["now"] == (1024, 4096)
    assert ready.jobs_allowed(64) == 64
    assert limits["now"] == (100 + 27 * 64, 4096)


def test_the_hard_limit_bounds_the_jobs(limits: dict[str, Any]) -> None:
    assert ready.jobs_allowed(1000) == (4096 - 100) // 27
    limits["now"] = (64, 64)
    with pytest.raises(UsageError, match=r"may have 64 files open here.*ulimit -n"):
        ready.jobs_allowed(1)


def test_a_python_that_students_could_not_read_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "python"
    closed.mkdir(mode=0o750)
    monkeypatch.setattr(ready, "interpreter_folders", lambda: [str(closed)])
    monkeypatch.setattr(ready, "is_privileged", lambda: True)
    with pytest.raises(UsageError, match=rf"cannot read this Python: {closed} is closed to others.*chmod -R o\+rX"):
        ready.require_interpreter()
    closed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(closed))
    ready.require_interpreter()


def test_the_python_of_these_tests_can_be_read() -> None:
    assert [*ready.unreadable()] == []
