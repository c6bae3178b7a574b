"""Cells that were made ready in the zygote do what they do in any other kernel.

Covers autograder/inside/ready.py.
"""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from autograder.kernel.provisioner import KERNEL_NAME

CELLS = [
    "x = 6\nx * 7",
    "x;",
    "%time y = x\nprint(y)",
    "import asyncio\nawait asyncio.sleep(0)\nprint('waited')",
    "def fail():\n    raise ValueError('here')\n\nfail()",
    "!echo shell",
    "'''a text alone'''",
    "for i in range(2):\n    i\ni",
    "# nothing but a comment",
    "raise SystemExit",
    "x = = 1",
]


def run(preload: list[str]) -> NotebookNode:
    """The notebook of these cells after a run in the sandbox, with those made ready."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    config = Config({"SandboxProvisioner": {"preload_cells": preload, "preload_modules": ["ipykernel.ipkernel"]}})
    return NotebookClient(notebook, kernel_name=KERNEL_NAME, config=config, allow_errors=True).execute()


@pytest.fixture(scope="module")
def both() -> tuple[NotebookNode, NotebookNode]:
    return run([]), run(CELLS)


@pytest.mark.parametrize("position", range(len(CELLS)), ids=CELLS)
def test_a_cell_leaves_the_same_outputs_ready_or_not(both: tuple[NotebookNode, NotebookNode], position: int) -> None:
    usual, ready = (notebook.cells[position] for notebook in both)
    assert usual.execution_count == ready.execution_count
    assert [shown(output) for output in usual.outputs] == [shown(output) for output in ready.outputs]


def shown(output: NotebookNode) -> tuple[object, ...]:
    """What a reader sees of an output, but for times that were measured."""
    text = output.get("text", "")
    timed = "Wall time" in text or "CPU times" in text
    return output.output_type, timed or text, output.get("data"), output.get("traceback")
