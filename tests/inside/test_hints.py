"""Type hints that name what is missing become texts, wherever they stand."""

import ast
from types import SimpleNamespace

import pytest

from autograder.inside.hints import QuoteHints, quote

NESTED = """
def attach(layer: Layer, *rest: Float[Tensor, "b"], scale: int = 1) -> Hook:
    def hook(module, input: tuple[Float, ...]) -> Float:
        update: Float = input
        return update
    return hook
class Config:
    rank: Float = 1
"""


def test_hints_that_mention_a_name_become_texts_and_others_stay() -> None:
    tree = ast.parse(NESTED)
    assert quote(tree, {"Float"})
    assert ast.unparse(tree) == ast.unparse(
        ast.parse("""
def attach(layer: Layer, *rest: "Float[Tensor, 'b']", scale: int = 1) -> Hook:
    def hook(module, input: 'tuple[Float, ...]') -> 'Float':
        update: 'Float' = input
        return update
    return hook
class Config:
    rank: 'Float' = 1
""")
    )
    assert not quote(tree, {"Float"})


@pytest.mark.parametrize("names", [None, {"*"}])
def test_all_hints_become_texts_where_nobody_can_tell(names: set[str] | None) -> None:
    tree = ast.parse("def f(a: A.b, c=1) -> D: pass")
    assert quote(tree, names)
    assert ast.unparse(tree) == "def f(a: 'A.b', c=1) -> 'D':\n    pass"


def test_a_quoted_function_can_be_made_and_called() -> None:
    tree = ast.parse(NESTED)
    quote(tree)
    space: dict[str, object] = {}
    exec(compile(tree, "cell", "exec"), space)
    assert space["attach"](None)(None, 3) == 3  # type: ignore[operator]


def test_a_sum_of_800_terms_is_no_recursion_and_nothing_is_looked_at_while_nothing_is_missing() -> None:
    tree = ast.parse(f"total: Missing = {' + '.join(['1'] * 800)}")
    hint = tree.body[0].annotation  # type: ignore[attr-defined]
    assert QuoteHints(SimpleNamespace(lost=set())).visit(tree).body[0].annotation is hint  # type: ignore[attr-defined]
    QuoteHints(SimpleNamespace(lost={"Missing"})).visit(tree)
    assert tree.body[0].annotation.value == "Missing"  # type: ignore[attr-defined]
