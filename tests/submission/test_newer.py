"""Syntax of later Pythons is told from what is no Python at all."""

import pytest

from autograder.submission.newer import older
from autograder.submission.syntax import outline, parsed, syntax_error

NEWER = {
    'x = f"kept {info["n"]}"': "line 1 needs Python 3.12 or later (f-string)",
    "a = 1\nprint(f'{a} {'b'}')": "line 2 needs Python 3.12",
    "x = f\"{'\\n'.join(rows)}\"": "line 1 needs Python 3.12",
    'f"{x  # why\n}"': "line 1 needs Python 3.12",
    'f"{x:{f"{width}"}} {d["a"]["b"]:>{w["x"]}} {y!r} {z = } {{}}"': "line 1 needs Python 3.12",
    'f"{f"{f"{f"{f"{1}"}"}"}"}"': "line 1 needs Python 3.12",
    "f'''{d['''a''']}\n\n'''\ntype X = int": "line 1 needs Python 3.12",
    "def f():\n    pass\ntype X = dict[str, int]": "line 3 needs Python 3.12 or later (type statement)",
    "type Pair[T] = tuple[T, T]": "line 1 needs Python 3.12",
    "def first[T](rows: list[T]) -> T:\n    return rows[0]": "line 1 needs Python 3.12 or later (type parameters)",
    "async def f[\n  *Ts,\n  **P,\n](x):\n    pass": "line 1 needs Python 3.12",
    "class Box[T: (int, str)](Base):\n    pass": "line 1 needs Python 3.12",
    "class Box[T = int]:\n    pass": "line 1 needs Python 3.13",
    "try:\n    pass\nexcept ValueError, TypeError:\n    pass": "line 3 needs Python 3.14",
    "try:\n    pass\nexcept* A, B:\n    pass": "line 3 needs Python 3.14",
    "x = t'{name}'": "line 1 needs Python 3.14 or later (t-string)",
    "lazy import numpy as np": "line 1 needs Python 3.15",
    "rows = [*row for row in table]": "line 1 needs Python 3.15",
    "type X = int\nx = t''\nf'{d['a']}'": "line 2 needs Python 3.14",
}
NEVER = (
    "x = = 3", "def f(:", 'print "a"', 'x = f"{a[}"', 'x = f"{', '"abc', "type = 3\ntype(x) y", 'f"{d["x"}"',
    'f"{}{d["a"]}"', 'f"{a b}{d["a"]}"', "def f[](x): pass", "class A[1]: pass", 'f"{x!z}{d["a"]}"', "a = ?",
    "type X int", "except A, B:\n    pass", "print 'at %s' % x", "try:\n    pass\nexcept A, B as e:\n    pass",
    'f"{d["x"]}" = = 3',
)  # fmt: skip
VALID = (
    "type = 3\ntype(type)", "match = 1\nx = f'{match!r:>{match}}'", "def f(x): return x[0]", "print('type X = int')",
    '"""\ntype X = int\nexcept A, B:\n"""', "lazy = 1\nlazy", "f'{x}' f\"{y}\"",
)  # fmt: skip


@pytest.mark.parametrize(("text", "told"), NEWER.items())
def test_a_newer_form_is_named_with_its_line_and_version(text: str, told: str) -> None:
    assert syntax_error(text), "this Python knows it; the test needs a newer form"
    assert outline(text).newer.startswith(told)
    assert outline(text).python


@pytest.mark.parametrize("text", NEVER)
def test_what_is_no_python_in_any_version_stays_so(text: str) -> None:
    assert older(text) is None
    assert not outline(text).python


@pytest.mark.parametrize("text", VALID)
def test_what_this_python_knows_is_nothing_new(text: str) -> None:
    assert outline(text).newer == ""
    assert parsed(text) is not None


def test_names_and_lines_of_a_cell_in_newer_syntax_are_read() -> None:
    text = 'def first[T](x: T) -> T:\n    """Return x."""\n    return x\n\n\ndef second(d):\n    return f"{d["a"]}"\n'
    found = outline(text)
    assert found.names == {"first", "second"}
    assert [(s.start, s.end) for s in found.statements] == [(0, 3), (3, 7)]


def test_magics_beside_a_newer_form_are_no_mistake() -> None:
    assert outline("%matplotlib inline\n!ls\ntype X = int").newer.startswith("line 3 needs")


@pytest.mark.parametrize(
    "text",
    ['f"{' * 3_000, "f'{a['" * 2_000, "def f[" * 2_000, "t'" * 4_999, "type X[" * 1_000 + "]" * 1_000, "'" * 9_999],
)
def test_what_was_made_to_be_slow_or_deep_ends(text: str) -> None:
    assert older(text) is None


def test_800_branches_and_long_tables_are_read() -> None:
    branches = "if x == 0:\n    y = 0\n" + "".join(f"elif x == {i}:\n    y = {i}\n" for i in range(1, 800))
    assert outline(f"{branches}else:\n    z = 1\n").names == {"y", "z"}


def test_pythons_own_message_is_told_with_its_line() -> None:
    assert syntax_error("x = 1\ny = = 2") == "SyntaxError: invalid syntax (line 2: `y = = 2`)"
    assert syntax_error("x = 1") == ""
