"""Files as students upload them: cells come out, or a reason that a person can act on."""

import json
import os
from pathlib import Path

import pytest

from autograder.errors import SubmissionError
from autograder.submission.read import parse_cells, read_cells

CELL = {"cell_type": "code", "id": "c1", "metadata": {"nbgrader": {"grade_id": "solution_todo1"}}, "source": "x = 'é'"}
NOTEBOOK = json.dumps({"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_notebook_is_read_in_any_encoding(encoding: str) -> None:
    (cell,) = parse_cells(NOTEBOOK.encode(encoding))
    assert (cell.source, cell.grade_id, cell.id, cell.kind) == ("x = 'é'", "solution_todo1", "c1", "code")


def test_sources_may_be_lists_of_lines() -> None:
    (cell,) = parse_cells(json.dumps({"cells": [CELL | {"source": ["a\n", "b"]}]}).encode())
    assert cell.source == "a\nb"


def test_a_notebook_of_nbformat_3_is_read() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "y = 1", "metadata": {}}]}], "nbformat": 3}
    assert [cell.source for cell in parse_cells(json.dumps(old).encode())] == ["y = 1"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (NOTEBOOK.encode()[:60], "cut off"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"dear all,\nsee you", "no export as .py"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": []}', "no code cell"),
        (b"[" * 100_000, "not a Jupyter notebook"),
    ],
)
def test_what_is_no_notebook_is_refused_with_its_likely_cause(data: bytes, reason: str) -> None:
    with pytest.raises(SubmissionError, match=reason):
        parse_cells(data)


def test_wrong_types_anywhere_in_a_cell_do_no_harm() -> None:
    rows = [
        CELL,
        None,
        7,
        {"cell_type": ["code"], "metadata": [], "source": {"a": 1}, "id": 5},
        {"metadata": {"nbgrader": 1}},
    ]
    cells = parse_cells(json.dumps({"cells": rows}).encode())
    assert [cell.source for cell in cells] == ["x = 'é'", "", ""]


def test_lone_surrogates_cannot_break_what_is_written_later() -> None:
    (cell,) = parse_cells(json.dumps({"cells": [CELL | {"source": "\ud800"}]}).encode())
    assert cell.source == "?"


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="missing"):
        read_cells(tmp_path / "hw8_lora.ipynb")


def test_a_link_is_not_followed_although_its_target_is_a_good_notebook(tmp_path: Path) -> None:
    (tmp_path / "other.ipynb").write_text(NOTEBOOK)
    os.symlink(tmp_path / "other.ipynb", tmp_path / "link.ipynb")
    assert read_cells(tmp_path / "other.ipynb")
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_cells(tmp_path / "link.ipynb")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="not a regular file"):
        read_cells(tmp_path)
