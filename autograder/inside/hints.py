"""Type hints that name what is not here: made texts, which Python never evaluates.

A hint changes nothing in what a function does, but Python evaluates it where the ``def`` stands, so that one name of a
missing library would take the function along; within a function even while it is called.
"""

import ast
from collections.abc import Iterator
from typing import Any


def quote(tree: ast.AST, names: set[str] | None = None) -> bool:
    """Make texts of the hints in a tree that mention one of these names, or of all; whether there were any."""
    found = [(node, field, hint) for node, field, hint in hints(tree) if names is None or mentions(hint, names)]
    for node, field, hint in found:
        setattr(node, field, ast.copy_location(ast.Constant(ast.unparse(hint)), hint))
    return bool(found)


def hints(tree: ast.AST) -> Iterator[tuple[ast.AST, str, ast.expr]]:
    """(node, field, hint) of everything that is hinted in a tree; texts are none."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            hint = getattr(node, field, None)
            if isinstance(hint, ast.expr) and not isinstance(hint, ast.Constant):
                yield node, field, hint


def mentions(hint: ast.expr, names: set[str]) -> bool:
    """Whether a hint needs one of these names; with ``*`` among them nobody can tell."""
    return "*" in names or any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(hint))


class QuoteHints:
    """What IPython applies to the syntax tree of every cell: hints that mention a missing name become texts."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner

    def visit(self, tree: ast.AST) -> ast.AST:
        """The tree, changed in place."""
        if self.runner.lost:
            quote(tree, self.runner.lost)
        return tree
