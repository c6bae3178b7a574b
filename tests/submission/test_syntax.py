"""Which functions of a cell are still the stubs that were handed out."""

import pytest

from autograder.submission.syntax import outline

STUB = 'raise NotImplementedError("TODO 2: replace this line with your code")'


def unsolved(body: str) -> frozenset[str]:
    """The names that are bound by stubs alone, of a function with this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return outline(f"def attach(layer, r):\n{lines}\n").unsolved


@pytest.mark.parametrize("body", [STUB, f'"""Attach."""\n{STUB}', f'"""Attach."""\nassert r > 0, "no rank"\n{STUB}'])
def test_a_function_that_raises_first_or_after_assertions_is_a_stub(body: str) -> None:
    assert unsolved(body) == {"attach"}


@pytest.mark.parametrize("body", ["assert r > 0", f"layer.r = r\n{STUB}", "assert r > 0\nreturn layer"])
def test_a_function_that_does_something_is_none(body: str) -> None:
    assert unsolved(body) == frozenset()
