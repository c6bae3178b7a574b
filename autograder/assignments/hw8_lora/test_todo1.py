"""TODO 1: only c_attn of the last two blocks and the classification head are trained."""

import math

import pytest

from autograder.assignments.hw8_lora import freezing, inputs
from autograder.models import Observation

EXPECTED = {"score.weight"} | {f"{layer}.{part}" for layer in inputs.TARGETS for part in ("weight", "bias")}


@pytest.mark.points("todo1", 5)
def test_exactly_the_attention_weights_and_the_head_are_trained(observed: Observation, seed: int) -> None:
    for label, width in zip(("first", "second"), inputs.widths(seed), strict=True):
        case = observed[label]
        freezing.assert_exact_set(case, EXPECTED, "train_attention_only")
        freezing.assert_unchanged(case, inputs.gpt2_weights(seed, width), "train_attention_only")
    freezing.assert_gradients_reach(observed["first"], EXPECTED)


@pytest.mark.points("todo1", 5)
def test_the_true_gpt2_has_the_right_trainable_parameters(observed: Observation) -> None:
    rows = freezing.assert_exact_set(observed["real"], EXPECTED, "train_attention_only")
    total = sum(math.prod(shape) for shape, trainable in rows.values() if trainable)
    assert total == 3_545_088, f"GPT-2 has {total:,} trainable parameters after the call, expected 3,545,088"
