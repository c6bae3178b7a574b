"""Cells that every notebook of a class has, made ready once in the zygote: transformed, parsed and compiled.

IPython tokenizes a cell four times and compiles it three times, and ipykernel hashes it in Python, for every one of
a homework's dozens of cells and every student. A student's own cells go the usual way.
"""

from __future__ import annotations

import ast
import contextlib
import zlib
from types import CodeType
from typing import Any

from ipykernel.compiler import XCachingCompiler
from IPython.core.async_helpers import _should_be_async  # private parts of ipython 9.18
from IPython.core.inputtransformer2 import TransformerManager

from .held import find_ahead

TEXTS: dict[str, str] = {}
"""Cell -> the Python that IPython makes of it."""
TREES: dict[str, ast.Module] = {}
"""That Python -> its syntax tree."""
CODES: dict[int, CodeType] = {}
"""Identity of a statement in one of these trees, which live as long -> its code."""


class ReadyCompiler(XCachingCompiler):
    """ipykernel's compiler, which knows these cells already."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """A file name that is the same in every kernel."""
        return f"/tmp/ipykernel_cells/{zlib.crc32(raw_code.encode('utf-8', 'surrogatepass'))}.py"

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        """The tree that is there already, or a new one."""
        return TREES.get(source) or super().ast_parse(source, filename, symbol)

    def __call__(self, source: Any, filename: str, symbol: str, *args: Any, **kwargs: Any) -> CodeType:
        """The code of a single statement that is there already, or new code."""
        body = getattr(source, "body", None)
        known = CODES.get(id(body[0])) if type(body) is list and len(body) == 1 else None
        code: CodeType = known or super().__call__(source, filename, symbol, *args, **kwargs)
        return code


def know(cells: list[str]) -> None:
    """Make these cells ready, but for those that wait for something or are no Python."""
    transform, compiler = TransformerManager().transform_cell, ReadyCompiler()
    for cell in cells:
        with contextlib.suppress(SyntaxError):
            text = transform(cell)
            if not _should_be_async(text):
                compile_ahead(compiler, text, compiler.get_code_name(cell, text, 0))
                TEXTS[cell] = text


def compile_ahead(compiler: ReadyCompiler, text: str, name: str) -> None:
    """Compile as the shell does: one statement at a time, the last one to be shown if it is an expression."""
    tree: Any = compiler.ast_parse(text, name)
    TREES[text] = tree
    find_ahead(tree)
    for node in tree.body:
        shown = node is tree.body[-1] and isinstance(node, ast.Expr)
        whole = ast.Interactive([node]) if shown else ast.Module([node], [])
        CODES[id(node)] = compiler(whole, name, "single" if shown else "exec")


def recognise(shell: Any) -> None:
    """Have a shell take these cells as they are here."""
    transform, should_run_async = shell.transform_cell, shell.should_run_async
    shell.transform_cell = lambda raw_cell: TEXTS.get(raw_cell) or transform(raw_cell)
    shell.should_run_async = lambda raw_cell, **kwargs: raw_cell not in TEXTS and should_run_async(raw_cell, **kwargs)
    shell.compile.__class__ = ReadyCompiler
