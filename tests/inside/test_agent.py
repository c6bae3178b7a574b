"""What the agent sends: values of Python's own classes, and tensors."""

from typing import Any

import torch

from autograder.inside import agent


class Foreign(dict):
    """A mapping that would run its own code when it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("asked")


class Loud(float):
    """A number that would."""

    def __repr__(self) -> str:
        raise AssertionError("asked")


def test_values_of_other_classes_are_not_asked() -> None:
    values, tensors = agent.encode({"a": Foreign(x=1), "b": Loud(2.5), "c": object(), "d": torch.ones(1), "e": True})
    assert values == {
        "a": "<an object of another kind>",
        "b": 2.5,
        "c": "<an object of another kind>",
        "d": {"tensor": "/d"},
        "e": True,
    }
    assert type(values["b"]) is float
    assert list(tensors) == ["/d"]
