"""Right and wrong submissions in forms that people reported in public trackers, as data.

A case of wild*.json starts from the solved release notebook (``"main": "release"``: from the untouched one).
``cells`` replaces solution cells by grade id, ``prepend`` and ``append`` add text to them, ``add`` puts a code cell
before the cell with a grade id, ``beside`` are files next to the notebook ("solved" and "release" stand for whole
notebooks). ``expect`` says what becomes of the TODOs: "full", "full or undecided", "todo1, todo3 to todo8 full",
"todo2 undecided; todo1 lost". ``says`` names, by TODO, what its feedback has to hold.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.cells import grade_id
from autograder.models import Score
from tests.builders import NAME, TODOS, perfect_answers, release_notebook, submission
from tests.cases import stored

FOLDER = Path(__file__).parent
CASES = stored(*sorted(FOLDER.glob("wild*.json")))
RARE = stored(FOLDER / "rare.json")
"""Many more of the same kinds, for the slow run."""
MISTAKES = {
    "todo1": ("solution_todo1", "h[-2:]", "h[-3:]"),
    "todo3": ("solution_todo2_3", "lora_alpha / r *", "lora_alpha *"),
    "todo4": ("solution_todo4", "torch.zeros(", "torch.ones("),
    "todo5": ("solution_todo5", "h[-2:]", "h[:2]"),
    "todo6": ("solution_todo6", ", layer.bias", ""),
    "todo7": ("solution_todo7", "lora_alpha=4", "lora_alpha=8"),
    "todo8": ("solution_todo8", 'if "score" in name and', "if"),
}
"""A mistake in each solution: TODO -> its cell, what is right there, and what is wrong."""
VERDICTS = re.compile(r"(?P<todos>.*?) ?(?P<verdicts>(?:full|undecided|lost)(?: or (?:full|undecided|lost))*)")


def built(case: Mapping[str, Any]) -> NotebookNode:
    """The notebook of a case."""
    notebook = whole(case.get("main", "solved"))
    cells = {grade_id(cell): cell for cell in notebook.cells}
    for name, text in case.get("cells", {}).items():
        cells[name].source = text
    for name, text in case.get("prepend", {}).items():
        cells[name].source = text + cells[name].source
    for name, text in case.get("append", {}).items():
        cells[name].source += text
    for row in case.get("add", []):
        at = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == row["before"])
        notebook.cells.insert(at, new_code_cell(row["source"]))
    return notebook


def whole(name: str) -> NotebookNode:
    """The solved notebook, or the untouched release."""
    return {"solved": submission, "release": release_notebook}[name]()


def hand_in(case: Mapping[str, Any], submitted: Path) -> Path:
    """Put a case where nbgrader looks for it, with what lies beside it; the notebook's path."""
    path = submitted / case["id"] / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(built(case), path)
    for name, text in case.get("beside", {}).items():
        beside = path.parent / name
        beside.parent.mkdir(parents=True, exist_ok=True)
        known = text in ("solved", "release")
        beside.write_text(nbformat.writes(whole(text)) if known else text, encoding="utf-8")
    return path


def expected(case: Mapping[str, Any]) -> dict[str, set[str]]:
    """TODO -> the verdicts that are right for it."""
    found: dict[str, set[str]] = {}
    for part in case["expect"].split(";"):
        match = VERDICTS.fullmatch(part.strip())
        assert match is not None, f"{case['id']}: cannot read {part!r}"
        found |= {todo: set(match["verdicts"].split(" or ")) for todo in named_todos(match["todos"])}
    return found


def named_todos(text: str) -> Iterator[str]:
    """The TODOs of "todo1, todo3 to todo5", all of them for an empty text."""
    for part in text.split(",") if text else [f"{TODOS[0]} to {TODOS[-1]}"]:
        first, _, last = part.strip().partition(" to ")
        yield from TODOS[TODOS.index(first) : TODOS.index(last or first) + 1]


def verdict(score: Score) -> str:
    """What became of a TODO."""
    if score.points is None:
        return "undecided"
    return "full" if score.points == score.max_score else "lost"


def with_one_mistake(case: Mapping[str, Any], first: int) -> dict[str, Any] | None:
    """A case's twin with a mistake in a TODO that would have been full: that one is lost, and nothing else changes."""
    todos = [*MISTAKES][first % len(MISTAKES) :] + [*MISTAKES][: first % len(MISTAKES)]
    verdicts = expected(case)
    for todo in todos:
        cell, right, wrong = MISTAKES[todo]
        if verdicts[todo] == {"full"} and cell not in case.get("cells", {}):
            cells = {**case.get("cells", {}), cell: perfect_answers()[cell].replace(right, wrong)}
            told = "; ".join(f"{name} {' or '.join(sorted(v))}" for name, v in (verdicts | {todo: {"lost"}}).items())
            return {**case, "id": f"{case['id']}_mistaken_in_{todo}", "cells": cells, "expect": told}
    return None
