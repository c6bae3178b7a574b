"""The instructor's own cells: what fails in them is told, and what trains is not run twice.

Real kernels; the rest of autograder/observe/execute.py is in test_execute.py.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from autograder.classrun import run
from autograder.classrun.settings import settings_of
from autograder.observe import execute
from autograder.observe.attempt import Attempt, Run
from autograder.observe.execute import Observer
from autograder.observe.observed import Deadlines, Observed
from tests import builders
from tests.builders import NAME, ROOT
from tests.observe.test_execute import PATIENT, marked


def observed(
    folder: Path, *cells: NotebookNode, deadlines: Deadlines = PATIENT, once: Collection[str] = ()
) -> Observed:
    settings = replace(
        settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), deadlines=deadlines
    )
    kernel = run.kernel(settings, folder)
    return Observer(
        new_notebook(cells=[*cells]), builders.assignment(), seed=3, kernel=kernel, folder=folder, deadlines=deadlines,
        once=once,
    ).run()  # fmt: skip


def printed(result: Observed, position: int) -> str:
    return "".join(output.get("text", "") for output in result.notebook.cells[position].outputs)


def test_cells_of_the_instructor_that_fail_are_named_and_a_failed_check_is_not_one(tmp_path: Path) -> None:
    data = [marked("raise FileNotFoundError('no data')", "data"), *(marked("reviews", f"use{i}") for i in range(3))]
    result = observed(tmp_path, *data, marked("x = 1", "answer", solution=True), marked("1 / 0", "todo1", grade=True))
    (fault,) = (fault for fault in result.faults if fault.kind == "own_cell")
    assert fault.where == "submission"
    assert fault.message.startswith("4 cells of the homework's own failed (data: FileNotFoundError: no data; use0: ")
    assert fault.message.endswith("; and 1 more)")
    assert "todo1" not in fault.message


def test_what_the_student_wrote_is_none_of_the_instructors(tmp_path: Path) -> None:
    result = observed(tmp_path, marked("x = 1", "setup"), marked("1 / 0", "answer", solution=True))
    assert [fault for fault in result.faults if fault.kind == "own_cell"] == []


def test_what_an_unsolved_exercise_raises_in_a_cell_that_calls_it_is_not_the_cells_own_failure(tmp_path: Path) -> None:
    stub = marked("def solve(x):\n    raise NotImplementedError('replace this line')", "answer", solution=True)
    both = [marked("solve(1)", "shown"), marked("import math\nmath.sqrt(-1)", "broken")]
    result = observed(tmp_path, stub, *both)
    (told,) = (fault.message for fault in result.faults if fault.kind == "own_cell")
    assert told.startswith("1 cell of the homework's own failed (broken: ValueError")


TRAINING = marked("import os; model = 1; print('trained')", "train")
KILLER = marked("os._exit(1)", "answer", solution=True)
AFTER = marked("print('model' in globals())", "after")


@pytest.mark.parametrize(("once", "left"), [((), "True\n"), (("train",), "False\n")])
def test_a_cell_that_trains_is_not_run_again_after_another_has_killed_the_kernel(
    tmp_path: Path, once: Collection[str], left: str
) -> None:
    one_by_one = replace(PATIENT, block_s=0)
    result = observed(tmp_path, TRAINING, KILLER, AFTER, deadlines=one_by_one, once=once)
    assert printed(result, 0) == "trained\n"
    assert printed(result, 2) == left


@pytest.mark.parametrize(("block_s", "attempts"), [(1.0, [True, False]), (0.0, [False])])
def test_without_blocks_a_slow_cell_is_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_s: float, attempts: list[bool]
) -> None:
    begun: list[bool] = []

    class Counted(Attempt):
        def __init__(self, state: Run, *, in_blocks: bool) -> None:
            begun.append(in_blocks)
            super().__init__(state, in_blocks=in_blocks)

    monkeypatch.setattr(execute, "Attempt", Counted)
    deadlines = replace(PATIENT, block_s=block_s)

    slow = marked("import time; time.sleep(3)", "train")
    observed(tmp_path, marked("x = 1", "setup"), slow, deadlines=deadlines)
    assert begun == attempts
