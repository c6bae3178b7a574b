"""A library that a notebook imports anew is the one that the probes know."""

import importlib
import sys

import pytest

from autograder.inside.once import LoadedOnce


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> LoadedOnce:
    """The finder for one library, before any other; afterwards ``sys.modules`` is as it was."""
    importlib.import_module("xml.dom.minidom")
    found = LoadedOnce(["xml.dom.minidom"])
    for name in found.modules:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    monkeypatch.setattr(sys, "meta_path", [found, *sys.meta_path])
    return found


def remove_all() -> None:
    """What a cell does that wants a library afresh."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "xml"]:
        del sys.modules[name]


def test_a_library_that_was_removed_and_imported_anew_is_the_same(loaded: LoadedOnce) -> None:
    before = loaded.modules["xml.dom.minidom"]
    spec, path = before.__spec__, loaded.modules["xml.dom"].__path__
    remove_all()
    again = importlib.import_module("xml.dom.minidom")
    assert again is before
    assert again.__spec__ is spec
    assert loaded.modules["xml.dom"].__path__ is path
    assert loaded.modules.items() <= sys.modules.items()


def test_a_reload_changes_nothing_and_parts_that_were_not_yet_imported_are_found(loaded: LoadedOnce) -> None:
    package = loaded.modules["xml"]
    assert importlib.reload(package) is package
    assert package.__spec__ is loaded.specs["xml"]
    assert importlib.import_module("xml.sax.saxutils").escape("<") == "&lt;"


def test_what_a_probe_needs_is_brought_back_though_nobody_imported_it(loaded: LoadedOnce) -> None:
    remove_all()
    loaded.complete()
    assert loaded.modules.items() <= sys.modules.items()


def test_other_modules_are_found_as_ever(loaded: LoadedOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    before = importlib.import_module("colorsys")
    monkeypatch.delitem(sys.modules, "colorsys")
    assert loaded.find_spec("colorsys") is None
    assert importlib.import_module("colorsys") is not before
