"""The vocabulary of a marked notebook: which cell is what, from nbgrader's metadata and the order, never from names."""

import ast
import functools
import itertools
import re
from collections.abc import Sequence

from nbformat import NotebookNode

SOLUTION_REGION = re.compile(r"### BEGIN SOLUTION[ \t]*(?P<label>[^\n]*)\n(?P<body>.*?)### END SOLUTION", re.DOTALL)
"""What a student does not get. The label, if there is one, is what the stub in its place calls the exercise."""


def says(cell: NotebookNode, key: str) -> bool:
    """Whether nbgrader's metadata of a cell have this flag."""
    return bool(cell.metadata.get("nbgrader", {}).get(key, False))


def is_grade(cell: NotebookNode) -> bool:
    """Whether the cell has points that a test or a person gives."""
    # As in nbgrader.utils, whose import takes ten times as long as it takes to read a submission.
    return says(cell, "grade")


def is_solution(cell: NotebookNode) -> bool:
    """Whether the student writes in the cell."""
    return says(cell, "solution")


def is_task(cell: NotebookNode) -> bool:
    """Whether the cell describes what the student does in cells of their own."""
    return says(cell, "task")


def grade_id(cell: NotebookNode) -> str:
    """The cell's nbgrader grade id, or an empty text."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def is_judged(cell: NotebookNode) -> bool:
    """Whether hidden tests give the points of this cell: it is a grade cell of code that students do not write in."""
    return is_grade(cell) and not is_solution(cell) and cell.cell_type == "code"


def is_given(cell: NotebookNode) -> bool:
    """Whether the cell is code of the instructor's that checks nothing: setup, data, training, figures."""
    return cell.cell_type == "code" and bool(grade_id(cell)) and not is_solution(cell) and not is_grade(cell)


def is_only_shown(cell: NotebookNode) -> bool:
    """Whether a cell is a visible check that only calls something: it decides no points and leaves no name behind."""
    return is_judged(cell) and only_calls(cell.source)


@functools.lru_cache(maxsize=1024)
def only_calls(source: str) -> bool:
    """Whether all statements of a cell are calls, and bind no name; a cell that Python cannot read is none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    calls = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in tree.body)
    return calls and bool(tree.body) and not any(isinstance(node, ast.NamedExpr) for node in ast.walk(tree))


def is_answer(cell: NotebookNode) -> bool:
    """Whether a person gives the points of this cell: a text, or code that the student writes."""
    return is_grade(cell) and not is_judged(cell)


def is_code_solution(cell: NotebookNode) -> bool:
    """Whether the student writes code here, which the grade cells below it may judge."""
    return is_solution(cell) and cell.cell_type == "code"


def max_scores(cells: Sequence[NotebookNode]) -> dict[str, float]:
    """Points of every cell that hidden tests judge, by grade id, in order."""
    return {grade_id(cell): float(cell.metadata.nbgrader.points) for cell in cells if is_judged(cell)}


def by_hand(cells: Sequence[NotebookNode]) -> dict[str, float]:
    """Points of every cell that a person grades, task cells among them, by grade id, in order."""
    return {grade_id(cell): float(cell.metadata.nbgrader.points) for cell in cells if is_answer(cell) or is_task(cell)}


def judged_by(cells: Sequence[NotebookNode]) -> dict[str, list[str]]:
    """Code solution cell -> the cells that judge it: those between it and the next one."""
    starts = [i for i, cell in enumerate(cells) if is_code_solution(cell)]
    return {
        grade_id(cells[start]): [grade_id(cell) for cell in cells[start:end] if is_judged(cell)]
        for start, end in itertools.pairwise([*starts, len(cells)])
    }


def solution_before(cells: Sequence[NotebookNode], position: int) -> int | None:
    """Position of the code solution cell that a cell is or follows, or None before the first."""
    before = itertools.takewhile(lambda i: i >= 0, range(position, -1, -1))
    return next((i for i in before if is_code_solution(cells[i])), None)


def labels(source: str) -> list[str]:
    """The labels of a cell's solution regions, in order; empty for one that has none."""
    return [found["label"].strip() for found in SOLUTION_REGION.finditer(source)]
