"""Several notebooks in one submission: equal TODOs are judged, differing ones wait, and nothing else costs anything."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest

from autograder.errors import SubmissionError
from autograder.submission.read import parse_cells
from autograder.submission.several import Compared, compared, read_graded
from tests.builders import NAME, ROOT, TODOS, perfect_answers, release_notebook, source_notebook, submission

SOURCE = source_notebook()
SOLVED, UNTOUCHED = (nbformat.writes(book).encode() for book in (submission(), release_notebook()))
OTHER_TODO1 = "def train_attention_only(model):\n    model.requires_grad_(False)\n"
CHANGED = nbformat.writes(submission({"solution_todo1": OTHER_TODO1})).encode()
MAIN = f"{NAME}.ipynb"


def notebook(*sources: str) -> bytes:
    """A notebook of something else."""
    return json.dumps({"cells": [{"cell_type": "code", "source": s, "metadata": {}} for s in sources]}).encode()


def only(*todos: str) -> bytes:
    """A notebook in which these solution cells are solved and the others untouched."""
    book = release_notebook()
    for cell in book.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in todos:
            cell.source = perfect_answers()[name]
    return nbformat.writes(book).encode()


def compare(folder: Path, files: Mapping[str, bytes]) -> Compared:
    """What becomes of a submission with these files."""
    root = folder / "ada" / NAME
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    data = read_graded(root / MAIN, SOURCE)
    return compared(SOURCE, data, parse_cells(data))


def waiting(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """The TODOs that a person decides."""
    return list(compare(folder, files).ambiguous)


@pytest.mark.parametrize(
    "name",
    [
        "hw8_lora-Copy1.ipynb", "hw8_lora (1).ipynb", "hw8_lora_final.ipynb", "HW8_LORA.ipynb", "Untitled.ipynb",
        "work/hw8_lora.ipynb", "hw8_lora.py",
    ],
)  # fmt: skip
def test_an_untouched_notebook_is_no_zero_while_a_solved_one_lies_beside_it(tmp_path: Path, name: str) -> None:
    found = compare(tmp_path, {MAIN: UNTOUCHED, name: SOLVED if name.endswith(".ipynb") else as_script()})
    assert list(found.ambiguous) == TODOS
    assert found.ambiguous["todo1"] == (
        f"{MAIN} holds nothing for 'solution_todo1' and {name} does; a person decides which one counts"
    )


def as_script() -> bytes:
    """The solution as Jupytext writes it."""
    return "\n\n".join(f"# %%\n{answer}" for answer in perfect_answers().values()).encode()


def test_where_two_notebooks_differ_a_person_is_told_both_names_and_equal_todos_are_judged(tmp_path: Path) -> None:
    found = compare(tmp_path, {MAIN: SOLVED, "hw8_lora_final.ipynb": CHANGED})
    assert found.ambiguous == {
        "todo1": f"{MAIN} and hw8_lora_final.ipynb hold different solutions of 'solution_todo1'; "
        "a person decides which one counts"
    }
    assert found.notes == ("other notebooks beside it were not graded: hw8_lora_final.ipynb",)


def test_a_cell_with_two_todos_waits_for_both(tmp_path: Path) -> None:
    assert waiting(tmp_path, {MAIN: only("solution_todo1"), "b.ipynb": only("solution_todo2_3")}) == ["todo2", "todo3"]


def test_what_neither_notebook_has_is_judged(tmp_path: Path) -> None:
    files = {MAIN: UNTOUCHED, "hw8_lora-Copy1.ipynb": only("solution_todo5")}
    assert waiting(tmp_path, files) == ["todo5"]


@pytest.mark.parametrize(
    "other",
    [SOLVED, UNTOUCHED, only("solution_todo6"), b"", b"{", notebook(), notebook("x = 1")],
    ids=["equal", "release", "earlier", "empty_file", "cut_off", "untitled", "another"],
)
def test_a_notebook_without_anything_of_its_own_costs_nothing(tmp_path: Path, other: bytes) -> None:
    assert waiting(tmp_path, {MAIN: SOLVED, "other.ipynb": other}) == []


COMPANIONS = sorted(ROOT.glob("source/hw8_lora/companions/*.ipynb"))


@pytest.mark.parametrize("path", COMPANIONS, ids=lambda path: path.stem)
def test_a_companion_notebook_costs_nothing(tmp_path: Path, path: Path) -> None:
    assert waiting(tmp_path, {MAIN: only("solution_todo1"), path.name: path.read_bytes()}) == []


def test_another_homework_with_the_same_cell_names_costs_nothing(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "source": "def softmax(x):\n    return x.exp() / x.exp().sum()",
        "id": "solution_todo1",
    }
    cell["metadata"] = {"nbgrader": {"grade_id": "solution_todo1", "solution": True}}  # type: ignore[assignment]
    other = json.dumps({"cells": [cell]}).encode()
    assert waiting(tmp_path, {MAIN: UNTOUCHED, "hw7.ipynb": other}) == []


def test_a_scratch_notebook_that_tries_one_function_is_no_rival_of_a_solved_todo(tmp_path: Path) -> None:
    assert waiting(tmp_path, {MAIN: SOLVED, "scratch.ipynb": notebook(OTHER_TODO1)}) == []


def test_a_scratch_notebook_is_one_where_the_notebook_has_nothing(tmp_path: Path) -> None:
    assert waiting(tmp_path, {MAIN: UNTOUCHED, "scratch.ipynb": notebook(OTHER_TODO1)}) == ["todo1"]


def test_a_helper_module_is_no_rival_of_the_notebook_that_imports_it(tmp_path: Path) -> None:
    imported = nbformat.writes(submission({"solution_todo1": "from lora_utils import train_attention_only"})).encode()
    assert waiting(tmp_path, {MAIN: imported, "lora_utils.py": OTHER_TODO1.encode()}) == []


def test_comments_and_spacing_make_no_difference(tmp_path: Path) -> None:
    spaced = "# mine\ndef train_attention_only( model ):\n\n    # all of it\n    model.requires_grad_( False )\n"
    files = {MAIN: CHANGED, "b.ipynb": nbformat.writes(submission({"solution_todo1": spaced})).encode()}
    assert waiting(tmp_path, files) == []


def test_a_notebook_that_lost_its_ids_is_compared_by_its_functions(tmp_path: Path) -> None:
    colab = json.loads(CHANGED)
    for cell in colab["cells"]:
        cell["metadata"] = {}
        cell.pop("id")
    assert waiting(tmp_path, {MAIN: SOLVED, "colab.ipynb": json.dumps(colab).encode()}) == ["todo1"]


def test_a_damaged_copy_of_which_only_the_text_is_left_may_hold_the_missing_solution(tmp_path: Path) -> None:
    damaged = SOLVED[: SOLVED.index(b"def attach_lora_to_gpt2") + 40]
    found = waiting(tmp_path, {MAIN: UNTOUCHED, "hw8_lora-Copy1.ipynb": damaged})
    assert found == ["todo1", "todo2", "todo3", "todo4", "todo5"]
    assert waiting(tmp_path, {MAIN: SOLVED, "hw8_lora-Copy1.ipynb": damaged}) == []


def test_more_notebooks_than_are_compared_are_no_zero_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.submission.several.COMPARED_MAX", 2)
    copies = {f"copy{n}.ipynb": UNTOUCHED for n in range(4)}
    assert waiting(tmp_path, {MAIN: UNTOUCHED, **copies}) == TODOS
    assert waiting(tmp_path, {MAIN: SOLVED, **copies}) == []


def test_a_copy_that_is_too_large_to_be_compared_is_no_zero_either(tmp_path: Path) -> None:
    assert waiting(tmp_path, {MAIN: UNTOUCHED}) == []
    with (tmp_path / "ada" / NAME / "hw8_lora-Copy1.ipynb").open("wb") as file:
        file.truncate(1_000_000_000)
    assert waiting(tmp_path, {MAIN: UNTOUCHED}) == TODOS
    assert waiting(tmp_path, {MAIN: SOLVED}) == []


def test_checkpoints_are_ignored(tmp_path: Path) -> None:
    assert compare(tmp_path, {MAIN: UNTOUCHED, f".ipynb_checkpoints/{NAME}-checkpoint.ipynb": SOLVED}) == Compared()


def test_a_link_or_a_pipe_beside_it_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "bob.ipynb").write_bytes(SOLVED)
    (tmp_path / "ada" / NAME).mkdir(parents=True)
    (tmp_path / "ada" / NAME / "copy.ipynb").symlink_to(tmp_path / "bob.ipynb")
    os.mkfifo(tmp_path / "ada" / NAME / "pipe.ipynb")
    assert waiting(tmp_path, {MAIN: UNTOUCHED}) == []


# The expected name is missing.


def test_without_the_expected_name_the_fullest_is_graded_and_differences_wait(tmp_path: Path) -> None:
    files = {"try1.ipynb": only("solution_todo1"), "try2.ipynb": CHANGED, "Untitled.ipynb": notebook("x = 1")}
    found = compare(tmp_path, files)
    assert list(found.ambiguous) == ["todo1"]
    assert read_graded(tmp_path / "ada" / NAME / MAIN, SOURCE) == CHANGED


def test_notebooks_of_which_none_is_this_homework_are_left_to_a_person(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"a\.ipynb, b\.ipynb may each be meant"):
        compare(tmp_path, {"a.ipynb": notebook("x = 1"), "b.ipynb": notebook("x = 2")})


# marimo.

MARIMO = """import marimo

app = marimo.App()


@app.cell
def _(torch):
    def train_attention_only(model):
        model.requires_grad_(False)
    return (train_attention_only,)
"""


@pytest.mark.parametrize("head", ["", '"""My homework."""\n', "# /// script\n# dependencies = []\n# ///\n\n"])
def test_a_marimo_notebook_is_said_to_be_one(tmp_path: Path, head: str) -> None:
    with pytest.raises(SubmissionError, match=r"a marimo notebook.*ask for the \.ipynb, as `marimo export ipynb"):
        compare(tmp_path, {f"{NAME}.py": (head + MARIMO).encode()})


def test_a_marimo_notebook_beside_an_untouched_one_is_no_zero(tmp_path: Path) -> None:
    assert waiting(tmp_path, {MAIN: UNTOUCHED, "mine.py": MARIMO.encode()}) == ["todo1"]
