"""Where a hostile act is put into a release notebook: a cell of its own, the solution cells, the functions' bodies."""

from __future__ import annotations

import ast
import copy
import string
import textwrap
from collections.abc import Callable, Mapping

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

Make = Callable[[NotebookNode], NotebookNode]


def settings_of(cell: NotebookNode) -> Mapping[str, object]:
    """nbgrader's metadata of a cell."""
    found: Mapping[str, object] = cell.metadata.get("nbgrader", {})
    return found


def solution_positions(notebook: NotebookNode) -> list[int]:
    """Where the solution cells stand."""
    return [i for i, cell in enumerate(notebook.cells) if settings_of(cell).get("solution")]


def before(code: str) -> Make:
    """A cell of its own before the first solution cell, when everything has been imported."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        notebook.cells.insert(solution_positions(notebook)[0], new_code_cell(filled(code, release), id="added"))
        return notebook

    return make


def first(code: str) -> Make:
    """The very first cell."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        notebook.cells.insert(0, new_code_cell(filled(code, release), id="added"))
        return notebook

    return make


def in_solutions(code: str) -> Make:
    """The text at the end of every solution cell."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for position in solution_positions(notebook):
            notebook.cells[position].source += "\n" + filled(code, release)
        return notebook

    return make


def called(code: str) -> Make:
    """Every function whose solution is missing runs this when it is called, with its arguments as ``arguments``."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for position in solution_positions(notebook):
            cell = notebook.cells[position]
            cell.source = "\n\n".join(with_body(node, code) for node in ast.parse(cell.source).body)
        return notebook

    return make


def with_body(node: ast.stmt, code: str) -> str:
    """The statement; an empty function gets the body."""
    stub = isinstance(node, ast.FunctionDef) and any(isinstance(part, ast.Raise) for part in node.body)
    if not isinstance(node, ast.FunctionDef) or not stub:
        return ast.unparse(node)
    names = [argument.arg for argument in node.args.args]
    body = f"arguments = [{', '.join(names)}]\n{code.strip()}\nreturn None"
    return f"def {node.name}({ast.unparse(node.args)}):\n{textwrap.indent(body, '    ')}"


def filled(code: str, release: NotebookNode) -> str:
    """The text with ``$names`` as the list of the homework's function names."""
    trees = [ast.parse(release.cells[position].source) for position in solution_positions(release)]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return string.Template(code.strip()).safe_substitute(names=repr(names))
