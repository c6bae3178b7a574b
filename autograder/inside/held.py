"""Modules that a cell of every notebook holds as texts (``embedded.py``), compiled once in the zygote.

Only compiled: what a module does when it is read depends on the kernel's environment, and is done there.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

HOLDER = "embedded_module"
"""The function that a cell calls with the texts of one package."""


class HeldModules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the modules of one package by its texts, as the finder does that the cell would make.

    The cell keeps a finder that has the very same ``texts``, and replaces one that has others.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.package = next(iter(texts))
        self.codes = {
            name: compile(text, f"{name} (in the notebook)", "exec", dont_inherit=True) for name, text in texts.items()
        }

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """How to load one of them."""
        if name not in self.texts:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == self.package)

    def is_package(self, name: str) -> bool:
        """Whether it is the package itself."""
        return name == self.package

    def get_source(self, name: str) -> str:
        """Its text, for tracebacks."""
        return self.texts[name]

    def get_code(self, name: str) -> CodeType:
        """Its code."""
        return self.codes[name]


def find_ahead(cell: ast.AST) -> None:
    """Have the modules that a cell holds found in all forks, but for a package that is no Python."""
    for texts in held_texts(cell):
        with contextlib.suppress(SyntaxError):
            sys.meta_path.append(HeldModules(texts))


def held_texts(cell: ast.AST) -> Iterator[dict[str, str]]:
    """The texts by module name of each package that a cell holds."""
    for node in ast.walk(cell):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == HOLDER and len(node.args) == 2:
            with contextlib.suppress(ValueError):
                texts = ast.literal_eval(node.args[1])
                if texts and isinstance(texts, dict):
                    yield texts
