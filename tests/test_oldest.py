"""The grader with the oldest versions that pyproject.toml allows: `make test-oldest` installs them and runs this."""

import os
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.builders import ROOT
from tests.small_course import AS_WRITTEN, as_written, call

PYTHON = os.environ.get("AUTOGRADER_OLDEST_PYTHON", "")
installed = pytest.mark.skipif(not PYTHON, reason="make test-oldest names the Python that has the oldest libraries")
CURRENT = {"torch"}
"""Every other build for Linux brings gigabytes of CUDA."""


def pins() -> dict[str, Version]:
    """Name -> version of what is installed for these tests."""
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {one.name: Version(next(iter(one.specifier)).version) for one in found}


def allowed() -> list[Requirement]:
    """What the tool and this course's notebooks need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["course"]]]


def lowest(requirement: Requirement) -> Version:
    """The lowest version that a requirement allows."""
    return next(Version(one.version) for one in requirement.specifier if one.operator == ">=")


@pytest.mark.parametrize("requirement", allowed(), ids=lambda requirement: requirement.name)
def test_what_is_tested_is_the_lowest_version_that_is_allowed(requirement: Requirement) -> None:
    pin = pins()[requirement.name]
    assert pin == (Version(Version(version("torch")).public) if requirement.name in CURRENT else lowest(requirement))


@installed
def test_a_new_course_is_released_graded_and_explained(tmp_path: Path) -> None:
    rows, page = as_written(PYTHON, tmp_path)
    assert rows == AS_WRITTEN
    assert "the columns are not divided by their standard deviation" in page


@installed
def test_the_demo_grades_its_class_as_the_readme_shows() -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition("─\n")[2].partition("\n\n")[0]
    printed = call(PYTHON, ROOT, "examples/demo.py")
    assert [line.split() for line in shown.splitlines()] == [
        line.split() for line in printed.partition("─ \n")[2].splitlines()[: len(shown.splitlines())]
    ]
