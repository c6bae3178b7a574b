"""Modules that a notebook holds in a cell of its own: written as ordinary Python, released inside the one file.

A code cell with a line ``### MODULES check tools`` holds in the source how the course's own tree imports them. In its
place comes one folded cell that makes these names from the folders that the assignment declares under them.
"""

import ast
import hashlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbformat import NotebookNode

from autograder.errors import AuthorError

MODULES_MARKER = re.compile(r"^### MODULES (.+)$", re.MULTILINE)
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}
"""What Colab and JupyterLab fold a cell by; Colab only one that begins with ``# @title``."""
TITLE = "# @title "


def with_modules(notebook: NotebookNode, folder: Path, modules: Mapping[str, str]) -> NotebookNode:
    """The notebook, its marked cells filled from packages of an assignment's folder; AuthorError when one is missing.

    ``modules`` gives for each name in the notebook the package that it stands for.
    """
    for cell in marked_cells(notebook):
        names = MODULES_MARKER.search(cell.source)[1].split()  # type: ignore[index]
        unknown = [name for name in names if name not in modules]
        if unknown:
            raise AuthorError(
                f"a cell of the notebook asks for the module '{unknown[0]}', which the assignment does not declare: "
                "name its folder in `modules` of assignment.py"
            )
        cell.source = cell_text(cell.source, {name: package_files(folder, modules[name]) for name in names})
        cell.metadata.update(FOLDED)
    return notebook


def marked_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that modules are put into; AuthorError for one that Colab would not fold."""
    found = [cell for cell in notebook.cells if cell.cell_type == "code" and MODULES_MARKER.search(cell.source)]
    if not all(cell.source.startswith(TITLE) for cell in found):
        raise AuthorError(f"a cell with ### MODULES must begin with `{TITLE.strip()}`: else Colab does not fold it")
    return found


def modules_digest(folder: Path, modules: Mapping[str, str]) -> str:
    """Digest of the texts that notebooks hold; empty for an assignment without modules."""
    if not modules:
        return ""
    texts = {name: package_files(folder, package) for name, package in sorted(modules.items())}
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def package_files(folder: Path, package: str) -> dict[str, str]:
    """Dotted name -> text of the modules of a package, the package itself first; AuthorError when it cannot be held."""
    paths = sorted((folder / package).glob("*.py"), key=lambda path: (path.stem != "__init__", path.stem))
    if not paths or paths[0].stem != "__init__":
        raise AuthorError(f"{folder / package} is no package: a module for notebooks needs an __init__.py there")
    return dict(named_text(path, f"{folder.name}_{package}") for path in paths)


def named_text(path: Path, package: str) -> tuple[str, str]:
    """Dotted name and text of one module."""
    text = path.read_text(encoding="utf-8")
    if "'''" in text or text.rstrip("\n").endswith("\\"):
        raise AuthorError(f"{path} holds ''' or ends in a backslash, so that no notebook can hold it")
    return package if path.stem == "__init__" else f"{package}.{path.stem}", text


def cell_text(source: str, modules: Mapping[str, Mapping[str, str]]) -> str:
    """The text of a filled cell, below the comments that it begins with."""
    title = source.partition("### MODULES")[0].rstrip()
    lines = [title, re.sub(r"  # type: ignore.*", "", inspect.getsource(embedded_module)).rstrip(), ""]
    for name, files in modules.items():
        lines += ["", f'{name} = embedded_module("{name}", {{', *literals(files), "})"]
    return "\n".join([*lines, "del embedded_module"])


def literals(files: Mapping[str, str]) -> Iterator[str]:
    """The entries of a dictionary with these texts."""
    for name, text in files.items():
        yield f"\"{name}\": r'''{text}''',"


def module_texts(tree: ast.AST) -> Iterator[str]:
    """The texts of the modules that a filled cell holds, from the cell as Python reads it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == embedded_module.__name__:
            values = (value for argument in node.args if isinstance(argument, ast.Dict) for value in argument.values)
            yield from (str(value.value) for value in values if isinstance(value, ast.Constant))


def embedded_module(name: str, files: dict[str, str]) -> object:
    """Return a module of this name; its files, the package first, are read when it is first used."""
    import importlib.abc
    import importlib.util
    import linecache
    import sys
    import types

    package = next(iter(files))

    class Files(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
        texts = files

        def find_spec(self, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
            there = fullname in files
            return importlib.util.spec_from_loader(fullname, self, is_package=fullname == package) if there else None

        def is_package(self, fullname: str) -> bool:
            return fullname == package

        def get_source(self, fullname: str) -> str:
            return files[fullname]

        def get_code(self, fullname):  # type: ignore[no-untyped-def]
            return compile(files[fullname], f"{fullname} (in the notebook)", "exec")

    class Later(types.ModuleType):
        def __getattr__(self, key: str) -> object:
            if key.startswith("__"):
                raise AttributeError(key)
            return getattr(importlib.import_module(package), key)

        def __dir__(self) -> list[str]:
            return dir(importlib.import_module(package))

    known = [finder for finder in sys.meta_path if package in getattr(finder, "texts", {})]
    if not any(finder.texts == files for finder in known):  # type: ignore[attr-defined]
        # Run again after a new release: what was read from the old one is forgotten.
        sys.meta_path[:] = [*(finder for finder in sys.meta_path if finder not in known), Files()]
        for old in [module for module in sys.modules if module.partition(".")[0] == package]:
            del sys.modules[old]
        for old in files:
            linecache.cache.pop(f"{old} (in the notebook)", None)
    return Later(name, f"The module {name} of this homework.")
