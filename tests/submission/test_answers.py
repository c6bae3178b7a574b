"""Answers for a person: the student's words in their place, whatever happened to the cell, and nothing that acts."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.submission.align import NO_ANSWER, Aligned, align
from autograder.submission.read import parse_cells
from autograder.submission.sanitize import as_typed
from tests.small_course import cell

FUNCTION = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
VALUE = "### BEGIN SOLUTION\nvalue = 3\n### END SOLUTION"


def source() -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            cell("value", VALUE, kind="code", solution=True),
            cell("check_value", "assert value == 3", kind="code", grade=True, locked=True, points=1),
            cell("function", FUNCTION, kind="code", solution=True),
            cell("essay", "### BEGIN SOLUTION\nthe instructor's answer\n### END SOLUTION", grade=True, solution=True),
            cell("check_function", "assert f(1) == 1", kind="code", grade=True, locked=True, points=1),
            cell("task", "Describe the data below.", task=True, locked=True),
        ]
    )


def aligned(*changed: nbformat.NotebookNode, left_out: tuple[str, ...] = ()) -> Aligned:
    """The source with a student's cells in place of those with the same grade id; others are added at the end."""
    given = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in changed}
    plain = {"value": "value = 4", "function": "def f(x):\n    return x", "essay": "my words"}
    cells = []
    for frame in source().cells:
        if frame.id not in left_out:
            frame.source = plain.get(frame.id, frame.source)
            cells.append(given.pop(frame.id, frame))
    submission = new_notebook(cells=[*cells, *given.values()])
    return align(source(), parse_cells(nbformat.writes(submission).encode()))


def shown(result: Aligned, name: str) -> nbformat.NotebookNode:
    return next(c for c in result.notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_an_answer_stands_in_its_place_and_nothing_is_unclear() -> None:
    result = aligned()
    assert shown(result, "essay").source == "my words"
    assert (result.ambiguous, result.repairs) == ({}, ())


def test_code_that_defines_no_function_is_taken_from_its_own_cell() -> None:
    assert shown(aligned(), "value").source == "value = 4"


def test_a_missing_answer_is_said_to_be_missing_and_the_instructors_is_not_shown() -> None:
    result = aligned(left_out=("essay",))
    assert shown(result, "essay").source == NO_ANSWER
    assert "instructor" not in nbformat.writes(result.notebook)


def test_a_missing_cell_of_code_is_named_by_what_it_was_to_define() -> None:
    assert "the cell with value is missing" in shown(aligned(left_out=("value",)), "value").source


def test_an_answer_that_became_code_is_still_words() -> None:
    metadata = {"nbgrader": {"grade_id": "essay"}}
    result = aligned(new_code_cell("import os", id="essay", metadata=metadata))
    assert (shown(result, "essay").cell_type, shown(result, "essay").source) == ("markdown", "import os")


def test_what_a_student_adds_for_a_task_stays_below_it() -> None:
    result = aligned(new_markdown_cell("My data are lengths.", id="mine"))
    texts = [c.source for c in result.notebook.cells]
    assert "My data are lengths." in texts[texts.index("Describe the data below.") + 1]


def test_a_changed_task_is_restored() -> None:
    metadata = {"nbgrader": {"grade_id": "task"}}
    result = aligned(new_markdown_cell("Do nothing.", id="task", metadata=metadata))
    assert shown(result, "task").source == "Describe the data below."


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](https://example.org/x.png)", "<https://x.org>",
        "[x]: javascript:alert(1)", "`code`", "    indented", "\x1b[31mred", "\ttab",
    ],
)  # fmt: skip
def test_an_answer_shows_its_text_and_is_no_markup(text: str) -> None:
    from nbconvert.filters.markdown import markdown2html

    page = markdown2html(as_typed(text))
    assert not set("\x1b") & set(page)
    assert not [tag for tag in ("<img", "<a ", "<code", "<pre", "<script") if tag in page]


@pytest.mark.parametrize("command", ["href", "url", "require", "style", "class", "cssId", "html"])
def test_a_formula_can_be_typeset_but_not_act(command: str) -> None:
    text = as_typed(f"$\\frac{{1}}{{2}} \\{command}{{javascript:x}}{{y}}$")
    assert "&#92;frac{1}{2}" in text
    assert f"&#92;{command}" not in text
