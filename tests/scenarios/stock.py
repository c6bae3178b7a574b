"""Stock nbgrader: a small homework, graded by the asserts in its grade cells, as nbgrader does it by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from tests.scenarios.hostile.making import Make

NAME = "small"
SOLUTION = """
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
"""
CHECK = """
assert double(2) == 4
### BEGIN HIDDEN TESTS
assert double(5) == 10
### END HIDDEN TESTS
"""


def source() -> nbformat.NotebookNode:
    """One function for ten points."""
    shared = {"schema_version": 3, "task": False}
    solution = {"grade_id": "double", "solution": True, "grade": False, "locked": False, **shared}
    check = {"grade_id": "check", "solution": False, "grade": True, "locked": True, "points": 10, **shared}
    return new_notebook(
        cells=[
            new_code_cell(SOLUTION.strip(), metadata={"nbgrader": solution}, id="double"),
            new_code_cell(CHECK.strip(), metadata={"nbgrader": check}, id="check"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def scores(root: Path, class_: Mapping[str, Make]) -> dict[str, float]:
    """What stock nbgrader gives an untouched release and each hostile copy of it, of 10 points."""
    write(root / "source" / NAME / f"{NAME}.ipynb", source())
    nbgrader(root, "generate_assignment", NAME)
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for student, make in {"untouched": lambda notebook: notebook, **class_}.items():
        write(root / "submitted" / student / NAME / f"{NAME}.ipynb", make(release))
    nbgrader(root, "autograde", NAME)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return {one.student.id: one.score for one in book.assignment_submissions(NAME)}


def write(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Put a notebook into a new folder."""
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def nbgrader(root: Path, *arguments: str) -> None:
    """One of nbgrader's commands; some submissions may fail in it."""
    subprocess.run([sys.executable, "-m", "nbgrader", *arguments], cwd=root, check=False, capture_output=True)
