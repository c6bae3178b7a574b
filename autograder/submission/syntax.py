"""What a cell's text defines, and where its statements begin and end, read without running it."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from autograder.submission.newer import older, tree_of

MAGIC = re.compile(r"^([ \t]*)(?:[%!?](?:[^\n]*\\\n)*[^\n]*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
"""``%time``, ``!ls`` (with lines that a backslash continues), ``?name``, ``name?``. IPython's own transformer is exact
but quadratic in the number of magics, and this is only read, never run."""
ASSIGNED_MAGIC = re.compile(r"^([ \t]*+[\w,.][\w, .]*+=[ \t]*+)[!%][\w(].*$", re.MULTILINE)
CELL_MAGIC = re.compile(r"\s*%%(\w+)")
RUNS_PYTHON = ("time", "capture", "prun", "python3", "px")
"""Cell magics whose body is run as Python in the notebook's own namespace; others keep it, or give it to a shell."""
DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
PARSED_MAX_CHARS = 250_000
"""A longer cell counts as unreadable: no homework needs it, and parsing takes memory."""
REMEMBERED_MAX_CHARS, REMEMBERED_MAX_LINES = 5_000, 200
BRACES_MAX = 5_000
"""CPython 3.11 takes quadratic time for the fields of one f-string."""
STATEMENTS_MAX = 5_000
"""At the top of a cell; this homework in one cell has 600."""
STATEMENT_LISTS = ("body", "orelse", "finalbody", "handlers")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement at the top of a cell: the lines that it takes, comments above included."""

    start: int
    end: int
    text: str
    """Its own lines, without the comments above."""
    names: frozenset[str]
    stub: bool = False
    defines: bool = False
    """A function, a class or an import."""


@dataclass(frozen=True)
class Outline:
    """What is known of a cell's text; without statements when it is no Python."""

    statements: tuple[Statement, ...] = ()
    names: frozenset[str] = frozenset()
    python: bool = True
    newer: str = ""
    """The line that keeps the grader's Python from running it, and the version that it needs."""

    def solves(self, names: frozenset[str]) -> bool:
        """Whether the text defines all of these otherwise than by the released stub."""
        return self.python and bool(names) and names <= self.names - self.unsolved

    @cached_property
    def unsolved(self) -> frozenset[str]:
        """Names that are bound by released stubs alone."""
        stubs = {name for s in self.statements if s.stub for name in s.names}
        return frozenset(stubs - {name for s in self.statements if not s.stub for name in s.names})


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, IPython's magics left out; None when the text is not Python."""
    return read_tree(source)[0]


def read_tree(source: str) -> tuple[ast.Module | None, str]:
    """The syntax tree, and why this Python cannot run it where only a later one can."""
    if len(source) > PARSED_MAX_CHARS or source.count("{") > BRACES_MAX or foreign(source):
        return None, ""
    # First as it is: a line within brackets may begin with the operator %.
    tree, plain = tree_of(source), source
    if tree is None and re.search(r"[%!?]", source):
        plain = without_magics(source)
        tree = tree_of(plain)
    found = older(plain) if tree is None else None
    return (tree, "") if found is None else (found[0], str(found[1]))


def syntax_error(source: str) -> str:
    """Python's own message on a text that is no Python, with the line; an empty text when it finds nothing wrong."""
    text = without_magics(source) if re.search(r"[%!?]", source) else source
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()[:80]
        return f"{type(error).__name__}: {error.msg} (line {error.lineno}" + (f": `{line}`)" if line else ")")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def without_magics(source: str) -> str:
    """The text with ``pass`` or None in place of IPython's magics, on as many lines."""
    source = MAGIC.sub(lambda found: f"{found[1]}pass" + "\n" * found[0].count("\n"), source)
    return ASSIGNED_MAGIC.sub(r"\1None", source)


def foreign(source: str) -> bool:
    """Whether a cell magic at the top gives the text to something else than the notebook's Python."""
    found = CELL_MAGIC.match(source[:200])
    return found is not None and found[1] not in RUNS_PYTHON


def outline(source: str) -> Outline:
    """The outline of a text; of one that is no Python, the names in its ``def`` lines."""
    short = len(source) < REMEMBERED_MAX_CHARS and source.count("\n") + source.count(";") < REMEMBERED_MAX_LINES
    return short_outline(source) if short else read_outline(source)


def read_outline(source: str) -> Outline:
    """The outline of a text, whether or not it was read before."""
    tree, newer = read_tree(source)
    if tree is None or len(tree.body) > STATEMENTS_MAX:
        return Outline((), frozenset(() if foreign(source) else DEFINITION.findall(source)), python=False)
    statements = tuple(cut(tree, source))
    return Outline(statements, frozenset().union(*(s.names for s in statements)), newer=newer)


short_outline = lru_cache(maxsize=512)(read_outline)
"""Most cells of a class are the same."""


def functions(source: str) -> frozenset[str]:
    """Names that the text binds to something that may be a function; by their ``def`` lines if it is not Python."""
    return outline(source).names


def cut(tree: ast.Module, source: str) -> Iterator[Statement]:
    """The statements in order; those that share a line are one."""
    lines = source_lines(source)
    above = 0
    for nodes in sharing_lines(tree.body):
        first = min([n.lineno for n in (nodes[0], *getattr(nodes[0], "decorator_list", []))]) - 1
        end = max(node.end_lineno or node.lineno for node in nodes)
        yield described(nodes, above, end, "".join(lines[first:end]).strip())
        above = end


def source_lines(source: str) -> list[str]:
    """The text's lines as Python's parser counts them: form feeds and the like do not end one."""
    *lines, last = source.split("\n")
    return [*(f"{line}\n" for line in lines), last]


def sharing_lines(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The statements, those that begin on the last line of another put together with it."""
    group: list[ast.stmt] = []
    for statement in body:
        if group and statement.lineno > (group[-1].end_lineno or 0):
            yield group
            group = []
        group.append(statement)
    if group:
        yield group


def described(nodes: list[ast.stmt], start: int, end: int, text: str) -> Statement:
    """What there is to know of statements that share lines."""
    return Statement(
        start,
        end,
        text,
        frozenset(name for node in nodes for name in bound(node)),
        stub=any(isinstance(node, ast.FunctionDef) and is_stub(node) for node in nodes),
        defines=any(isinstance(node, DEFINING) for node in nodes),
    )


DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def bound(statement: ast.AST) -> Iterator[str]:
    """Names bound by a statement outside of functions: definitions, assignments, imports."""
    # No recursion: 800 branches of one `if` lie within each other.
    stack = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        else:
            inner = [getattr(node, block, []) for block in STATEMENT_LISTS]
            stack += reversed([s for block in inner if isinstance(block, list) for s in block])


def assigned(source: str) -> frozenset[str]:
    """Every name that a text binds outside of functions and classes."""
    tree = parsed(source)
    found, stack = set(), list[ast.AST](tree.body if tree is not None else [])
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        else:
            stack += ast.iter_child_nodes(node)
    return frozenset(found)


def is_stub(function: ast.FunctionDef) -> bool:
    """Whether a function, after assertions about its arguments, begins by raising NotImplementedError."""
    documented = ast.get_docstring(function, clean=False) is not None
    body = list(itertools.dropwhile(lambda node: isinstance(node, ast.Assert), function.body[documented:]))
    raised = body[0].exc if body and isinstance(body[0], ast.Raise) else None
    named = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(named, ast.Name) and named.id == "NotImplementedError"
