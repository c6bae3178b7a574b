"""Which statement of a cell failed, what stands below it, and which names are missing for it."""

import ast

import pytest

from autograder.inside import rest


def body(source: str) -> list[ast.stmt]:
    return ast.parse(source).body


def texts(nodes: list[ast.stmt]) -> list[str]:
    return [ast.unparse(node) for node in nodes]


@pytest.mark.parametrize(
    ("source", "place", "failed", "following"),
    [
        ("a\nb\nc", (2, 0), "b", ["c"]),
        ("a(); b(); c()", (1, 5), "b()", ["c()"]),
        ("f(\n  1,\n  g())\nb", (3, 2), "f(1, g())", ["b"]),
        ("if a:\n    b\n    c\nelse:\n    d\ne", (2, 4), "b", ["c", "e"]),
        ("if a:\n    b\nelif c:\n    d\n    e\nf", (4, 4), "d", ["e", "f"]),
        ("@wraps\ndef f(): pass\nb", (1, 1), "@wraps\ndef f():\n    pass", ["b"]),
        ("x = 1\nwith a:\n    b\nc", (3, 4), "with a:\n    b", ["c"]),
    ],
)
def test_the_statement_at_a_place_is_found_and_what_follows_it(
    source: str, place: tuple[int, int], failed: str, following: list[str]
) -> None:
    node, after = rest.split(body(source), place)
    assert ast.unparse(node) == failed
    assert texts(after) == following


def test_a_condition_that_fails_takes_both_branches_along() -> None:
    node, after = rest.split(body("if a():\n    b\nelse:\n    c\nd"), (1, 3))
    assert isinstance(node, ast.If)
    assert texts(after) == ["d"]


def test_800_branches_are_no_recursion() -> None:
    source = "if x == 0:\n    y\n" + "".join(f"elif x == {i}:\n    y\n    z{i}\n" for i in range(1, 800))
    node, after = rest.split(body(source), (2 + 3 * 798 + 2, 4))
    assert ast.unparse(node) == "y"
    assert texts(after) == ["z799"]


def test_the_names_that_a_statement_binds_are_those_outside_of_functions() -> None:
    source = """
from a import b, c as d
import e.f, g.h as i
with j as k:
    for l, (m, *n) in o:
        p = (q := 1)
class R(S):
    t = 1
def u(v):
    w = 1
x: int = 1
y.z = lambda aa: aa
"""
    assert rest.names_bound(body(source)) == {*"bdeiklmnpqRux"}


def test_a_star_import_binds_nobody_knows_what() -> None:
    assert rest.names_bound(body("from a import *")) == {"*"}


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("get_ipython().run_line_magic('run', 'helpers.py')", True),
        ("exec(open('helpers.py').read())", True),
        ("get_ipython().run_line_magic('time', 'x')", False),
        ("execute('x'); run('y')", False),
    ],
)
def test_nobody_can_tell_what_a_file_binds_that_was_to_be_run(source: str, unknown: bool) -> None:
    assert ("*" in rest.names_bound(body(source))) == unknown
