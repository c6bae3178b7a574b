"""TODO 1: only c_attn of the last two blocks and the classification head are trained."""

import pytest

from autograder.models import Observation

from . import freezing, inputs

EXPECTED = {"score.weight"} | {f"{layer}.{part}" for layer in inputs.TARGETS for part in ("weight", "bias")}


@pytest.mark.points("todo1", 5)
def test_exactly_the_attention_weights_and_the_head_are_trained(observed: Observation, seed: int) -> None:
    freezing.assert_small_models(observed, seed, EXPECTED, inputs.gpt2_weights, "train_attention_only")


@pytest.mark.points("todo1", 5)
def test_the_true_gpt2_has_the_right_trainable_parameters(observed: Observation) -> None:
    freezing.assert_true_size(observed, EXPECTED, 3_545_088, "train_attention_only")
