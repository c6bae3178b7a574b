"""Modules that a notebook holds: one folded cell, which makes them when they are first used.

Covers autograder/authoring/modules.py.
"""

import ast
import shutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import Course
from autograder.embedded import FOLDED, module_texts, modules_digest, package_files, with_modules
from autograder.errors import AuthorError
from autograder.publish.register import generate
from tests.builders import NAME, ROOT, make_course

MARKED = "# @title Tools\n### MODULES check\nfrom own import tools as check\n"
INIT = '"""Say."""\n\nfrom .words import WORDS\n\n\ndef say():\n    return WORDS\n'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An assignment's folder with a package of two modules; nothing of it is left in this process."""
    package = tmp_path / "own" / "tools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(INIT)
    (package / "words.py").write_text("WORDS = r\"a\\b 'c'\"\n")
    yield package.parent
    for name in [name for name in sys.modules if name.startswith("own_tools")]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "texts")]


def filled(folder: Path, source: str = MARKED) -> nbformat.NotebookNode:
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"nbgrader": {"grade_id": "tools"}})])
    return with_modules(notebook, folder, {"check": "tools"}).cells[0]


def run(cell: nbformat.NotebookNode, names: dict[str, Any] | None = None) -> dict[str, Any]:
    names = {} if names is None else names
    exec(compile(cell.source, "tools", "exec"), names)
    return names


def test_the_cell_makes_the_module_and_leaves_no_other_name(folder: Path) -> None:
    names = run(filled(folder))
    assert names.keys() - {"__builtins__"} == {"check"}
    assert names["check"].say() == "a\\b 'c'"


def test_nothing_is_read_before_it_is_used(folder: Path) -> None:
    (folder / "tools" / "words.py").write_text("1 / 0\n")
    names = run(filled(folder))
    assert "own_tools" not in sys.modules
    with pytest.raises(ZeroDivisionError):
        names["check"].say()


def test_a_cell_that_is_run_again_keeps_what_the_module_remembers(folder: Path) -> None:
    names = run(filled(folder))
    names["check"].say()
    before = sys.modules["own_tools"]
    run(filled(folder), names)
    names["check"].say()
    assert sys.modules["own_tools"] is before


def test_a_newer_cell_makes_the_newer_module(folder: Path) -> None:
    names = run(filled(folder))
    names["check"].say()
    (folder / "tools" / "words.py").write_text('WORDS = "new"\n')
    run(filled(folder), names)
    assert names["check"].say() == "new"


def test_an_error_in_it_is_shown_with_its_line(folder: Path) -> None:
    (folder / "tools" / "words.py").write_text("WORDS = 1\n")
    (folder / "tools" / "__init__.py").write_text(INIT + "\n\ndef fail():\n    raise KeyError('here')\n")
    with pytest.raises(KeyError) as caught:
        run(filled(folder))["check"].fail()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise KeyError('here')"


def test_after_a_newer_cell_an_error_is_shown_with_the_newer_line(folder: Path) -> None:
    names: dict[str, Any] = {}
    for reason in ("old", "new"):
        (folder / "tools" / "__init__.py").write_text(f"def fail():\n    raise KeyError('{reason}')\n")
        with pytest.raises(KeyError) as caught:
            run(filled(folder), names)["check"].fail()
        assert traceback.extract_tb(caught.value.__traceback__)[-1].line == f"raise KeyError('{reason}')"


def test_jupyterlab_and_colab_fold_the_cell(folder: Path) -> None:
    cell = filled(folder)
    assert cell.source.startswith("# @title Tools\n")
    assert FOLDED.items() <= cell.metadata.items()
    assert cell.metadata.nbgrader.grade_id == "tools"
    assert "from own import" not in cell.source


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("### MODULES check\n", "must begin with `# @title`"),
        ("# @title T\n### MODULES check other\n", "asks for the module 'other'"),
    ],
)
def test_a_marked_cell_that_cannot_be_filled_is_refused(folder: Path, source: str, words: str) -> None:
    with pytest.raises(AuthorError, match=words):
        filled(folder, source)


def test_a_package_that_is_not_there_is_refused_by_its_path(folder: Path) -> None:
    with pytest.raises(AuthorError, match="none is no package"):
        package_files(folder, "none")


@pytest.mark.parametrize("text", ["X = '''x'''\n", "# x \\"])
def test_a_text_that_no_cell_can_hold_is_refused(folder: Path, text: str) -> None:
    (folder / "tools" / "words.py").write_text(text)
    with pytest.raises(AuthorError, match=r"words\.py holds"):
        filled(folder)


def test_the_digest_is_that_of_the_texts(folder: Path) -> None:
    before = modules_digest(folder, {"check": "tools"})
    (folder / "tools" / "words.py").write_text("WORDS = 2\n")
    assert modules_digest(folder, {"check": "tools"}) != before
    assert modules_digest(folder, {}) == ""


def test_a_release_holds_the_modules_and_the_source_does_not(tmp_path: Path) -> None:
    course = Course(make_course(tmp_path))
    released = nbformat.read(generate(course, NAME) / f"{NAME}.ipynb", as_version=4)
    (cell,) = [cell for cell in released.cells if cell.get("id") == "tools"]
    assert "### MODULES" not in cell.source
    assert all(text in cell.source for text in package_files(ROOT / "grading" / NAME, "checks").values())
    assert cell.metadata.nbgrader.locked


def test_a_course_without_modules_is_released_as_before(tmp_path: Path) -> None:
    root = make_course(tmp_path)
    path = root / "source" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell["id"] != "tools"]
    nbformat.write(notebook, path)
    shutil.rmtree(root / "grading" / NAME / "checks")
    released = nbformat.read(generate(Course(root), NAME) / f"{NAME}.ipynb", as_version=4)
    assert len(released.cells) == len(notebook.cells)


def test_the_texts_can_be_read_from_the_cell_again(folder: Path) -> None:
    assert [*module_texts(ast.parse(filled(folder).source))] == [*package_files(folder, "tools").values()]
    assert not [*module_texts(ast.parse("other({'a': 'b'})"))]
