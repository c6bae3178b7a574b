"""Feedback repeats no text that could carry a hidden input."""

import json
from pathlib import Path
from typing import Any

import pytest

from autograder.judge import redact
from autograder.judge.redact import HIDDEN, UNTOLD
from autograder.models import Observation
from autograder.observe.record import NOTEBOOK

SOURCE = "def attach_lora(layer, r):\n    result = layer.weight @ r\n    raise ValueError('rank is wrong')"
VISIBLE = "the rank 12 does not fit 0.5"


@pytest.fixture
def public(tmp_path: Path) -> redact.Public:
    """What is public of a notebook with one function, one error in the open and one word of the homework."""
    outputs = [{"output_type": "error", "ename": "ValueError", "evalue": VISIBLE, "traceback": []}]
    cells = [{"source": SOURCE, "outputs": outputs}, {"source": ["# two\n", "# lines"]}]
    (tmp_path / NOTEBOOK).write_text(json.dumps({"cells": cells}))
    return redact.public_texts(tmp_path, "transformer.h.10.attn.c_attn should be trainable")


def error(message: str, kind: str = "ValueError", *frames: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "frames": list(frames)}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the rank 7 does not fit 3.25", f"the rank {HIDDEN} does not fit {HIDDEN}"),
        (
            "mat1 and mat2 shapes cannot be multiplied (3x7 and 5x9)",
            f"mat{HIDDEN} and mat{HIDDEN} shapes cannot be multiplied ({HIDDEN}x{HIDDEN} and {HIDDEN}x{HIDDEN})",
        ),
        ("'Tensor' object has no attribute 'weight'", "'Tensor' object has no attribute 'weight'"),
        ("name 'layer' is not defined", "name 'layer' is not defined"),
        ("", ""),
    ],
)
def test_what_was_raised_in_the_open_and_what_libraries_say_is_told_without_numbers(
    public: redact.Public, message: str, shown: str
) -> None:
    assert redact.told_error(error(message), public)["message"] == shown


@pytest.mark.parametrize(
    "message",
    [
        "tensor([[0.25, 0.5]])",
        "6465616462656566",
        "'Tensor' object has no attribute 'deadbeef'",
        "'Tensor' object has no attribute 'weight_0x1f'",
        "name 'abcdef' is not defined",
        "the rank is 7, and abc",
        "invalid literal for int() with base 10: 'abc'",
        "<script>alert(1)</script>",
        "\x1b[31mred",
        "layer weight result layer layer weight",
    ],
)
def test_SECURITY_any_other_text_of_an_exception_is_not_told(public: redact.Public, message: str) -> None:
    assert redact.told_error(error(message), public)["message"] == UNTOLD


def test_SECURITY_names_that_a_function_can_choose_are_not_told(public: redact.Public) -> None:
    frames = (
        "in attach_lora, line 2: result = layer.weight @ r",
        "in deadbeef, line 2: result = layer.weight @ r",
        "in attach_lora, line 2: deadbeef",
        "in attach_lora, line 12345678: result = layer.weight @ r",
    )
    told = redact.told_error(error("x", "Deadbeef", *frames), public)
    assert told["type"] == redact.OWN
    assert told["frames"] == [frames[0]]


def test_SECURITY_a_message_of_a_hidden_test_loses_what_the_kernel_brought_in(public: redact.Public) -> None:
    observation = Observation(
        {"parameters": [["transformer.h.10.attn.c_attn.deadbeef", [7], True]], "x": "cafe1234"}, {}
    )
    message = "1 tensor should be trainable, e.g. transformer.h.10.attn.c_attn.deadbeef (cafe1234)"
    told = redact.told_outcome(message, observation, public)
    assert told == f"1 tensor should be trainable, e.g. transformer.h.10.attn.c_attn.{HIDDEN} ({HIDDEN}{HIDDEN})"


def test_other_values_and_malformed_errors_are_left_for_the_hidden_tests(public: redact.Public) -> None:
    values = {"a": [1, {"b": "text"}], "error": {"type": 3, "message": [], "frames": None}}
    assert redact.told(values, lambda: public) == values


def test_without_a_notebook_only_the_homework_is_public(tmp_path: Path) -> None:
    public = redact.public_texts(tmp_path, "c_attn")
    assert (public.words, public.lines, public.errors) == ({"c", "attn"}, frozenset(), frozenset())
