"""What a grader's browser gets to see of a student's outputs."""

from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.submission.sanitize import sanitized
from autograder.text import plain_text

ACTIVE = {"text/html": "<script>1</script>", "image/svg+xml": "<svg onload=1>", "application/javascript": "1"}


def test_only_text_and_bitmaps_survive() -> None:
    data = ACTIVE | {"text/plain": "42", "image/png": "aGk="}
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[new_output("display_data", data=data)])])
    (output,) = sanitized(notebook).cells[0].outputs
    assert output.data == {"text/plain": "42", "image/png": "aGk="}
    assert notebook.cells[0].outputs[0].data == data


def test_an_output_with_nothing_harmless_in_it_is_dropped() -> None:
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[new_output("display_data", data=ACTIVE)])])
    assert sanitized(notebook).cells[0].outputs == []


def test_escape_sequences_are_removed_and_lines_kept() -> None:
    assert plain_text("\x1b[31mred\x1b[0m\n\tx\x00\x1b]0;title\x07") == "red\n\tx"
