"""What keeps a source notebook from being released."""

from pathlib import Path

import nbformat
import pytest

from autograder.authoring import lint
from autograder.cells import grade_id
from tests import builders
from tests.builders import release_notebook, source_notebook


@pytest.fixture
def source() -> nbformat.NotebookNode:
    return source_notebook()


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if grade_id(c) == name)


def test_our_notebook_has_no_problem(source: nbformat.NotebookNode) -> None:
    assert lint.problems([source], builders.assignment()) == []


def test_a_grade_id_used_twice_is_found(source: nbformat.NotebookNode) -> None:
    cell(source, "todo2").metadata.nbgrader.grade_id = "todo1"
    assert "'todo1' is used 2 times" in lint.problems([source], builders.assignment())


def test_points_that_do_not_add_up_are_found(source: nbformat.NotebookNode) -> None:
    cell(source, "todo3").metadata.nbgrader.points = 20
    found = lint.problems([source], builders.assignment())
    assert "'todo3' has 20 points in the notebook and 15 in its hidden tests" in found


def test_a_solution_cell_without_a_region_is_found(source: nbformat.NotebookNode) -> None:
    cell(source, "solution_todo1").source = "def train_attention_only(model):\n    pass"
    assert "solution cell 'solution_todo1' has no solution region" in lint.problems([source], builders.assignment())


def test_saved_outputs_are_found(source: nbformat.NotebookNode) -> None:
    cell(source, "setup").outputs = [nbformat.v4.new_output("stream", text="x")]
    assert "1 cells have saved outputs" in lint.problems([source], builders.assignment())


def test_the_release_gives_nothing_away(source: nbformat.NotebookNode, tmp_path: Path) -> None:
    nbformat.write(release_notebook(), tmp_path / "r.ipynb")
    assert lint.leaks([source], builders.assignment(), [tmp_path / "r.ipynb"]) == []


@pytest.mark.parametrize("where", ["code", "markdown", "output"])
def test_a_solution_line_anywhere_in_the_release_is_found(
    source: nbformat.NotebookNode, tmp_path: Path, where: str
) -> None:
    body = lint.REGION.findall(cell(source, "solution_todo5").source)[0][1]
    line = max((line.strip() for line in body.splitlines()), key=len)
    release = release_notebook()
    if where == "code":
        cell(release, "solution_todo1").source += f"\n{line}"
    elif where == "markdown":
        release.cells.append(nbformat.v4.new_markdown_cell(f"Hint:\n\n    {line}\n"))
    else:
        cell(release, "setup").outputs = [nbformat.v4.new_output("stream", text=f"{line}\n")]
    nbformat.write(release, tmp_path / "r.ipynb")
    assert any(line in problem for problem in lint.leaks([source], builders.assignment(), [tmp_path / "r.ipynb"]))


def test_a_hidden_test_beside_the_release_is_found(source: nbformat.NotebookNode, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text((builders.assignment().folder / "test_todo3.py").read_text())
    assert lint.leaks([source], builders.assignment(), [tmp_path / "helper.py"])
