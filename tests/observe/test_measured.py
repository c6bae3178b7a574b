"""What a notebook has measured is shown to a person; malformed, it is left out, and no point hangs on it.

Covers grading/hw8_lora/probes_curves.py.
"""

from typing import Any

import pytest
from hw8_lora.probes_curves import curves

from autograder.models import Observation
from autograder.observe.measured import MEASURED_MAX, VALUES_MAX, below_expected, measured_in
from autograder.publish.feedback import run_notes
from tests.publish.test_publish import graded

RUNS = {"attention": {"loss": [0.4, 0.3], "validation": [0.86, 0.9], "test": 0.88}, "peft": {"validation": [0.5, 0.51]}}
FOUND = {"attention validation": [0.86, 0.9], "attention test": [0.88], "peft validation": [0.5, 0.51]}


def test_the_homeworks_probe_reports_the_curves_and_the_accuracies() -> None:
    assert curves({"runs": RUNS}, None, 3) == {"measured": FOUND}
    assert measured_in(Observation(curves({"runs": RUNS}, None, 3), {})) == FOUND


@pytest.mark.parametrize("runs", [None, 3, {"a": 1}, {2: {"test": 0.5}}, {"a": {"validation": "0.9", "test": "x"}}])
def test_what_the_student_has_put_in_their_place_is_no_curve(runs: Any) -> None:
    assert curves({"runs": runs}, None, 3) == {"measured": {}}


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"error": {"type": "Interrupted"}},
        {"measured": [1.0]},
        {"measured": {"a": 1.0, "b": ["x", None, True], "c": [float("nan"), 1e300], "\x1b[2J": [1.0]}},
    ],
)
def test_a_reply_of_another_form_is_left_out(values: Any) -> None:
    assert measured_in(Observation(values, {})) == {}


def test_a_flood_is_cut() -> None:
    found = measured_in(Observation({"measured": {f"n{i}": [0.5] * 1000 for i in range(1000)}}, {}))
    assert len(found) == MEASURED_MAX
    assert {len(values) for values in found.values()} == {VALUES_MAX}


def test_a_training_that_stays_below_is_named_to_a_person() -> None:
    (fault,) = below_expected(FOUND, {"attention validation": 0.8, "peft validation": 0.78, "lora validation": 0.78})
    assert fault.message.startswith("for a person: peft validation is 0.51 after 2 epochs, and right work reaches 0.78")
    assert fault.kind == "measured"


def test_the_notes_tell_curves_and_what_was_used_of_a_card() -> None:
    use = {"peak_bytes": 2.5e9, "used_s": 61.0, "busy_percent": 87.4}
    notes = run_notes(graded("ada", 10, measured={"a test": [0.88]}, gpu=use))
    assert notes == [
        "measured: a test 0.88",
        "graphics card: 2.5 GB at most, for 61 s, which was busy 87 % of that time",
    ]
