"""A course as `autograder new` writes it, with cells for a person and a second notebook added; no PyTorch anywhere."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.authoring.answers import fill

NAME, EXTRA = "ps1", "extra"
HEAVY = ("torch", "transformers", "peft", "datasets", "accelerate")
WITHOUT_HEAVY = f"import sys; sys.modules |= dict.fromkeys({HEAVY}); from autograder.cli import main; main()"
"""Runs the command line where none of these can be imported."""

WRONG = "def standardize(x):\n    return x - x.mean(axis=0)"
AS_WRITTEN = [["empty", "0", "0", "0"], ["right", "5", "5", "10"], ["wrong", "2", "5", "7"]]
"""What an untouched, a right and a wrong solution of the homework that `new` writes earn."""
ESSAY = "Why does it work?\n\n### BEGIN SOLUTION\nBecause the sum of the exponentials normalises it.\n### END SOLUTION"
PLOT = "### BEGIN SOLUTION\nprint('a secret plot of these data')\n### END SOLUTION"
TASK = "Describe your data below.\n### BEGIN MARK SCHEME\nTwo points for each of the sentences\n### END MARK SCHEME"
SQUARE = "def square(x):\n    ### BEGIN SOLUTION Exercise 3\n    return x * x\n    ### END SOLUTION"
PROBE = '''

def exercise_3(student: Student, inputs: Any, seed: int) -> Report:
    """The square of a number."""
    result, error = attempt(named(student, "square"), seed % 97)
    return {"result": result, "error": error}


PROBES["exercise_3"] = exercise_3
'''
HIDDEN = """
import sys

import pytest


@pytest.mark.points("exercise_3", 2)
def test_square(observed, seed):
    observed.completed("`square`")
    assert observed["result"].number() == (seed % 97) ** 2, "the square is wrong"


if set(sys.modules) & HEAVY:
    raise ImportError("the judge has imported what this course does not need")
"""


def autograder(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of the command line in a folder."""
    command = [sys.executable, "-c", WITHOUT_HEAVY, *arguments]
    env = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


def call(python: str, folder: Path, *arguments: str) -> str:
    """What a command of this Python says in a folder; it must succeed."""
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def as_written(python: str, root: Path) -> tuple[list[list[str]], str]:
    """Rows of the class table and a wrong solution's feedback, once this Python has graded what `new` writes."""
    name = "warmup"
    call(python, root, "-m", "autograder", "new", name)
    call(python, root, "-m", "autograder", "release", name)
    source, release = (
        nbformat.read(root / step / name / f"{name}.ipynb", as_version=4) for step in ("source", "release")
    )
    for student, made in {"right": source, "wrong": fill(source, {"solution_1": WRONG}), "empty": release}.items():
        folder = root / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(made, folder / f"{name}.ipynb")
    call(python, root, "-m", "autograder", "grade", name)
    call(python, root, "-m", "nbgrader", "generate_feedback", name)
    rows = (root / "reports" / f"{name}.csv").read_text().splitlines()[1:]
    return [row.split(",")[:4] for row in rows], (root / "feedback" / "wrong" / name / f"{name}.html").read_text()


def cell(name: str, source: str, *, kind: str = "markdown", **settings: Any) -> nbformat.NotebookNode:
    """A cell with nbgrader's settings."""
    plain = {"grade": False, "solution": False, "task": False, "locked": False, "schema_version": 3, "grade_id": name}
    make = new_markdown_cell if kind == "markdown" else new_code_cell
    return make(source, id=name, metadata={"nbgrader": plain | settings})


def extend(root: Path) -> None:
    """Add an essay, a plot and a task to the notebook, and a second notebook with an exercise and an essay."""
    path = root / "source" / NAME / f"{NAME}.ipynb"
    first = nbformat.read(path, as_version=4)
    first.cells += [
        cell("essay", ESSAY, grade=True, solution=True, points=3),
        cell("plot", PLOT, kind="code", grade=True, solution=True, points=4),
        cell("task", TASK, task=True, locked=True, points=2),
    ]
    second = new_notebook(metadata=first.metadata)
    second.cells = [
        cell("solution_3", SQUARE, kind="code", solution=True),
        cell("exercise_3", "assert square(2) == 4", kind="code", grade=True, locked=True, points=2),
        cell("essay", "YOUR ANSWER HERE", grade=True, solution=True, points=1),
    ]
    nbformat.write(first, path)
    nbformat.write(second, path.with_name(f"{EXTRA}.ipynb"))
    grading = root / "grading" / NAME
    with (grading / "probes.py").open("a") as probes:
        probes.write(PROBE)
    (grading / "test_exercise_3.py").write_text(HIDDEN.replace("HEAVY", repr(set(HEAVY))))


def notebook(root: Path, step: str, name: str) -> nbformat.NotebookNode:
    """A notebook of the source or the release."""
    return nbformat.read(root / step / NAME / f"{name}.ipynb", as_version=4)


def hand_in(root: Path, student: str, name: str, made: nbformat.NotebookNode) -> None:
    """Put a notebook where nbgrader looks for it."""
    path = root / "submitted" / student / NAME / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)


def solved(root: Path, name: str, answers: Mapping[str, str]) -> nbformat.NotebookNode:
    """The released notebook with the instructor's code for the exercises and these answers."""
    code = {c.id: c.source for c in notebook(root, "source", name).cells if c.id.startswith("solution_")}
    return fill(notebook(root, "release", name), code | answers)
