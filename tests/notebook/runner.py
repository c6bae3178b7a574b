"""Run the homework's cells in forked copies of a process that has run its setup already.

Used by the tests of this folder. One solution is judged in a tenth of a second, because a fork starts with
every import done and every tool cell executed.
"""

import contextlib
import io
import json
import os
import re
from pathlib import Path

import nbformat

from autograder.assignment import load_assignment
from autograder.embedded import with_modules

NOTEBOOK = Path(__file__).parents[2] / "source" / "hw8_lora" / "hw8_lora.ipynb"
REGION = re.compile(r"^( *)### BEGIN SOLUTION.*?### END SOLUTION$", re.S | re.M)


GRADING = NOTEBOOK.parents[2] / "grading" / "hw8_lora"


def read_cells():
    """Return the cells of the source notebook, with the modules that the release holds."""
    declared = load_assignment(GRADING).declaration
    return with_modules(nbformat.read(NOTEBOOK, 4), GRADING, declared.modules).cells


def code_cells():
    """Return (id, source) of the notebook's code cells, in order."""
    return [(cell["id"], cell.source) for cell in read_cells() if cell.cell_type == "code"]


def execute(cells, namespace):
    """Execute (id, source) cells; return {id: "ErrorName: message"} of those that raised."""
    errors = {}
    for cell_id, source in cells:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, cell_id, "exec"), namespace)
        except Exception as error:
            errors[cell_id] = f"{type(error).__name__}: {error}"
    return errors


def tool_cells():
    """Return the cells that neither train nor show results: setup, data, checks, but no solution."""
    skipped = (
        "solution_",
        "train_attention",
        "train_head_only",
        "train_lora",
        "train_peft",
        "todo",
        "figure",
        "gradient",
        "injected",
        "table",
        "equal",
        "merge",
        "save_adapter",
        "save_sizes",
        "rank_sweep",
        "remember",
    )
    return [(name, source) for name, source in code_cells() if not name.startswith(skipped)]


def stub(source):
    """Return a solution cell as a student gets it: every region raises NotImplementedError."""
    return REGION.sub(r'\1raise NotImplementedError("TODO")', source)


class WarmNotebook:
    """The notebook after its setup; `judge` forks it."""

    def __init__(self):
        self.namespace = {"__name__": "__main__"}
        errors = execute(tool_cells(), self.namespace)
        if errors:
            raise RuntimeError(f"the tool cells failed: {errors}")

    def judge(self, replacements):
        """Return the errors of the solution cells and the graded checks, with `replacements` {id: source}."""
        chosen = [
            (name, replacements.get(name, source))
            for name, source in code_cells()
            if name.startswith("solution_") or re.fullmatch(r"todo\d", name)
        ]
        return self.run_in_a_fork(chosen)

    def run_in_a_fork(self, cells):
        """Return {id: error} of those (id, source) cells that raised, run in this order after the setup."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump(execute(cells, self.namespace), pipe)
                pipe.flush()
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            reply = pipe.read()
        os.waitpid(child, 0)
        return json.loads(reply)
