"""What a student finds in place of a solution: an error that names the exercise."""

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from autograder.cells import labels

UNNAMED = "raise NotImplementedError()"


class ClearSolutionsByLabel(ClearSolutions):
    """nbgrader's ClearSolutions; a stub names the exercise as ``### BEGIN SOLUTION <label>`` does."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> Any:
        found = labels(cell.source) if cell.cell_type == "code" else []
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        for label in filter(None, found):
            cell.source = name_next_stub(cell.source, label)
        return cell, resources


def name_next_stub(source: str, label: str) -> str:
    """Write the label into the first stub that has none yet."""
    return source.replace(UNNAMED, f'raise NotImplementedError("{label}: replace this line with your code")', 1)
