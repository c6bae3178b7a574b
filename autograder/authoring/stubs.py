"""What a student finds in place of a solution: an error that names the TODO."""

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_solution

NUMBERS = re.compile(r"^solution_todo(\d+(?:_\d+)*)$")
UNNAMED = "# YOUR CODE HERE\nraise NotImplementedError()"


class ClearSolutionsByTodo(ClearSolutions):
    """nbgrader's ClearSolutions; the n-th stub of a cell names the n-th TODO of its grade id.

    ``solution_todo2_3`` has two solution regions, so its stubs say TODO 2 and TODO 3.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> Any:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        found = NUMBERS.match(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if cell.cell_type == "code" and is_solution(cell) and found:
            for number in found[1].split("_"):
                cell.source = name_next_stub(cell.source, number)
        return cell, resources


def name_next_stub(source: str, number: str) -> str:
    """Write the TODO into the first stub that names none yet."""
    named = f'raise NotImplementedError("TODO {number}: replace this line with your code")'
    return source.replace("raise NotImplementedError()", named, 1)
