"""Hidden tests that need no pytest once they are found: plain functions with plain fixtures, called for each Record.

pytest's work for one item takes longer than most hidden tests. What is unusual (a class, another scope, a fixture that
yields or has parameters, other markers) is left to pytest, as an item for each Record.
Private parts of pytest 9.2 stand here and nowhere else.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

PLAIN_MARKERS = {"points", "parametrize", "usefixtures"}
Fixtures = Mapping[str, Any]
"""Name -> pytest's definition of the fixture that a test sees under it."""


def fixtures_of(item: Any) -> Fixtures:
    """The fixtures of an item, or of the definition of one, those of fixtures included."""
    return {name: found[-1] for name, found in item._fixtureinfo.name2fixturedefs.items()}


def fixture_names(item: Any) -> tuple[str, ...]:
    """The fixtures that a test gets, in the order of their making: those of everybody before those it asks for."""
    return tuple(item._fixtureinfo.initialnames)


def is_plain(definition: Any, given: frozenset[str]) -> bool:
    """Whether the tests of a definition can be called with nothing but what is given and plain fixtures."""
    fixtures = {name: fixture for name, fixture in fixtures_of(definition).items() if name not in given}
    markers = list(definition.iter_markers())
    direct = {name for marker in markers if marker.name == "parametrize" for name in arguments_of(marker)}
    known = fixtures.keys() | given | direct
    asked = {name for fixture in fixtures.values() for name in fixture.argnames}.union(fixture_names(definition))
    return (
        definition.cls is None
        and {marker.name for marker in markers} <= PLAIN_MARKERS
        and not any("indirect" in marker.kwargs for marker in markers)
        and not inspect.iscoroutinefunction(definition.obj)
        and asked <= known
        and all(is_plain_fixture(name, fixture) for name, fixture in fixtures.items())
    )


def arguments_of(marker: Any) -> list[str]:
    """The names that ``parametrize`` gives values to."""
    names = marker.args[0] if marker.args else marker.kwargs["argnames"]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def is_plain_fixture(name: str, fixture: Any) -> bool:
    """Whether a fixture is a function that is called for every test, and does not build on another of its name."""
    function = fixture.func
    unlike = (
        inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function) or inspect.ismethod(function)
    )
    return fixture.scope == "function" and fixture.params is None and name not in fixture.argnames and not unlike


class Call:
    """A hidden test, ready to be called."""

    def __init__(self, item: Any, given: frozenset[str]) -> None:
        self.function: Callable[..., object] = item.obj
        self.parameters: dict[str, Any] = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        self.fixtures = {
            name: fixture
            for name, fixture in fixtures_of(item).items()
            if name not in given and name not in self.parameters
        }
        self.names = fixture_names(item)
        self.arguments = tuple(name for name in inspect.signature(self.function).parameters if name in self.names)

    def __call__(self, given: Mapping[str, Callable[[], Any]]) -> None:
        """Call the test; each name in ``given`` is asked for when a test or a fixture asks for it."""
        values = dict(self.parameters)
        for name in self.names:
            self.value(name, values, given)
        self.function(**{name: values[name] for name in self.arguments})

    def value(self, name: str, values: dict[str, Any], given: Mapping[str, Callable[[], Any]]) -> Any:
        """A fixture's value, made once for the call."""
        if name not in values:
            fixture = self.fixtures.get(name)
            if fixture is None:
                values[name] = given[name]()
            else:
                values[name] = fixture.func(**{asked: self.value(asked, values, given) for asked in fixture.argnames})
        return values[name]
