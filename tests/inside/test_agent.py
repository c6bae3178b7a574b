"""What the agent makes of an assignment's files, and sends: values of Python's own classes, and tensors.

Covers autograder/inside/encoding.py.
"""

import contextlib
import gc
import sys
from typing import Any

import pytest
import torch

from autograder.inside import agent
from autograder.inside.encoding import encode


class Foreign(dict):
    """A mapping that would run its own code when it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("asked")


class Loud(float):
    """A number that would."""

    def __repr__(self) -> str:
        raise AssertionError("asked")


def test_values_of_other_classes_are_not_asked() -> None:
    values, tensors = encode({"a": Foreign(x=1), "b": Loud(2.5), "c": object(), "d": torch.ones(1), "e": True})
    assert values == {
        "a": "<an object of another kind>",
        "b": 2.5,
        "c": "<an object of another kind>",
        "d": {"tensor": "float32", "at": 0, "shape": [1]},
        "e": True,
    }
    assert type(values["b"]) is float
    assert list(tensors) == ["float32"]


def test_an_assignments_files_import_each_other_and_are_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    texts = {
        "preload": "TABLE = [1]",
        "probes": "from . import preload\nfrom .probes_one import one\nPROBES = {'a': one}\nFOUND = preload.TABLE",
        "probes_one": "from .preload import TABLE\ndef one():\n    return TABLE",
    }
    made = agent.modules_of({name: compile(text, name, "exec") for name, text in texts.items()})
    for name in [name for name in sys.modules if name.startswith(agent.PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)
    assert [*made] == [*texts]
    assert made["probes"].PROBES["a"]() is made["preload"].TABLE is made["probes"].FOUND


def test_python_looks_for_cycles_as_before_when_a_probe_has_ended() -> None:
    before = gc.get_threshold()
    with agent.few_collections():
        assert gc.get_threshold() == (agent.NEW_OBJECTS, *before[1:])
    assert gc.get_threshold() == before


def test_the_same_holds_for_a_probe_that_is_interrupted() -> None:
    before = gc.get_threshold()
    with contextlib.suppress(KeyboardInterrupt), agent.few_collections():
        raise KeyboardInterrupt
    assert gc.get_threshold() == before
