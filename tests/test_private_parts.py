"""What the tool uses of other libraries' private parts stands in few places, each with the version it was read from.

The package's own: a name with a leading underscore is used in the module that defines it and nowhere else.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from tests.builders import GRADING, ROOT

PACKAGE = ROOT / "autograder"
PLACES = {
    "inside/parameters.py": "torch",
    "inside/quiet.py": "ipykernel",
    "inside/ready.py": "ipython",
    "inside/torch_settings.py": "torch",
    "judge/direct.py": "pytest",
    "kernel/client.py": "jupyter_client",
}
"""Where private parts are used, and of what. The student's side is shipped as it stands, so each has its own file."""
STANDARD = {"_exit"}
"""Names of the standard library that only look private."""
SAID = re.compile(r"[Pp]rivate parts of (\w+) ([\d.]*\d)")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in STANDARD


def defined(tree: ast.AST) -> Iterator[str]:
    """Names that a module gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            yield node.attr


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def used(tree: ast.AST) -> Iterator[str]:
    """Private names that a module imports or asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from filter(is_private, parts)
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split(".") if is_private(part))


def foreign(folder: Path) -> dict[str, set[str]]:
    """File -> private names in it that no file of the folder defines."""
    trees = {path.relative_to(folder).as_posix(): ast.parse(path.read_text()) for path in folder.rglob("*.py")}
    own = {name for tree in trees.values() for name in defined(tree)}
    return {path: found for path, tree in trees.items() if (found := set(used(tree)) - own)}


def ends() -> set[str]:
    """Libraries that pyproject.toml bounds from above."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["course"]]]
    return {one.name for one in needed if any(part.operator == "<" for part in one.specifier)}


def spelled(folder: Path) -> set[str]:
    """Files that spell the name of a dictionary in which PyTorch keeps what is registered with a module."""
    private = {name for name in vars(torch.nn.Module()) if is_private(name)}
    trees = {path.relative_to(folder).as_posix(): ast.parse(path.read_text()) for path in folder.rglob("*.py")}
    return {
        path
        for path, tree in trees.items()
        if any(isinstance(node, ast.Constant) and node.value in private for node in ast.walk(tree))
    }


def test_private_parts_of_libraries_are_used_in_these_files_only() -> None:
    assert foreign(PACKAGE).keys() | spelled(PACKAGE) == PLACES.keys()


CHECKS = {"checks/hooks.py": {"_forward_hooks", "_forward_pre_hooks"}, "checks/say.py": {"_render_traceback_"}}
"""What a notebook holds cannot import the toolkit: which hooks there are, PyTorch tells by these alone."""


def test_a_homework_uses_none_but_through_the_toolkit() -> None:
    assert foreign(GRADING) == CHECKS
    assert spelled(GRADING) == set()


def test_a_name_of_pytorchs_own_dictionaries_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text('vars(model).get("_parameters")\n')
    assert spelled(tmp_path) == {"new.py"}


def test_a_name_with_a_leading_underscore_is_used_in_its_own_module_only() -> None:
    ours = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).as_posix() not in PLACES]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ours}
    assert {path: taken for path, tree in trees.items() if (taken := set(used(tree)) - set(defined(tree)))} == {}


@pytest.mark.parametrize("place", PLACES)
def test_each_says_which_version_it_was_read_from_and_that_is_the_installed_one(place: str) -> None:
    ((library, read_from),) = SAID.findall((PACKAGE / place).read_text(encoding="utf-8"))
    assert library == PLACES[place]
    assert version(library).startswith(f"{read_from}.")


@pytest.mark.parametrize("library", sorted(set(PLACES.values())))
def test_the_libraries_are_bounded_from_above(library: str) -> None:
    assert library in ends()


@pytest.mark.parametrize(
    "text",
    ["import torch\ntorch._C.x()\n", "from peft import _config\n", "import numpy._core\n", "x.layer._impl = 1\n"],
)
def test_a_private_part_in_another_file_would_be_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.py").write_text("def _here():\n    return _here\n")
    (tmp_path / "new.py").write_text(text)
    assert foreign(tmp_path).keys() == {"new.py"}
