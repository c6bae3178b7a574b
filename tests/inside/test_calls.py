"""Calling the student: what is caught, whose lines are named, who raised, and whether the control fails too."""

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder.errors import StudentError, Unobserved
from autograder.inside import calls
from autograder.models import Observation

CELL = "/tmp/ipykernel_1/1.py"


def student(source: str) -> Callable[..., Any]:
    """The function ``f`` that a cell with this text defines."""
    space: dict[str, Any] = {"torch": torch, "json": json}
    exec(compile(source, CELL, "exec"), space)
    return space["f"]  # type: ignore[no-any-return]


def fail() -> None:
    raise ValueError("also without them")


@pytest.mark.parametrize("error", ["SystemExit(3)", "GeneratorExit()", "BaseException('x')", "ValueError('x')"])
def test_whatever_a_function_raises_is_caught(error: str) -> None:
    result, raised = calls.call(student(f"def f():\n    raise {error}"))
    assert result is None
    assert type(raised).__name__ == error.partition("(")[0]


def test_an_interrupt_is_the_hosts_and_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        calls.call(student("def f():\n    raise KeyboardInterrupt"))


@pytest.mark.parametrize(
    ("body", "library"),
    [
        ("raise ValueError('own')", ""),
        ("torch.ones(2, 3) @ torch.ones(2, 3)", calls.COMPILED),
        ("torch.nn.Linear(2, 3)(torch.ones(4, 5))", "torch"),
        ("json.loads('{')", "python"),
        ("{}['missing']", calls.COMPILED),
    ],
)
def test_who_raised_is_told_from_the_code_and_not_from_the_text(body: str, library: str) -> None:
    _, report = calls.attempt(student(f"def f():\n    {body}"))
    assert report is not None
    assert report["library"] == library
    assert report["frames"][0].startswith("in f, line 2")


def completed(report: dict[str, Any]) -> Observation:
    return Observation({"error": report}, {}).completed("the step")


def test_a_failure_without_a_line_of_the_students_is_theirs_only_if_the_control_goes_well() -> None:
    _, report = calls.attempt(fail, control=lambda: None)
    assert report is not None
    with pytest.raises(StudentError, match="also without them"):
        completed(report)


def test_a_failure_that_the_control_repeats_is_nobodys_zero() -> None:
    _, report = calls.attempt(fail, control=fail)
    assert report is not None
    assert report["control"] == "ValueError: also without them"
    with pytest.raises(Unobserved, match="without the student's work"):
        completed(report)


def test_the_control_is_not_asked_when_a_line_of_the_students_was_involved() -> None:
    _, report = calls.attempt(student("def f():\n    raise ValueError('own')"), control=fail)
    assert report is not None
    assert report["control"] is None


def test_a_missing_function_is_named() -> None:
    with pytest.raises(calls.Absent, match="defines no function `f`") as raised:
        calls.named({"f": 3}, "f")
    assert calls.describe_error(raised.value)["type"] == "NameError"


class Adder:
    """An object that can be called."""

    def __call__(self, x: int) -> int:
        return x + 1


def add(y: int, x: int) -> int:
    return x + y


@pytest.mark.parametrize(
    ("value", "function"),
    [
        (add, add),
        (functools.partial(add, 1), add),
        (Adder(), Adder.__call__),
        (Adder().__call__, Adder.__call__),
        (functools.wraps(add)(lambda *a: add(*a)), add),
        (len, None),
    ],
)
def test_the_function_behind_what_can_be_called_is_found(value: Any, function: Any) -> None:
    assert calls.plain_function(value) is function


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (True, True),
        (None, None),
        (2.5, 2.5),
        ("a" * 300, "a" * 200),
        ({"a": (1, "b")}, [["a", [1, "b"]]]),
        ({3, 1}, [1, 3]),
        (range(30), [*range(20)]),
        (Adder(), "Adder"),
        ([[[[1]]]], [["list"]]),
    ],
)
def test_a_value_is_told_plainly_within_bounds(value: Any, plain: Any) -> None:
    assert calls.plain_value(value) == plain
