"""Submissions, observations and courses for the tests, built and never copied."""

import ast
import functools
import json
import os
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from autograder.assignment import Assignment, load_assignment
from autograder.authoring.answers import fill, read_answers
from autograder.embedded import with_modules
from autograder.inside.calls import Absent, describe_error
from autograder.inside.encoding import as_safetensors, encode
from autograder.models import Observation, Outcome, Record
from autograder.observe import wire

ROOT = Path(__file__).parent.parent
NAME = "hw8_lora"
GRADING = ROOT / "grading" / NAME
"""The assignment's own files."""
TODOS = [f"todo{n}" for n in range(1, 9)]
MAX_SCORES = dict(zip(TODOS, (10.0, 10.0, 15.0, 15.0, 15.0, 15.0, 10.0, 10.0), strict=True))

SOLUTION_CELLS = {
    "solution_todo1": ["todo1"],
    "solution_todo2_3": ["todo2", "todo3"],
    "solution_todo4": ["todo4"],
    "solution_todo5": ["todo5"],
    "solution_todo6": ["todo6"],
    "solution_todo7": ["todo7"],
    "solution_todo8": ["todo8"],
}


def assignment() -> Assignment:
    """HW 8 as its folder declares it."""
    return load_assignment(GRADING)


def source_notebook() -> nbformat.NotebookNode:
    """The instructor's notebook, with the modules that the release holds."""
    notebook = nbformat.read(ROOT / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    return with_modules(notebook, GRADING, assignment().declaration.modules)


def release_notebook() -> nbformat.NotebookNode:
    """The student's notebook."""
    return nbformat.read(ROOT / "release" / NAME / f"{NAME}.ipynb", as_version=4)


def perfect_answers() -> dict[str, str]:
    """All TODOs solved, by solution cell."""
    return read_answers(ROOT / "examples" / "class" / "perfect.py")


def submission(answers: Mapping[str, str] | None = None) -> nbformat.NotebookNode:
    """A release notebook that is solved except for these answers."""
    cells = {name: textwrap.dedent(text) for name, text in (answers or {}).items()}
    return fill(release_notebook(), perfect_answers() | cells)


def make_course(folder: Path) -> Path:
    """A course with this repository's configuration and source, and an empty gradebook.

    It has no mutants: to grade them in kernels is the matter of one test, and would cost every other a minute.
    """
    shutil.copytree(ROOT / "source", folder / "source")
    shutil.copytree(ROOT / "grading", folder / "grading", ignore=shutil.ignore_patterns("__pycache__", "mutants.py"))
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


def hand_in(course: Path, student: str, notebook: nbformat.NotebookNode | bytes) -> Path:
    """Put a notebook where nbgrader looks for it."""
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode())
    return path


DEEP = sys.getrecursionlimit() + 200


@contextmanager
def deep(folder: Path) -> Iterator[None]:
    """Folders within folders, more of them than Python can walk by calls within calls, and so cannot remove."""
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        yield
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def observe_in_process(cells: Mapping[str, str], seed: int, only: Collection[str] = TODOS) -> dict[str, Observation]:
    """What the probes see of these solution cells, without a kernel, through the real encoder and decoder.

    All cells are run, and the probes of the TODOs in ``only``.
    """
    from hw8_lora import inputs, probes

    namespace = student_namespace()
    answers = perfect_answers() | dict(cells)
    observations = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, todos in SOLUTION_CELLS.items():
            run_cell(answers[name], namespace)
            for todo in [todo for todo in todos if todo in only]:
                try:
                    report = probes.PROBES[todo](namespace, inputs, seed)
                except Absent as error:
                    report = {"error": describe_error(error)}
                observations[todo] = through_the_wire(report)
    return observations


def run_cell(source: str, namespace: dict[str, Any]) -> None:
    """Execute a cell as a kernel with allowed errors does: what it defined before an error stays."""
    try:
        exec(compile(source, "ipykernel_cell", "exec"), namespace)
    except Exception as error:
        namespace["last_error"] = error


@functools.cache
def setup_imports() -> str:
    """The imports of the notebook's setup cell, the one that a student's kernel runs, as code."""
    source = next(cell.source for cell in release_notebook().cells if cell.get("id") == "setup")
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.unparse(ast.Module(imports, []))


def student_namespace() -> dict[str, Any]:
    """The names that the notebook's setup cell imports."""
    namespace: dict[str, Any] = {}
    exec(setup_imports(), namespace)
    return namespace


def through_the_wire(report: Any) -> Observation:
    """Encode as the agent does, decode as the trusted side does."""
    values, tensors = encode(report)
    buffers = [json.dumps(values).encode(), as_safetensors(tensors)]
    return wire.decode_reply({"nonce": "n", "grade_id": "t"}, buffers, nonce="n", grade_id="t")


def record(student: str = "s", observations: Mapping[str, Observation] | None = None, **fields: Any) -> Record:
    """A Record with plain defaults."""
    defaults: dict[str, Any] = {
        "assignment": NAME, "profile": "smoke", "seed": 7, "sandbox": {}, "submission_sha256": "",
        "source_sha256": "", "probes_sha256": "", "versions": {},
    }  # fmt: skip
    return Record(student=student, observations=dict(observations or {}), **(defaults | fields))


def outcome(kind: Any = "passed", points: float = 10, **fields: Any) -> Outcome:
    """An Outcome of todo1."""
    defaults = {"student": "s", "grade_id": "todo1", "test": "test_x", "message": ""}
    return Outcome(kind=kind, points=points, **(defaults | fields))
