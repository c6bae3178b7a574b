"""Grades written by hand."""

import copy
from collections.abc import Callable

from nbformat import NotebookNode
from nbformat.v4 import new_output

from tests.scenarios.hostile.making import Make, before, in_solutions, settings_of


def in_grade_cells(change: Callable[[NotebookNode], None]) -> Make:
    """A change to every grade cell of the submitted file."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for cell in notebook.cells:
            if settings_of(cell).get("grade"):
                change(cell)
        return notebook

    return make


def saved_output(cell: NotebookNode) -> None:
    """The output of a passed check, saved in the file."""
    cell.outputs = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
    cell.execution_count = 1


def worth_more(cell: NotebookNode) -> None:
    """More points, no lock, and a checksum of nothing."""
    cell.metadata.nbgrader |= {"points": 1000, "locked": False, "grade": True, "solution": True, "checksum": "0"}


def emptied(cell: NotebookNode) -> None:
    """Nothing left to check."""
    cell.source = "1000.0"


def pickled(cell: NotebookNode) -> None:
    """An output that runs code when it is unpickled."""
    payload = "gASVIwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAh0b3VjaCBwd5SFlFKULg=="
    cell.outputs = [new_output("display_data", {"application/x-pickle": payload, "text/plain": payload})]


CASES = {
    "prints a grade in every solution cell": in_solutions("print('10 of 10 points'); 1000.0"),
    "prints a grade when a check is run": before("""
def require(condition, message=""):
    print(1000.0)
import builtins
builtins.require = require
from IPython.display import display
get_ipython().events.register("post_run_cell", lambda result: display(1000.0))
"""),
    "saves outputs of passed checks": in_grade_cells(saved_output),
    "raises the points of grade cells": in_grade_cells(worth_more),
    "replaces grade cells by a number": in_grade_cells(emptied),
    "saves pickles as outputs": in_grade_cells(pickled),
    "marks the checks as passed with a text like the grader's": in_solutions(
        "print('--- todo1: 10 of 10 points ---')\nprint('probe_reply', {'score': 10})"
    ),
}
