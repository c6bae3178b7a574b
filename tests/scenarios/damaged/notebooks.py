"""A notebook as JSON, what damages read and change in it, and how it is handed in."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.builders import NAME

Notebook = dict[str, Any]
Cell = dict[str, Any]
Damaged = bytes | dict[str, bytes]
Damage = Callable[[Notebook], Damaged]


def cells(notebook: Notebook) -> list[Cell]:
    """The notebook's cells."""
    found: list[Cell] = notebook["cells"]
    return found


def nbgrader(cell: Cell) -> dict[str, Any]:
    """The cell's nbgrader settings, empty when it has none."""
    settings: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return settings


def solutions(notebook: Notebook) -> list[int]:
    """Positions of the solution cells."""
    return [i for i, cell in enumerate(cells(notebook)) if nbgrader(cell).get("solution")]


def grades(notebook: Notebook) -> list[int]:
    """Positions of the grade cells that are no solution cells."""
    return [i for i, c in enumerate(cells(notebook)) if nbgrader(c).get("grade") and not nbgrader(c).get("solution")]


def text(cell: Cell) -> str:
    """The cell's source as one string."""
    source = cell["source"]
    ends = "" if any("\n" in line for line in source) else "\n"
    return ends.join(source) if isinstance(source, list) else str(source)


def dumped(notebook: Notebook, **options: Any) -> bytes:
    """The notebook as Jupyter saves it."""
    return json.dumps(notebook, **({"indent": 1, "ensure_ascii": False} | options)).encode()


def code(source: str) -> Cell:
    """A cell that a student added."""
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def damages(*acts: Callable[[Notebook], Any]) -> dict[str, Damage]:
    """The acts by name; each changes a copy of the notebook, or returns what is in the folder instead."""
    return {act.__name__: damaging(act) for act in acts}


def damaging(act: Callable[[Notebook], Any]) -> Damage:
    """The act on a copy, with bytes or files as its answer."""

    def damaged(notebook: Notebook) -> Damaged:
        notebook = copy.deepcopy(notebook)
        result = act(notebook)
        return dumped(notebook) if result is None else result

    return damaged


def hand_in(folder: Path, damaged: Damaged) -> Path:
    """Put the files where nbgrader looks for them; the path of the notebook as it should be named."""
    files = damaged if isinstance(damaged, dict) else {f"{NAME}.ipynb": damaged}
    for name, data in files.items():
        (folder / NAME / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / NAME / name).write_bytes(data)
    return folder / NAME / f"{NAME}.ipynb"
