"""What a cell's text defines, read without running it."""

import ast
import itertools
import re
from collections.abc import Iterator

MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
PARSED_MAX_CHARS = 100_000
"""A longer cell counts as unreadable: no homework needs it, and parsing takes memory."""
BLOCKS = ("body", "orelse", "finalbody", "handlers")


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, IPython's magics left out; None when the text is not Python."""
    if len(source) > PARSED_MAX_CHARS:
        return None
    try:
        return ast.parse(MAGIC.sub(r"\1pass", source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def functions(source: str) -> set[str]:
    """Names that the text binds to something that may be a function; by their ``def`` lines if it is not Python."""
    tree = parsed(source)
    return set(DEFINITION.findall(source)) if tree is None else {name for s in tree.body for name in bound(s)}


def bound(statement: ast.AST) -> Iterator[str]:
    """Names bound by a statement outside of functions: definitions, assignments, imports."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    else:
        for block in BLOCKS:
            inner = getattr(statement, block, [])
            yield from (name for s in (inner if isinstance(inner, list) else []) for name in bound(s))


def solves(source: str, names: set[str]) -> bool:
    """Whether the text defines all of these, none of them still the released stub."""
    tree = parsed(source)
    if tree is None or not names:
        return False
    stubs = {s.name for s in tree.body if isinstance(s, ast.FunctionDef) and is_stub(s)}
    return names <= functions(source) - stubs


def is_stub(function: ast.FunctionDef) -> bool:
    """Whether the first thing that a function does is to raise NotImplementedError."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    raised = body[0].exc if body and isinstance(body[0], ast.Raise) else None
    named = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(named, ast.Name) and named.id == "NotImplementedError"


def parts(source: str, name: str) -> list[str]:
    """The text cut before each further top-level definition of one function; the whole text when there is one."""
    tree = parsed(source)
    found = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name == name] if tree else []
    starts = [min([s.lineno, *(d.lineno for d in s.decorator_list)]) - 1 for s in found]
    lines = source.splitlines(keepends=True)
    edges = [0, *starts[1:], len(lines)]
    return ["".join(lines[a:b]) for a, b in itertools.pairwise(edges)]


def continues(first: str, second: str) -> bool:
    """Whether the second text is the rest of the first: indented, no Python alone, and Python together."""
    head = second.lstrip("\n")
    return head[:1] in (" ", "\t") and parsed(second) is None and parsed(f"{first}\n{second}") is not None
