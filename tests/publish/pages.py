"""A graded notebook of one exercise, as publishing leaves it, without a kernel."""

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.models import Graded, Outcome, Score, Submission
from autograder.publish.feedback import autograded_notebook
from autograder.publish.points import CellPoints, FinalPoints
from autograder.publish.told import ToldSubmission, told_submission
from tests.builders import record

TEXT = "## Exercise 1: standardize\n\nDivide by $\\sigma_j$, as $$z = \\frac{x - \\mu}{\\sigma}$$ says."
HINTS = (
    "<details><summary>Hint 1: the mean</summary>\n\nTake the mean off first.\n\n</details>\n"
    "<details><summary>Hint 2: the deviation</summary>\n\nDivide by the **deviation** of a column.\n\n</details>"
)
CAUSE = "the columns are not divided by their standard deviation"
RIGHT, WRONG = "test_a_constant_column_becomes_zero", "test_every_column_has_deviation_1"


def marked(source: str, name: str, **flags: Any) -> nbformat.NotebookNode:
    """A code cell with nbgrader's settings."""
    cell = new_code_cell(source, id=name)
    cell.metadata.nbgrader = {"grade_id": name, "grade": False, "solution": False, "locked": False} | flags
    return cell


def executed(code: str = "def standardize(x):\n    return x - x.mean(axis=0)") -> nbformat.NotebookNode:
    """The notebook after its run."""
    cells = [
        new_markdown_cell(TEXT, id="text"),
        marked(code, "solution_1", solution=True),
        marked("print(standardize(table))", "exercise_1", grade=True, locked=True, points=5),
        new_markdown_cell(HINTS, id="hints"),
        new_markdown_cell("## Exercise 10: another\n\nNothing is graded here.", id="text_10"),
    ]
    return new_notebook(cells=cells)


def partial(cause: str = CAUSE) -> Score:
    """Two of five points, for one of two hidden tests."""
    outcomes = (
        Outcome("ada", "exercise_1", RIGHT, 2, "passed"),
        Outcome("ada", "exercise_1", WRONG, 3, "failed", cause),
    )
    return Score("exercise_1", 5, 2, (cause,), outcomes)


def autograded(score: Score | None = None, notebook: nbformat.NotebookNode | None = None) -> nbformat.NotebookNode:
    """What publishing writes of it."""
    graded = Graded(
        Submission("ada", "ps1", Path()), record("ada", sandbox={"mounts": "applied"}), (score or partial(),)
    )
    return autograded_notebook(graded, notebook or executed())


def told(
    notebook: nbformat.NotebookNode | None = None, *, manual: float | None = None, comment: str = "", **fields: Any
) -> ToldSubmission:
    """What the student is told, with the gradebook's word on it."""
    cell = CellPoints("ps1", "exercise_1", 5, fields.pop("automatic", 2), manual, fields.pop("extra", 0))
    held = FinalPoints("ada", (cell,), (("ps1", fields.pop("penalty", 0)),))
    names = {"student": "ada", "assignment": "ps1", "notebook": "ps1"} | fields
    return told_submission(notebook or autograded(), held, {"solution_1": comment} if comment else {}, names)
