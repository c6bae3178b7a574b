"""A submission's cells, put back into the source notebook's frame.

Covers autograder/submission/match.py and autograder/submission/solve.py.
"""

import json

import nbformat
import pytest

from autograder.cells import grade_id
from autograder.submission.align import align
from autograder.submission.read import SubmittedCell, parse_cells
from tests.builders import perfect_answers, source_notebook, submission


def cells_of(notebook: nbformat.NotebookNode) -> list[SubmittedCell]:
    return parse_cells(nbformat.writes(notebook).encode())


def sources(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {grade_id(cell): cell.source for cell in notebook.cells if grade_id(cell)}


@pytest.fixture(scope="module")
def source() -> nbformat.NotebookNode:
    return source_notebook()


def test_an_untouched_frame_takes_the_students_solutions_and_nothing_else(source: nbformat.NotebookNode) -> None:
    aligned = align(source, cells_of(submission()))
    expected = sources(source) | perfect_answers()
    assert sources(aligned.notebook) == expected
    assert len(aligned.notebook.cells) == len(source.cells)
    assert aligned.repairs == ()


def test_no_solution_of_the_instructors_is_left_when_the_students_cell_is_missing(
    source: nbformat.NotebookNode,
) -> None:
    notebook = submission()
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != "solution_todo5"]
    aligned = align(source, cells_of(notebook))
    assert sources(aligned.notebook)["solution_todo5"].startswith("raise NotImplementedError")
    assert aligned.repairs == ("cell 'solution_todo5' is missing",)


def test_changed_and_deleted_locked_cells_are_restored(source: nbformat.NotebookNode) -> None:
    notebook = submission()
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != "todo1"]
    for cell in notebook.cells:
        if grade_id(cell) == "todo2":
            cell.source = "print('all good')"
    aligned = align(source, cells_of(notebook))
    assert sources(aligned.notebook)["todo1"] == sources(source)["todo1"]
    assert sources(aligned.notebook)["todo2"] == sources(source)["todo2"]
    assert len(aligned.repairs) == 2


def test_cells_without_metadata_and_ids_are_recognised_by_function_and_text(source: nbformat.NotebookNode) -> None:
    notebook = json.loads(nbformat.writes(submission()))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id")
    aligned = align(source, parse_cells(json.dumps(notebook).encode()))
    assert sources(aligned.notebook) == sources(source) | perfect_answers()
    assert len(aligned.notebook.cells) == len(source.cells)


def test_added_cells_run_where_the_student_put_them(source: nbformat.NotebookNode) -> None:
    notebook = submission()
    position = next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == "solution_todo5")
    notebook.cells.insert(position, nbformat.v4.new_code_cell("HELPER = 1"))
    aligned = align(source, cells_of(notebook)).notebook
    assert aligned.cells[position].source == "HELPER = 1"
    assert grade_id(aligned.cells[position + 1]) == "solution_todo5"


def test_an_added_markdown_cell_is_shown_as_text(source: nbformat.NotebookNode) -> None:
    notebook = submission()
    notebook.cells.append(nbformat.v4.new_markdown_cell("<script>alert(1)</script>\n```\n[x](javascript:y)"))
    added = align(source, cells_of(notebook)).notebook.cells[-1].source
    assert added.startswith("``````text\n")
    assert added.endswith("\n``````")


def test_saved_outputs_never_survive(source: nbformat.NotebookNode) -> None:
    notebook = submission()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="10 of 10 points")]
    aligned = align(source, cells_of(notebook)).notebook
    assert not any(cell.get("outputs") for cell in aligned.cells)
