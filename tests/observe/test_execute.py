"""Runs in real kernels: faults are noted, and every other TODO is observed.

Covers autograder/inside/quiet.py, autograder/inside/runner.py, autograder/observe/attempt.py,
autograder/observe/clock.py and autograder/observe/observed.py.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.classrun import run
from autograder.classrun.settings import settings_of
from autograder.observe.attempt import CELL_OUTPUT_BYTES, NOT_RUN
from autograder.observe.execute import Observer
from autograder.observe.observed import Deadlines, Observed
from tests import builders
from tests.builders import NAME, ROOT, SOLUTION_CELLS, perfect_answers

SETUP = """
import math
import torch, torch.nn as nn, torch.nn.functional as F
from peft import LoraConfig, TaskType, get_peft_model
"""


def marked(source: str, name: str, **flags: bool) -> NotebookNode:
    metadata = {"nbgrader": {"grade_id": name, "grade": False, "solution": False, "locked": True} | flags}
    return new_code_cell(source, metadata=metadata)


def notebook(**cells: str) -> NotebookNode:
    """The solved homework without its texts; keyword arguments replace solution and grade cells."""
    sources = perfect_answers() | cells
    made = [marked(SETUP, "setup")]
    for name, todos in SOLUTION_CELLS.items():
        made.append(marked(sources[name], name, solution=True))
        made += [marked(sources.get(todo, "pass"), todo, grade=True) for todo in todos]
    return new_notebook(cells=made)


PATIENT = Deadlines(block_s=120.0, cell_s=120.0, probe_s=120.0, submission_s=1200.0, waiting_s=3600.0)
"""For what is not about time, on a machine that may be busy."""
SHORT = Deadlines(block_s=4.0, cell_s=4.0, probe_s=4.0, submission_s=1200.0, interrupt_s=2.0, waiting_s=3600.0)
"""For what never ends by itself."""


def observed(folder: Path, *, deadlines: Deadlines = PATIENT, **cells: str) -> Observed:
    settings = replace(
        settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), deadlines=deadlines
    )
    kernel = run.kernel(settings, folder)
    return Observer(
        notebook(**cells), builders.assignment(), seed=3, kernel=kernel, folder=folder, deadlines=deadlines
    ).run()


TODOS = [todo for todos in SOLUTION_CELLS.values() for todo in todos]


def test_a_solved_notebook_is_observed_at_every_grade_cell(tmp_path: Path) -> None:
    result = observed(tmp_path)
    assert list(result.observations) == TODOS
    assert result.faults == []
    assert all(seen["replaced"].names() == [] for seen in result.observations.values())
    assert result.cpu_s > 0
    assert result.peak_memory_bytes > 0


@pytest.mark.parametrize("act", ["os._exit(1)", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"])
def test_a_function_that_kills_the_kernel_costs_only_its_own_todo(tmp_path: Path, act: str) -> None:
    killer = f"import os\ndef train_lora_only(model):\n    {act}\n"
    result = observed(tmp_path, solution_todo6=killer)
    assert [todo for todo in TODOS if todo not in result.observations] == ["todo6"]
    assert [(fault.where, fault.kind) for fault in result.faults] == [("todo6", "kernel_lost")]


def test_a_cell_that_kills_the_kernel_takes_the_todos_that_hang_on_it(tmp_path: Path) -> None:
    result = observed(tmp_path, solution_todo2_3="import os\nos._exit(0)")
    assert [todo for todo in TODOS if todo not in result.observations] == ["todo2", "todo3"]


def test_an_endless_function_is_interrupted_and_is_the_students_fault(tmp_path: Path) -> None:
    endless = "def train_attention_only(model):\n    while True:\n        pass\n"
    result = observed(tmp_path, deadlines=SHORT, solution_todo1=endless)
    assert result.observations["todo1"]["error"]["type"].text() == "Interrupted"
    assert list(result.observations) == TODOS


def test_an_endless_cell_is_interrupted_and_what_it_defined_is_kept(tmp_path: Path) -> None:
    loop = perfect_answers()["solution_todo8"] + "\nwhile True:\n    pass\n"
    result = observed(tmp_path, deadlines=SHORT, solution_todo8=loop)
    assert "first" in result.observations["todo8"]
    assert [fault.kind for fault in result.faults] == ["cell_timeout"]


@pytest.mark.slow
def test_a_loop_that_ignores_the_interrupt_is_killed_and_the_rest_observed(tmp_path: Path) -> None:
    stubborn = """
def train_attention_only(model):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
    result = observed(tmp_path, deadlines=SHORT, solution_todo1=stubborn)
    assert [todo for todo in TODOS if todo not in result.observations] == ["todo1"]


def test_a_flood_of_output_is_cut_and_the_run_goes_on(tmp_path: Path) -> None:
    result = observed(tmp_path, todo1="for i in range(300):\n    print('x' * 10_000)")
    cell = next(c for c in result.notebook.cells if c.metadata.nbgrader.grade_id == "todo1")
    assert sum(len(out.text) for out in cell.outputs) < CELL_OUTPUT_BYTES + 1000
    assert [(fault.where, fault.kind) for fault in result.faults] == [("todo1", "limit")]
    assert "the rest was dropped" in cell.outputs[-1].text
    assert list(result.observations) == TODOS


@pytest.mark.slow
def test_a_submission_that_takes_too_long_keeps_what_was_observed(tmp_path: Path) -> None:
    deadlines = Deadlines(cell_s=60.0, submission_s=12.0)
    settings = replace(
        settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), deadlines=deadlines
    )
    slow = notebook(todo5="import threading\nthreading.Event().wait()")
    kernel = run.kernel(settings, tmp_path)
    result = Observer(slow, builders.assignment(), seed=3, kernel=kernel, folder=tmp_path, deadlines=deadlines).run()
    assert list(result.observations)[:4] == TODOS[:4]
    assert result.faults[-1].kind in ("deadline", "limit")


def test_without_a_sandbox_the_same_is_observed_and_nothing_of_the_environment_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "x")
    source = ROOT / "source" / NAME / f"{NAME}.ipynb"
    settings = replace(settings_of(builders.assignment(), source), sandboxed=False)
    shown = notebook(todo1="import os\nprint(sorted(os.environ))")
    kernel = run.kernel(settings, tmp_path)
    result = Observer(shown, builders.assignment(), seed=3, kernel=kernel, folder=tmp_path, deadlines=PATIENT).run()
    assert list(result.observations) == TODOS
    cell = next(c for c in result.notebook.cells if c.metadata.nbgrader.grade_id == "todo1")
    assert "SECRET" in str(sorted(os.environ))
    assert "SECRET" not in cell.outputs[0].text
    assert result.layers == {}


def test_blocks_and_single_cells_leave_the_same_notebook_and_observations(tmp_path: Path) -> None:
    shown = """
import sys
print("one"); print("two", file=sys.stderr); display({"a": 1}); print("three")
1 / 0
"""
    whole = observed(tmp_path, todo3=shown)
    single = observed(tmp_path, todo3=shown, todo8="import os\nos._exit(1)")
    assert [fault.kind for fault in single.faults] == ["kernel_lost"]
    for a, b in zip(whole.notebook.cells[:-1], single.notebook.cells[:-1], strict=True):
        assert [(out.output_type, out.get("text"), out.get("evalue")) for out in a.outputs] == [
            (out.output_type, out.get("text"), out.get("evalue")) for out in b.outputs
        ]
    for todo in TODOS[:-1]:
        assert whole.observations[todo].values == single.observations[todo].values
    kinds = [out.output_type for cell in whole.notebook.cells for out in cell.outputs if "todo3" in str(cell.metadata)]
    assert kinds == ["stream", "stream", "display_data", "stream", "error"]


def test_a_check_that_only_calls_is_not_run_and_its_exercise_is_observed(tmp_path: Path) -> None:
    result = observed(tmp_path, todo1="print('seen')\nquit()")
    cell = next(c for c in result.notebook.cells if c.metadata.nbgrader.grade_id == "todo1")
    assert [out.text for out in cell.outputs] == [NOT_RUN]
    assert list(result.observations) == TODOS
    assert result.faults == []


def test_leaving_the_notebook_with_exit_costs_nobody_else(tmp_path: Path) -> None:
    result = observed(tmp_path, todo2="left = exit()")
    assert list(result.observations) == TODOS
    assert result.faults == []
