"""Scripts that notebooks were exported to, read as cells."""

import pytest

from autograder.errors import SubmissionError
from autograder.submission.read import parse_cells
from autograder.submission.script import script_rows


def rows(text: str) -> list[tuple[str, str]]:
    return [(row["cell_type"], row["source"]) for row in script_rows(text)]


def test_percent_cells_have_a_kind_and_their_text() -> None:
    text = "# %%\nx = 1\n\n# %% [markdown]\n# # Title\n#\n# text\n\n# %% a title\ny = 2\n# %% [raw]\n# z\n"
    assert rows(text) == [("code", "x = 1"), ("markdown", "# Title\n\ntext"), ("code", "y = 2"), ("raw", "z")]


def test_metadata_in_a_marker_is_kept_and_what_is_no_json_is_not() -> None:
    (row,) = script_rows('# %% id="a" nbgrader={"grade_id": "todo1", "points": {"a": 1}} wrong={x\ny = 1')
    assert row["metadata"] == {"id": "a", "nbgrader": {"grade_id": "todo1", "points": {"a": 1}}}


def test_nbconverts_numbers_separate_cells() -> None:
    assert rows("#!/usr/bin/env python\n# In[1]:\n\nx = 1\n\n# In[ ]:\ny = 2\n")[1:] == [
        ("code", "x = 1"),
        ("code", "y = 2"),
    ]


def test_a_script_without_markers_is_one_cell() -> None:
    assert rows("import math\n\nx = 1\n") == [("code", "import math\n\nx = 1")]


def test_a_script_is_noted_and_prose_is_refused() -> None:
    assert parse_cells(b'"""Homework.ipynb"""\n\nimport math\n').notes == (
        "the file is a Python script; its cells were recovered",
    )
    with pytest.raises(SubmissionError, match=r"no export as \.py either"):
        parse_cells(b"Dear grader,\nplease find it attached.\n")
