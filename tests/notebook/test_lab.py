"""What the notebook's helpers remember, and that the source notebook runs as it stands."""

import os
import subprocess
import sys

import nbformat
import pytest
import torch
from hw8_lora.lab import training
from runner import GRADING, NOTEBOOK
from torch import nn


def made(source):
    """Return the function `f` that a cell defines."""
    names = {"torch": torch}
    exec(compile(source, "cell", "exec"), names)
    return names["f"]


def model(start=0.0):
    """Return a small model whose bias alone trains."""
    layer = nn.Linear(2, 2)
    nn.init.ones_(layer.weight).requires_grad_(False)
    nn.init.constant_(layer.bias, start)
    return layer


ONES = "def f(x):\n    def hook(y):\n        return y * 2\n    return hook\n"


@pytest.mark.parametrize(
    ("source", "same"),
    [(ONES, True), (ONES.replace("* 2\n", "* 2  # twice\n"), True), (ONES.replace("* 2", "* 3"), False),
     (ONES.replace("* 2", "/ 2"), False), (ONES.replace("y * 2", "x * 2"), False)],
)  # fmt: skip
def test_a_finished_run_is_taken_again_only_for_the_same_code(source, same):
    key = training.key_of(model(), 0.1, 4, [made(ONES)])
    assert (training.key_of(model(), 0.1, 4, [made(source)]) == key) is same


def test_a_finished_run_is_taken_again_only_for_the_same_start():
    assert training.key_of(model(), 0.1, 4, []) == training.key_of(model(), 0.1, 4, [])
    assert training.key_of(model(1.0), 0.1, 4, []) != training.key_of(model(), 0.1, 4, [])


def test_the_source_notebook_runs_as_it_stands_in_its_own_folder():
    (cell,) = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell["id"] == "tools"]
    text = f"{cell.source}\nassert check.todo1 and hw8.SMOKE\nprint(check.__file__)"
    path = os.pathsep.join([str(NOTEBOOK.parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text], cwd=NOTEBOOK.parent, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": path, "HW8_PROFILE": "smoke"},
    )  # fmt: skip
    assert (NOTEBOOK.parent / done.stdout.strip()).resolve() == (GRADING / "checks" / "__init__.py")
