"""The wheel alone, in an environment without PyTorch: `make test-wheel` builds both and runs this."""

import os
from pathlib import Path

import pytest

from tests.small_course import AS_WRITTEN, as_written, call

PYTHON = os.environ.get("AUTOGRADER_WHEEL_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="make test-wheel names the Python that has the wheel")


def test_the_environment_has_the_wheel_and_no_pytorch(tmp_path: Path) -> None:
    find = "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'peft')])"
    assert call(PYTHON, tmp_path, "-c", find) == "[None, None]\n"
    assert "site-packages" in call(PYTHON, tmp_path, "-c", "import autograder; print(autograder.__file__)")


def test_a_new_course_is_released_graded_and_explained(tmp_path: Path) -> None:
    rows, page = as_written(PYTHON, tmp_path)
    assert rows == AS_WRITTEN
    assert "the columns are not divided by their standard deviation" in page
