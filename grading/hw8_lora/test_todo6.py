"""TODO 6: only LoRA, the biases of the two adapted layers and the classification head are trained."""

import numpy as np
import pytest

from autograder.models import Observation

from . import freezing, inputs

EXPECTED = {"score.weight"} | {f"{t}.{p}" for t in inputs.TARGETS for p in ("lora_A", "lora_B", "bias")}


def weights_with_lora(seed: int, width: int) -> dict[str, inputs.Array]:
    """The model's weights in the order of ``named_parameters``, LoRA included (the probe's, all zero)."""
    weights = {}
    for name, value in inputs.gpt2_weights(seed, width).items():
        weights[name] = value
        layer = name.removesuffix(".bias")
        if name.endswith(".bias") and layer in inputs.TARGETS:
            weights[f"{layer}.lora_A"] = np.zeros((1, width), np.float32)
            weights[f"{layer}.lora_B"] = np.zeros((3 * width, 1), np.float32)
    return weights


@pytest.mark.points("todo6", 8)
def test_exactly_lora_two_biases_and_the_head_are_trained(observed: Observation, seed: int) -> None:
    freezing.assert_small_models(observed, seed, EXPECTED, weights_with_lora, "train_lora_only")


@pytest.mark.points("todo6", 7)
def test_the_true_gpt2_has_the_right_trainable_parameters(observed: Observation) -> None:
    freezing.assert_true_size(observed, EXPECTED, 12_288, "train_lora_only")
