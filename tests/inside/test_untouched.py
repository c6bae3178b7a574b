"""Whether libraries were touched is read from memory, and looked at where that cannot be read."""

import types
from typing import Any

import pytest

from autograder.inside import originals, untouched


def double(x: int) -> int:
    return 2 * x


def triple(x: int) -> int:
    return 3 * x


def owner_of(kind: str) -> Any:
    """A module or a class with one function and one number."""
    owner: Any = types.ModuleType("owner") if kind == "module" else type("Owner", (), {})
    owner.function, owner.number = double, 1
    return owner


@pytest.mark.parametrize("kind", ["module", "class"])
def test_a_namespace_is_untouched_until_something_is_set_in_it(kind: str) -> None:
    owner = owner_of(kind)
    seen = untouched.namespace(vars(owner))
    assert seen
    assert owner.function is double
    assert owner.number == 1
    assert seen
    owner.number = 2
    assert not seen
    seen.note()
    assert seen
    for _ in range(100):
        owner.number += 1
    assert not seen
    seen.note()
    del owner.number
    assert not seen


def test_the_codes_of_functions_are_untouched_until_one_is_set() -> None:
    functions = [types.FunctionType(double.__code__, {}) for _ in range(3)]
    seen = untouched.codes(functions)
    assert seen
    assert [function(2) for function in functions] == [4, 4, 4]
    assert seen
    functions[1].__code__ = triple.__code__
    assert not seen
    functions[1].__code__ = double.__code__
    assert seen


@pytest.fixture(params=[True, False], ids=["read from memory", "looked at"])
def known(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes what is known of an owner, with and without a way to read memory."""
    if not request.param:
        monkeypatch.setattr(untouched, "VERSION_AT", 0)
        monkeypatch.setattr(untouched, "CODE_AT", 0)
    assert bool(untouched.namespace({})) is request.param

    def make(owner: Any) -> originals.Originals:
        made = originals.Originals()
        made.remember(owner, "owner")
        made.look()
        return made

    return make


@pytest.mark.parametrize("kind", ["module", "class"])
def test_what_was_replaced_is_put_back_either_way(kind: str, known: Any) -> None:
    owner = owner_of(kind)
    made = known(owner)
    assert made.restore() == []
    owner.function = triple
    assert made.restore() == [(owner, "function", "owner.function", triple)]
    assert owner.function is double
    assert made.restore() == []


@pytest.mark.parametrize("kind", ["module", "class"])
def test_code_that_was_rewritten_is_put_back_either_way(kind: str, known: Any) -> None:
    owner = owner_of(kind)
    owner.function = types.FunctionType(double.__code__, {}, "function")
    made = known(owner)
    owner.function.__code__ = triple.__code__
    assert [name for _, _, name, _ in made.restore()] == ["owner.function"]
    assert owner.function(2) == 4
    assert made.restore() == []


def test_a_modules_state_may_change_and_a_class_that_gains_a_name_is_looked_at(known: Any) -> None:
    module, kind = owner_of("module"), owner_of("class")
    seen = known(module), known(kind)
    module.number, module.other, kind.other = 5, double, double
    assert [made.is_as_last_seen() for made in seen] == [True, False]
    assert [made.restore() for made in seen] == [[], []]
    assert [made.is_as_last_seen() for made in seen] == [True, True]


def test_a_namespace_in_which_the_same_was_set_again_is_looked_at_once(known: Any) -> None:
    owner = owner_of("module")
    made = known(owner)
    owner.function = triple
    owner.function = double
    assert made.is_as_last_seen()
    assert bool(made.seen[0].untouched) is bool(untouched.VERSION_AT)
