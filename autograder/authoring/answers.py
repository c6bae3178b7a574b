"""Fill a release notebook in as a student would: for sample classes, mutants and tests."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from autograder.cells import grade_id
from autograder.errors import UsageError

CELL_HEAD = re.compile(r"^# %% (\w+)\n", re.MULTILINE)
LIKE = re.compile(r"^# like: (\w+)\n", re.MULTILINE)


def read_answers(path: Path) -> dict[str, str]:
    """Grade id -> source, from a file whose cells begin with ``# %% grade_id``.

    A line ``# like: other`` takes the answers of other.py in the same folder first.
    """
    text = path.read_text(encoding="utf-8")
    base = LIKE.search(text)
    answers = read_answers(path.with_name(f"{base[1]}.py")) if base else {}
    _, *parts = CELL_HEAD.split(text)
    return answers | {name: source.strip("\n") for name, source in zip(parts[::2], parts[1::2], strict=True)}


def fill(notebook: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A copy of the notebook with these cells' sources; UsageError for a grade id that it does not have."""
    notebook = copy.deepcopy(notebook)
    cells = {grade_id(cell): cell for cell in notebook.cells}
    for name, source in answers.items():
        if name not in cells:
            raise UsageError(f"the notebook has no cell '{name}'")
        cells[name].source = source
    return notebook
