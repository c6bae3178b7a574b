"""The wheel alone, in an environment without PyTorch: `make test-wheel` builds both and runs this."""

import os
import subprocess
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.answers import fill

PYTHON = os.environ.get("AUTOGRADER_WHEEL_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="make test-wheel names the Python that has the wheel")
NAME = "warmup"
WRONG = "def standardize(x):\n    return x - x.mean(axis=0)"


def call(folder: Path, *arguments: str) -> str:
    """What a command says in a folder; it must succeed."""
    done = subprocess.run([PYTHON, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_environment_has_the_wheel_and_no_pytorch(tmp_path: Path) -> None:
    modules = call(tmp_path, "-c", "import importlib.util as u; print([u.find_spec(n) for n in ('torch', 'peft')])")
    assert modules == "[None, None]\n"
    assert "site-packages" in call(tmp_path, "-c", "import autograder; print(autograder.__file__)")


def test_a_new_course_is_released_graded_and_explained(tmp_path: Path) -> None:
    call(tmp_path, "-m", "autograder", "new", NAME)
    call(tmp_path, "-m", "autograder", "release", NAME)
    source, release = (
        nbformat.read(tmp_path / step / NAME / f"{NAME}.ipynb", as_version=4) for step in ("source", "release")
    )
    for student, made in {"right": source, "wrong": fill(source, {"solution_1": WRONG}), "empty": release}.items():
        folder = tmp_path / "submitted" / student / NAME
        folder.mkdir(parents=True)
        nbformat.write(made, folder / f"{NAME}.ipynb")
    call(tmp_path, "-m", "autograder", "grade", NAME)
    call(tmp_path, "-m", "nbgrader", "generate_feedback", NAME)
    rows = (tmp_path / "reports" / f"{NAME}.csv").read_text().splitlines()
    assert [row.split(",")[:4] for row in rows[1:]] == [
        ["empty", "0", "0", "0"],
        ["right", "5", "5", "10"],
        ["wrong", "2", "5", "7"],
    ]
    page = (tmp_path / "feedback" / "wrong" / NAME / f"{NAME}.html").read_text()
    assert "the columns are not divided by their standard deviation" in page
