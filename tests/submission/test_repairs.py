"""Damaged but honest notebooks: the student's solutions stand where they belong, or a person is asked.

Covers autograder/submission/mend.py.
"""

import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell

from autograder.cells import grade_id
from autograder.classrun.run import without
from autograder.errors import SubmissionError
from autograder.judge.pytest_plugin import why_unobserved
from autograder.models import Observation
from autograder.submission.align import Aligned, align
from autograder.submission.read import parse_cells
from tests.builders import perfect_answers, record, release_notebook, source_notebook, submission

SOURCE = source_notebook()
HONEST = submission()


def aligned(notebook: nbformat.NotebookNode) -> Aligned:
    return align(SOURCE, parse_cells(json.dumps(notebook).encode()))


def texts(result: Aligned) -> dict[str, str]:
    return {grade_id(cell): cell.source for cell in result.notebook.cells if grade_id(cell)}


def position(notebook: nbformat.NotebookNode, name: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if grade_id(cell) == name)


def stub(name: str) -> str:
    return str(next(cell.source for cell in release_notebook().cells if grade_id(cell) == name))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("solution_todo5", "solution_todo5"),
        ("solution_todo5", "todo5"),
        ("solution_todo5", "todo8"),
        ("solution_todo2_3", "todo2"),
        ("solution_todo4", "todo4"),
    ],
)
def test_a_solution_in_another_cell_replaces_the_stub(name: str, place: str) -> None:
    notebook = submission({name: stub(name)})
    notebook.cells.insert(position(notebook, place), new_code_cell(perfect_answers()[name]))
    result = aligned(notebook)
    assert texts(result)[name] == perfect_answers()[name]
    assert len(result.notebook.cells) == len(SOURCE.cells)
    assert any("another cell" in repair for repair in result.repairs)


def test_two_other_solutions_for_one_stub_are_left_to_a_person() -> None:
    notebook = submission({"solution_todo6": stub("solution_todo6")})
    for extra in ("", "\nEXTRA = 1"):
        notebook.cells.append(new_code_cell(perfect_answers()["solution_todo6"] + extra))
    assert set(aligned(notebook).ambiguous) == {"todo6"}


def test_two_different_copies_of_a_solution_cell_are_left_to_a_person() -> None:
    notebook = submission()
    copy = json.loads(json.dumps(notebook.cells[position(notebook, "solution_todo2_3")]))
    copy["source"] += "\nEXTRA = 1"
    notebook.cells.insert(position(notebook, "todo2"), nbformat.from_dict(copy))
    assert set(aligned(notebook).ambiguous) == {"todo2", "todo3"}


def test_a_cell_that_was_split_inside_a_function_is_joined() -> None:
    notebook = submission()
    at = position(notebook, "solution_todo2_3")
    lines = notebook.cells[at].source.split("\n")
    notebook.cells[at].source = "\n".join(lines[:3])
    notebook.cells.insert(at + 1, new_code_cell("\n".join(lines[3:])))
    result = aligned(notebook)
    assert texts(result)["solution_todo2_3"] == perfect_answers()["solution_todo2_3"]
    assert any("split" in repair for repair in result.repairs)


def test_two_definitions_merged_into_one_cell_are_divided() -> None:
    notebook = submission()
    answers = perfect_answers()
    first = position(notebook, "solution_todo2_3")
    notebook.cells[first].source = answers["solution_todo2_3"] + "\n\n" + answers["solution_todo4"]
    del notebook.cells[position(notebook, "solution_todo4")]
    result = texts(aligned(notebook))
    assert result["solution_todo2_3"].strip() == answers["solution_todo2_3"].strip()
    assert result["solution_todo4"].strip() == answers["solution_todo4"].strip()


def test_moved_cells_are_put_back_in_order() -> None:
    notebook = submission()
    notebook.cells.reverse()
    result = aligned(notebook)
    assert texts(result) == texts(aligned(HONEST))
    assert "cells had been moved and were put back in order" in result.repairs


def test_changed_points_and_flags_are_ignored_and_reported() -> None:
    notebook = submission()
    notebook.cells[position(notebook, "todo1")].metadata.nbgrader.points = 1000
    result = aligned(notebook)
    assert result.repairs == ("nbgrader's settings of cell 'todo1' had been changed and were ignored",)
    assert result.notebook.cells[position(SOURCE, "todo1")].metadata.nbgrader.points == 10


def test_a_grade_cell_turned_into_markdown_is_restored_as_code() -> None:
    notebook = submission()
    at = position(notebook, "todo3")
    notebook.cells[at].cell_type = "markdown"
    result = aligned(notebook)
    assert result.notebook.cells[position(SOURCE, "todo3")].cell_type == "code"
    assert "cell 'todo3' had been turned into markdown" in result.repairs


def test_bytes_after_the_notebook_are_ignored() -> None:
    data = json.dumps(HONEST).encode()
    assert parse_cells(data + b"}\n\0") == parse_cells(data)


def test_utf_16_without_a_mark_is_read() -> None:
    text = json.dumps(HONEST)
    assert parse_cells(text.encode("utf-16-le")) == parse_cells(text.encode("utf-16-be")) == parse_cells(text.encode())


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=20), st.lists, max_leaves=5)
FIELDS = st.sampled_from(["cell_type", "source", "metadata", "id", "outputs"])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 4), FIELDS, JSON), max_size=12))
def test_no_mutation_of_a_notebook_breaks_reading_and_alignment(acts: list[tuple[int, int, str, object]]) -> None:
    rows = json.loads(json.dumps(HONEST))["cells"]
    for where, act, field, value in acts:
        mutate(rows, where % len(rows), act, field, value)
    try:
        result = align(SOURCE, parse_cells(json.dumps({"cells": rows}).encode()))
    except SubmissionError:
        return
    assert list(texts(result)) == [grade_id(cell) for cell in SOURCE.cells if grade_id(cell)]


def mutate(rows: list[object], where: int, act: int, field: str, value: object) -> None:
    """Delete, copy, move, swap or overwrite one cell."""
    row = rows[where]
    if act == 0 and len(rows) > 1:
        del rows[where]
    elif act == 1:
        rows.insert(len(rows) - where, row)
    elif act == 2:
        rows[where], rows[-1] = rows[-1], rows[where]
    elif act == 3 and isinstance(row, dict):
        rows[where] = row | {"metadata": {}, "id": ""}
    elif isinstance(row, dict):
        rows[where] = row | {field: value}


def test_an_unclear_todo_has_no_observation_left_to_judge_and_the_others_keep_theirs() -> None:
    seen = Observation({}, {})
    left = without(record(observations={"todo5": seen, "todo6": seen}), {"todo6": "two cells"})
    assert set(left.observations) == {"todo5"}
    assert why_unobserved(left, "todo6") == "could not be graded: two cells"
