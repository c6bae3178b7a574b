"""Cells that a person grades: no hidden test judges them, and their points are as nbgrader leaves them."""

from collections.abc import Iterable

from nbformat import NotebookNode
from nbgrader.api import SubmittedNotebook
from nbgrader.utils import is_solution

from autograder.cells import grade_id, is_answer
from autograder.submission.sanitize import as_typed


def unanswered(submitted: SubmittedNotebook, executed: NotebookNode | None) -> set[str]:
    """Grade ids of the answers that are as they were released; of a notebook that was not run, none is known to be."""
    cells = [c for c in executed.cells if is_answer(c) and is_solution(c)] if executed is not None else []
    released = {cell.name: cell.source for cell in submitted.notebook.source_cells} if cells else {}
    return {grade_id(cell) for cell in cells if is_released(cell, released.get(grade_id(cell), ""))}


def is_released(cell: NotebookNode, text: str) -> bool:
    """Whether a cell still holds the text that was released."""
    expected = text if cell.cell_type == "code" else as_typed(text)
    return bool(cell.source.strip() == expected.strip())


def save_answers(submitted: SubmittedNotebook, names: Iterable[str], empty: set[str]) -> None:
    """As stock nbgrader: an answer that is none has 0 points, every other one waits for a person.

    Task cells wait from the start, and are left as they are.
    """
    answers = set(names)
    for grade in submitted.grades:
        if grade.name in answers:
            grade.auto_score = 0 if grade.name in empty else None
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
    for comment in submitted.comments:
        if comment.name in answers:
            comment.auto_comment = "No response." if comment.name in empty else None
