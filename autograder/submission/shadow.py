"""Files that must not lie beside a notebook: they would stand in for a library or for the homework's own files.

Python looks into the notebook's folder first, and a notebook may put any folder on its path. So a module named like
an installed one is not taken at any depth, but for one thing: within a package its modules are the package's own, as
long as neither notebook nor helper changes where Python looks.
"""

import ast
import functools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path

from nbformat import NotebookNode

from autograder.cells import is_solution
from autograder.embedded import module_texts
from autograder.submission.archive import Refused
from autograder.submission.beside import Beside, is_module_file
from autograder.submission.syntax import parsed

GRADERS = frozenset(("autograder", "conftest", "sitecustomize", "usercustomize", "warm"))
"""Modules that a kernel or a test run imports by itself, installed or not."""
CONFIGURATION = re.compile(r"(ipython|jupyter)\w*_config\.(py|json)$")
PATH_CHANGED = re.compile(r"sys\.path|path\.(?:insert|append|extend)|chdir|addsitedir|PYTHONPATH|%cd|import path\b")
NAMING = ("Path", "open", "from_pretrained", "load_dataset", "pipeline", "snapshot_download")
"""Functions that take the name of a file, the last four one of the Hub's unless there is a folder of that name."""


@dataclass(frozen=True)
class Reserved:
    """What the homework and the interpreter have already."""

    path: tuple[str, ...] = ()
    """Where the kernel imports installed modules from."""
    modules: frozenset[str] = GRADERS
    """What the homework's own cells import, and what the grader needs, whether or not it is installed here."""
    folders: dict[str, Path] = field(default_factory=dict)
    """The homework's own folders by name, and where they are."""
    named: frozenset[str] = frozenset()
    """What the homework's own cells read or write in their folder, or fetch from the Hub."""

    def is_installed(self, module: str) -> bool:
        """Whether the kernel has a module of this name without the student's files."""
        return module in sys.stdlib_module_names or has_module(module, self.path)

    def is_taken(self, module: str, *, by_module: bool) -> bool:
        """Whether a file or folder of this name would be imported in a module's place.

        A folder of data never is, where there is a module: Python goes on looking for one.
        """
        installed = self.is_installed(module)
        return installed or module in self.modules if by_module else module in self.modules and not installed


@functools.lru_cache(maxsize=4096)
def has_module(module: str, path: tuple[str, ...]) -> bool:
    """Whether one of these folders has that module."""
    return PathFinder.find_spec(module, list(path)) is not None


def reserved(source: NotebookNode, folders: Iterable[Path], path: Sequence[str]) -> Reserved:
    """What the files of a submission to this homework may not replace."""
    trees = [parsed(cell.source) for cell in source.cells if cell.cell_type == "code" and not is_solution(cell)]
    trees += [parsed(text) for tree in trees if tree for text in module_texts(tree)]
    nodes = [node for tree in trees if tree for node in ast.walk(tree)]
    modules = GRADERS | frozenset(module for node in nodes for module in imported(node))
    return Reserved(tuple(path), modules, {f.name: f for f in folders}, frozenset(file_names(nodes)))


def imported(node: ast.AST) -> Iterator[str]:
    """The top of every module that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def file_names(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """The first part of every file's name, spelled out in a call or in the value of a variable that is passed."""
    calls = [n for n in nodes if isinstance(n, ast.Call) and n.args and called(n.func) in NAMING]
    variables = {n.args[0].id for n in calls if isinstance(n.args[0], ast.Name)}
    values: list[ast.AST] = [n.args[0] for n in calls]
    values += [n.value for n in nodes if isinstance(n, ast.Assign) and variables & set(map(called, n.targets))]
    texts = (inner.value for value in values for inner in ast.walk(value) if isinstance(inner, ast.Constant))
    yield from (text.partition("/")[0] for text in texts if isinstance(text, str) and text[:1] not in "/.")


def called(node: ast.AST) -> str:
    """The last name of a name or attribute."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def without_shadows(beside: Beside, code: str, reserved: Reserved) -> Beside:
    """The files but for those that would stand in for something; ``code`` is the notebook's."""
    packages = {name.removesuffix("/__init__.py") for name, _ in beside.files if name.endswith("/__init__.py")}
    helpers = (data.decode("utf-8", "replace") for name, data in beside.files if is_module_file(name))
    if any(map(PATH_CHANGED.search, (code, *helpers))):
        packages = set()
    kept, refused = [], list(beside.not_taken)
    for name, data in beside.files:
        if reason := shadow(name, packages, reserved):
            refused.append(Refused(name, reason))
        elif not is_own(name, reserved):
            kept.append((name, data))
        elif not is_copy(name, data, reserved):
            refused.append(Refused(name, "in a folder of the homework, which is there already as it was released"))
    return Beside(tuple(kept), tuple(refused))


def shadow(name: str, packages: set[str], reserved: Reserved) -> str:
    """What a file would stand in for, as the reason not to take it, or an empty text."""
    *folders, last = name.split("/")
    if CONFIGURATION.match(last):
        return "settings of Jupyter, which a kernel would obey"
    if name.partition("/")[0] in reserved.named - reserved.folders.keys():
        return "named like what the homework itself writes, or fetches from the Hub"
    parts = [*folders, last.removesuffix(".py")] if is_module_file(name) else folders
    for depth, part in enumerate(parts):
        if "/".join(parts[:depth]) in packages:
            break
        if reserved.is_taken(part, by_module=is_module_file(name)):
            return f"it would stand in for the module {part}"
    return ""


def is_own(name: str, reserved: Reserved) -> bool:
    """Whether a file lies in one of the homework's own folders."""
    return name.partition("/")[0] in reserved.folders


def is_copy(name: str, data: bytes, reserved: Reserved) -> bool:
    """Whether a file in one of the homework's own folders is as it was released."""
    folder, _, rest = name.partition("/")
    original = reserved.folders[folder] / rest
    return original.is_file() and original.stat().st_size == len(data) and original.read_bytes() == data
