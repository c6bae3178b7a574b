"""Modules that a notebook's cell holds are compiled ahead, and are what the cell would have made of them."""

import ast
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.embedded import cell_text, embedded_module
from autograder.inside.held import HOLDER, HeldModules, find_ahead, held_texts

SAY = "from .words import WORDS\n\n\ndef say():\n    return WORDS[0]\n"
FILES = {"own_tools": SAY, "own_tools.words": "WORDS = 'hi'\n"}
EDITED = FILES | {"own_tools.words": "WORDS = 'new'\n"}
PLACED = "import os\n\nPLACE = os.environ['PLACE']\n"


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Nothing of a test's modules is left in this process."""
    before = [*sys.meta_path]
    yield
    sys.meta_path[:] = before
    for name in [name for name in sys.modules if name.startswith("own_tools")]:
        del sys.modules[name]


def cell_of(files: dict[str, str]) -> str:
    return cell_text("# @title Tools\n### MODULES tools", {"tools": files})


def run_cell(files: dict[str, str]) -> Any:
    """The module that a kernel's cell makes."""
    names: dict[str, Any] = {}
    exec(compile(cell_of(files), "cell", "exec"), names)
    return names["tools"]


def made_ahead(files: dict[str, str]) -> None:
    find_ahead(ast.parse(cell_of(files)))


def loader_of(name: str) -> Any:
    spec = sys.modules[name].__spec__
    assert spec is not None
    return spec.loader


def test_the_function_that_holds_them_has_this_name() -> None:
    assert embedded_module.__name__ == HOLDER
    assert [*held_texts(ast.parse(cell_of(FILES)))] == [FILES]


def test_the_cell_takes_the_code_that_is_there() -> None:
    made_ahead(FILES)
    assert run_cell(FILES).say() == "h"
    assert isinstance(loader_of("own_tools"), HeldModules)
    assert isinstance(loader_of("own_tools.words"), HeldModules)


def test_without_it_the_cell_compiles_them_itself() -> None:
    assert run_cell(FILES).say() == "h"
    assert not isinstance(loader_of("own_tools"), HeldModules)


def test_an_edited_cell_gets_what_it_holds() -> None:
    made_ahead(FILES)
    assert run_cell(FILES).say() == "h"
    assert run_cell(EDITED).say() == "n"
    assert not [finder for finder in sys.meta_path if isinstance(finder, HeldModules)]


def test_nothing_is_run_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"own_tools": PLACED}
    monkeypatch.delenv("PLACE", raising=False)
    made_ahead(files)
    assert "own_tools" not in sys.modules
    monkeypatch.setenv("PLACE", "the kernel's")
    assert run_cell(files).PLACE == "the kernel's"


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "by the cell"])
def test_an_error_shows_the_same_line_and_file(ahead: bool) -> None:
    files = {"own_tools": "def say():\n    raise KeyError('here')\n"}
    if ahead:
        made_ahead(files)
    with pytest.raises(KeyError) as caught:
        run_cell(files).say()
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.line) == ("own_tools (in the notebook)", "raise KeyError('here')")


def test_no_rule_of_our_own_code_is_inherited() -> None:
    files = {"own_tools": "def say(x: int):\n    pass\n"}
    made_ahead(files)
    assert run_cell(files).say.__annotations__ == {"x": int}


@pytest.mark.parametrize("text", ["def = 1\n", "x = (\n"])
def test_a_module_that_is_no_python_is_left_to_the_cell(text: str) -> None:
    made_ahead({"own_tools": text})
    with pytest.raises(SyntaxError):
        run_cell({"own_tools": text}).say()


@pytest.mark.parametrize(
    "call", ["embedded_module('a', f())", "embedded_module('a')", "embedded_module('a', {})", "other('a', {'a': ''})"]
)
def test_a_call_that_holds_no_texts_is_passed_over(call: str) -> None:
    assert not [*held_texts(ast.parse(call))]
