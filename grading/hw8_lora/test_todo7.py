"""TODO 7: PEFT adapts c_attn of the last two blocks with r = 1, alpha = 4, and trains their biases."""

import functools

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, reference

PREFIX = "base_model.model."


def configured(observed: Observation) -> Observation:
    """The report, once ``get_peft_model`` accepted the configuration."""
    observed.completed("`make_lora_config`, or get_peft_model with its result,")
    wrong = f"make_lora_config must return a peft.LoraConfig, got {observed['returned'].text()}"
    assert observed["is_config"].flag(), wrong
    return observed


def assert_right_modules(observed: Observation) -> None:
    """LoRA sits in exactly the two layers."""
    found = sorted(name for name, _ in configured(observed)["adapted"].items())
    shown = f"{', '.join(found[:3])}{', ...' if len(found) > 3 else ''}" or "no module"
    assert set(found) == set(inputs.TARGETS), f"LoRA was injected into {shown}; expected c_attn of h.10 and h.11"


@pytest.mark.points("todo7", 5)
def test_the_right_layers_get_rank_1_and_scaling_4(observed: Observation, seed: int) -> None:
    assert_right_modules(observed)
    width = inputs.widths(seed)[0]
    for _, layer in observed["adapted"].items():
        assert layer["r"].number() == 1, f"the rank is {layer['r'].number()}, expected 1"
        scaling = layer["scaling"].number()
        assert scaling == 4, f"the scaling alpha / r is {scaling}, expected 4 (r = 1, lora_alpha = 4)"
        assert layer["dropout"].number() == 0, "lora_dropout must be 0"
        layer["a"].array(1, width)
        assert np.all(layer["b"].array(3 * width, 1) == 0), "B must start at zero: keep PEFT's default initialisation"


@pytest.mark.points("todo7", 3)
def test_lora_and_the_two_biases_are_trained_and_nothing_else(observed: Observation) -> None:
    rows = configured(observed)["parameters"].parameters()
    parts = ("lora_A.default.weight", "lora_B.default.weight", "base_layer.bias")
    expected = {f"{PREFIX}{layer}.{part}" for layer in inputs.TARGETS for part in parts}
    found = {name for name, (_, trainable) in rows.items() if trainable and not is_head(name)}
    missing, extra = sorted(expected - found), sorted(found - expected)
    assert not missing, f"{missing[0]} should be trainable{hint(missing[0])}"
    assert not extra, f"{extra[0]} should be frozen{hint(extra[0])}"


def hint(name: str) -> str:
    """What decides over a bias."""
    return " (bias='lora_only' trains the biases of the adapted layers)" if name.endswith(".bias") else ""


def is_head(name: str) -> bool:
    """The active classification head; whether it is trained already is TODO 8's question."""
    return name in (f"{PREFIX}score.weight", f"{PREFIX}score.modules_to_save.default.weight")


@pytest.mark.points("todo7", 2)
def test_the_adapted_model_starts_unchanged_and_adds_four_times_ba(observed: Observation, seed: int) -> None:
    assert_right_modules(observed)
    width = inputs.widths(seed)[0]
    initial = reference.plain_logits(seed, width, "todo7")
    observed.completed("the forward pass of the adapted model", error="error_initial")
    found = observed["logits_initial"].array(*initial.shape)
    assert reference.close(found, initial), "the logits changed at injection: keep PEFT's default initialisation"
    observed.completed("the forward pass of the adapted model", error="error_filled")
    filled = filled_logits(seed, width)
    wrong = "the adapted layers do not compute W x + 4 B A x (another LoRA variant, or dropout?)"
    assert reference.close(observed["logits_filled"].array(*filled.shape), filled), wrong


@functools.cache
def filled_logits(seed: int, width: int) -> reference.Array:
    """Logits with 4 B A added to both layers."""
    updates = {}
    for layer in inputs.TARGETS:
        a, b = (m.astype(np.float64) for m in inputs.peft_matrices(seed, layer, width, 1))
        updates[layer] = 4 * (b @ a).T
    weights = reference.merged(inputs.gpt2_weights(seed, width), updates)
    return reference.gpt2_logits(weights, inputs.token_ids(seed, "todo7"))
