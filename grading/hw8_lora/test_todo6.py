"""TODO 6: only LoRA, the biases of the two adapted layers and the classification head are trained.

Decided where the text is silent: as in TODO 1; and LoRA is the notebook's own, so that a parameter may be found by its
name, by its module or by where it stands, as long as that holds for every rank.
"""

import functools

import numpy as np
import pytest

from autograder.models import Observation

from . import freezing, inputs, reference

LORA = frozenset(f"{layer}.{matrix}" for layer in inputs.TARGETS for matrix in ("lora_A", "lora_B"))
BIASES = frozenset(f"{layer}.bias" for layer in inputs.TARGETS)


def weights(seed: int, label: str) -> dict[str, inputs.Array]:
    """The parameters of a small model, with the LoRA matrices that the probe attached."""
    width = inputs.width_of(seed, label)
    lora: dict[str, inputs.Array] = {}
    for layer in inputs.TARGETS:
        a, b = inputs.peft_matrices(seed, layer, width, inputs.ranks(seed)[label])
        lora |= {f"{layer}.lora_A": a, f"{layer}.lora_B": b}
    return inputs.gpt2_weights(seed, width) | lora


@functools.lru_cache(maxsize=16)
def logits(seed: int) -> reference.Array:
    """What the first model computes: the probe's hook adds B A without a factor."""
    given = weights(seed, "first")
    updates = {t: (given[f"{t}.lora_B"].astype(np.float64) @ given[f"{t}.lora_A"]).T for t in inputs.TARGETS}
    return reference.gpt2_logits(reference.merged(given, updates), inputs.token_ids(seed, "todo6"))


EXERCISE = freezing.Exercise("train_lora_only", LORA | BIASES | {freezing.HEAD}, weights, logits)


@pytest.mark.points("todo6", 6)
def test_all_four_matrices_of_lora_train(observed: Observation, seed: int) -> None:
    freezing.assert_credit(freezing.study(observed, seed, EXERCISE), lambda choice: choice.trained >= LORA)


@pytest.mark.points("todo6", 3)
def test_the_head_trains(observed: Observation, seed: int) -> None:
    freezing.assert_credit(freezing.study(observed, seed, EXERCISE), lambda choice: freezing.HEAD in choice.trained)


@pytest.mark.points("todo6", 3)
def test_nothing_else_trains(observed: Observation, seed: int) -> None:
    found = freezing.study(observed, seed, EXERCISE)
    freezing.assert_credit(found, lambda choice: choice.trained <= EXERCISE.right)


@pytest.mark.points("todo6", 3)
def test_exactly_these_train_at_every_rank_and_nothing_else_changed(observed: Observation, seed: int) -> None:
    freezing.assert_exact(freezing.study(observed, seed, EXERCISE), 12_288)
