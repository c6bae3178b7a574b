"""Feedback repeats no text that could carry a hidden input.

Covers autograder/judge/library_texts.py.
"""

import importlib
import json
import sysconfig
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from torch import nn

from autograder.errors import StudentError
from autograder.inside import calls
from autograder.judge import library_texts, redact
from autograder.judge.case import homework
from autograder.judge.library_texts import HIDDEN
from autograder.judge.redact import UNTOLD
from autograder.models import Observation
from tests.builders import GRADING
from tests.judge import library_errors

SOURCE = "def attach_lora(layer, r):\n    result = layer.weight @ r\n    raise ValueError('rank is wrong')"
OLDEST = json.loads(Path(__file__).with_name("library_errors_oldest.json").read_text(encoding="utf-8"))
VISIBLE = "the rank 12 does not fit 0.5"


@pytest.fixture
def public() -> redact.Public:
    """What is public of a notebook with one function, one error in the open and one word of the homework."""
    outputs = [{"output_type": "error", "ename": "ValueError", "evalue": VISIBLE, "traceback": []}]
    cells = [{"source": SOURCE, "outputs": outputs}, {"source": ["# two\n", "# lines"]}]
    return redact.public_texts(json.dumps({"cells": cells}), "transformer.h.10.attn.c_attn should be trainable")


def error(message: str, kind: str = "ValueError", *frames: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "frames": list(frames)}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the rank 7 does not fit 3.25", f"the rank {HIDDEN} does not fit {HIDDEN}"),
        (
            "mat1 and mat2 shapes cannot be multiplied (3x7 and 5x9)",
            f"mat1 and mat2 shapes cannot be multiplied ({HIDDEN}x{HIDDEN} and {HIDDEN}x{HIDDEN})",
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
        "the rank is 7, and abc",
        "invalid literal for int() with base 10: 'abc'",
        "<script>alert(1)</script>",
        "\x1b[31mred",
        "layer weight result layer layer weight",
    ],
)
def test_SECURITY_any_other_text_of_an_exception_is_not_told(public: redact.Public, message: str) -> None:
    assert redact.told_error(error(message), public)["message"] == UNTOLD


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("'Tensor' object has no attribute 'deadbeef'", f"'Tensor' object has no attribute '{HIDDEN}'"),
        ("'Tensor' object has no attribute 'weight_0x1f'", f"'Tensor' object has no attribute '{HIDDEN}'"),
        ("'Tensor' object has no attribute 'layer7'", f"'Tensor' object has no attribute '{HIDDEN}'"),
        ("name 'abcdef' is not defined", f"name '{HIDDEN}' is not defined"),
        ("'deadbeef'", f"'{HIDDEN}'"),
        ("f() missing 1 required positional argument: 'layer', 'r', 'result', 'rank', 'wrong'", None),
    ],
)
def test_SECURITY_a_name_in_a_text_of_a_library_is_told_only_if_it_is_public(
    public: redact.Public, message: str, shown: str | None
) -> None:
    expected = shown or f"{HIDDEN}() missing {HIDDEN} required positional argument: {HIDDEN}"
    assert redact.told_error(error(message), public)["message"] == expected


def described(call: Callable[[], Any]) -> dict[str, Any]:
    """What a probe reports of the exception that a call raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, found = calls.attempt(call)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def readers() -> redact.Public:
    """What is public of a notebook that makes the mistakes of ``library_errors``."""
    notebook = json.dumps({"cells": [{"source": library_errors.SOURCE, "outputs": []}]})
    declared, texts = homework(GRADING)
    return redact.public_texts(notebook, *declared.public_names, *texts, declared=declared.public)


def feedback(found: dict[str, Any], public: redact.Public) -> str:
    """What the student reads after every step of the redaction."""
    observation = Observation({"error": redact.told_error(found, public)}, {})
    with pytest.raises(StudentError) as caught:
        observation.completed("it")
    return redact.told_outcome(str(caught.value), observation, public)


@pytest.mark.parametrize("name", library_errors.ERRORS)
def test_what_the_installed_libraries_say_reaches_the_student(name: str, readers: redact.Public) -> None:
    call, words = library_errors.ERRORS[name]
    found = described(call)
    assert found["library"]
    text = feedback(found, readers)
    assert text.startswith(f"it raised {found['type']}: ")
    assert words in text


@pytest.mark.parametrize("name", OLDEST["errors"])
def test_what_the_oldest_libraries_said_reaches_the_student(name: str, readers: redact.Public) -> None:
    found = OLDEST["errors"][name]
    text = feedback(found, readers)
    assert UNTOLD not in text
    assert redact.OWN not in text


def test_the_oldest_texts_are_those_of_the_versions_that_the_homework_allows() -> None:
    assert OLDEST["versions"]["transformers"].startswith("4.47.")
    assert OLDEST["versions"]["peft"].startswith("0.14.")


SECRET = "0.8731 deadbeef"


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch._assert(False, SECRET),
        lambda: json.loads("{" + SECRET),
        lambda: json.loads("{}", object_hook=lambda _: getattr(torch.ones(1), SECRET)),
        lambda: int(SECRET),
        lambda: torch.device(SECRET),
        lambda: getattr(nn.Module(), SECRET),
        lambda: nn.Module().get_submodule(SECRET),
        lambda: LoraConfig(r=1, task_type=SECRET),
        lambda: nn.Module().register_parameter(SECRET, torch.ones(1)),
        lambda: nn.init.calculate_gain(SECRET),
        lambda: {}[SECRET],
        lambda: importlib.import_module(SECRET.replace(".", "")),
        lambda: concurrent_error(type("Deadbeef", (Exception,), {})(SECRET)),
        lambda: from_a_false_file(SECRET),
        lambda: torch.einsum(SECRET, torch.ones(2)),
    ],
)
def test_SECURITY_a_text_that_is_sent_through_a_library_is_not_told(
    call: Callable[[], Any], readers: redact.Public
) -> None:
    text = feedback(described(call), readers)
    assert not [secret for secret in ("0.8731", "8731", "deadbeef", "Deadbeef") if secret in text], text


def concurrent_error(error: Exception) -> None:
    """Raise an exception of one's own inside of Python's library."""
    future: Future[None] = Future()
    future.set_exception(error)
    future.result()


def from_a_false_file(text: str) -> None:
    """Raise from code that calls itself a file of PEFT's."""
    file = f"{sysconfig.get_path('purelib')}/peft/config.py"
    exec(compile("raise ValueError(text)", file, "exec"), {"text": text})


@pytest.mark.parametrize("file", ["../secrets.py", "/etc/passwd", "peft/../../x.py", "peft", "autograder/none.py", ""])
def test_SECURITY_only_files_of_installed_libraries_are_looked_up(file: str) -> None:
    assert library_texts.source_file(file) is None


@pytest.mark.parametrize(
    ("library", "told"),
    [
        ("numpy", "an exception of numpy"),
        ("python", "an exception of python"),
        ("deadbeef", redact.OWN),
        ("../numpy", redact.OWN),
        ("", redact.OWN),
    ],
)
def test_SECURITY_an_exception_is_put_down_to_an_installed_library_only(library: str, told: str) -> None:
    assert redact.told_type("Deadbeef", library, "") == told


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
    observation = Observation({"parameters": {"names": ["transformer.h.10.attn.c_attn.deadbeef"]}, "x": "cafe1234"}, {})
    message = "1 tensor should be trainable, e.g. transformer.h.10.attn.c_attn.deadbeef (cafe1234)"
    told = redact.told_outcome(message, observation, public)
    assert told == f"1 tensor should be trainable, e.g. transformer.h.10.attn.c_attn.{HIDDEN} ({HIDDEN}{HIDDEN})"


def test_other_values_and_malformed_errors_are_left_for_the_hidden_tests(public: redact.Public) -> None:
    values = {"a": [1, {"b": "text"}], "error": {"type": 3, "message": [], "frames": None}}
    assert redact.told(values, lambda: public) == values


def test_without_a_notebook_only_the_homework_is_public() -> None:
    public = redact.public_texts(None, "c_attn")
    assert (public.words, public.names, public.lines) == ({"c", "attn"}, {"c_attn"}, frozenset())


def test_a_text_that_the_assignment_declares_is_told_without_what_is_filled_in() -> None:
    declared = redact.public_texts(None, declared=("exercise {n} is open",))
    assert redact.told_error(error("exercise 731 is open"), declared)["message"] == "exercise … is open"
    assert redact.told_error(error("exercise 731 is open"), redact.public_texts(None))["message"] == UNTOLD


NO_TEXTS = {"minuses": "-" * 1_900 + " 1", "brackets": "[" * 1_900 + " 1", "texts": "' '" * 600}


@pytest.mark.parametrize("text", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_message_that_is_no_text_of_pythons_is_taken_as_it_is(text: str) -> None:
    assert redact.unquoted("KeyError", text) in (text, " " * 600)
