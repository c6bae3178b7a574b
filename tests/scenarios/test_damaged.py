"""Damaged but honest submissions keep their solutions, or a person is told why they could not."""

import ast
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.cells import grade_id
from autograder.errors import SubmissionError
from autograder.submission.align import Aligned, align
from autograder.submission.match import wanted
from autograder.submission.read import read_cells
from autograder.submission.syntax import parsed
from tests import builders
from tests.builders import NAME, TODOS, source_notebook, submission
from tests.conftest import run
from tests.scenarios.damaged import DAMAGED
from tests.scenarios.damaged.files import UNREADABLE
from tests.scenarios.damaged.notebooks import hand_in

SOURCE = source_notebook()
HONEST = submission()
ASKED = {grade_id(cell): wanted(cell) for cell in SOURCE.cells if wanted(cell)}
FLAGGED = {"solutions_as_nameless_markdown"}
"""Nothing is lost, but only a person can tell what was meant."""


def definitions(notebook: nbformat.NotebookNode) -> dict[str, list[str]]:
    """Solution cell -> the functions that it defines of those that it should, however they are laid out."""
    return {
        grade_id(cell): [ast.dump(node) for node in functions(cell.source) if node.name in ASKED[grade_id(cell)]]
        for cell in notebook.cells
        if grade_id(cell) in ASKED
    }


def functions(source: str) -> Iterator[ast.FunctionDef]:
    """The functions at the top of a cell."""
    tree = parsed(source)
    return (node for node in (tree.body if tree else []) if isinstance(node, ast.FunctionDef))


def aligned(name: str, folder: Path) -> Aligned:
    """A damaged submission, read from disk and aligned."""
    damaged = DAMAGED[name](json.loads(nbformat.writes(HONEST)))
    return align(SOURCE, read_cells(hand_in(folder, damaged)))


@pytest.mark.parametrize("name", [name for name in DAMAGED if name not in UNREADABLE | FLAGGED])
def test_a_damaged_submission_keeps_its_solutions(name: str, tmp_path: Path) -> None:
    result = aligned(name, tmp_path)
    assert definitions(result.notebook) == definitions(HONEST)
    assert result.ambiguous == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("colab_with_new_ids", "cells_reversed"),
        ("metadata_and_ids_lost", "solutions_merged_with_the_check_below"),
        ("solutions_split", "solutions_at_the_end"),
        ("solutions_split_after_the_signature", "cells_reversed"),
        ("solutions_as_markdown", "grade_ids_one_too_far"),
        ("solution_in_a_new_cell_below_the_stub", "solutions_at_the_end"),
        ("solution_in_a_new_cell_below_the_stub", "all_code_in_one_cell"),
        ("escapes_and_form_feeds", "percent_script"),
        ("cells_that_fail_and_ask", "all_code_in_one_cell"),
        ("all_locked_cells_deleted", "grade_ids_one_too_far"),
    ],
)
def test_of_two_damages_together_nothing_is_lost_in_silence(first: str, second: str, tmp_path: Path) -> None:
    once = DAMAGED[first](json.loads(nbformat.writes(HONEST)))
    assert isinstance(once, bytes)
    result = align(SOURCE, read_cells(hand_in(tmp_path, DAMAGED[second](json.loads(once)))))
    lost = {name for name, kept in definitions(result.notebook).items() if kept != definitions(HONEST)[name]}
    assert {name for name in lost if not any(f"'{name}'" in why for why in result.ambiguous.values())} == set()


@pytest.mark.parametrize("name", sorted(FLAGGED))
def test_what_only_a_person_can_tell_is_left_to_one(name: str, tmp_path: Path) -> None:
    result = aligned(name, tmp_path)
    lost = {name for name, functions_ in definitions(result.notebook).items() if not functions_}
    assert lost
    assert all(any(f"'{cell}'" in why for why in result.ambiguous.values()) for cell in lost)


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_an_unreadable_file_is_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError) as refused:
        aligned(name, tmp_path)
    assert len(str(refused.value)) > 30


def test_the_locked_cells_are_the_sources_whatever_was_done_to_them(tmp_path: Path) -> None:
    for name in DAMAGED.keys() - UNREADABLE:
        notebook = aligned(name, tmp_path / name).notebook
        frame = [cell.source for cell in notebook.cells if grade_id(cell) and grade_id(cell) not in ASKED]
        assert frame == [cell.source for cell in SOURCE.cells if grade_id(cell) and grade_id(cell) not in ASKED]


def cell_texts(result: Aligned) -> list[str]:
    """What is run, cell by cell."""
    return [cell.source for cell in result.notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The class table after `autograder grade`, for all that are not run cell for cell as their original is."""
    root = builders.make_course(tmp_path_factory.mktemp("damaged"))
    assert run(root, "release", NAME)["status"] == 0
    honest = nbformat.writes(HONEST).encode()
    original = cell_texts(align(SOURCE, read_cells(hand_in(root / "submitted" / "original", honest))))
    for name in DAMAGED:
        folder = root / "submitted" / name
        path = hand_in(folder, DAMAGED[name](json.loads(honest)))
        if name not in UNREADABLE and cell_texts(align(SOURCE, read_cells(path))) == original:
            shutil.rmtree(folder)
    run(root, "grade", NAME)
    with (root / "reports" / f"{NAME}.csv").open(encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_every_damaged_submission_gets_its_originals_score_or_waits_for_a_person_with_a_reason(
    scores: dict[str, dict[str, str]],
) -> None:
    original = scores.pop("original")
    assert original["total"] == "100"
    assert scores.keys() >= UNREADABLE | FLAGGED
    for name, row in scores.items():
        lost = [todo for todo in TODOS if row[todo] != original[todo]]
        assert [todo for todo in lost if row[todo]] == [], f"{name} lost points: {row}"
        assert bool(lost) == (name in UNREADABLE | FLAGGED), f"{name}: {row}"
        assert not lost or len(row["notes"]) > 30, f"{name} waits without a reason"


@pytest.mark.slow
def test_repairs_reach_the_class_table(scores: dict[str, dict[str, str]]) -> None:
    assert (
        "`from google.colab import drive, files`, was not run for `drive`: a module that it needs is not there"
        in scores["colab_imports_at_the_top"]["notes"]
    )
    assert "`!pip install -q peft" in scores["installs_at_the_top"]["notes"]
    assert "was named homework.py and was read as" in scores["colab_script"]["notes"]
