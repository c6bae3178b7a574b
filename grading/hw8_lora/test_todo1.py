"""TODO 1: only c_attn of the last two blocks and the classification head are trained.

Decided where the text is silent, and in TODO 6 alike:

- The model comes as it was loaded, with every parameter trainable: who only freezes what is unwanted, or turns its
  flag round, chooses right. A second call on the same model is not asked for.
- Training or evaluation mode is no parameter's: ``model.eval()`` at the end changes nothing that is asked for.
- A parameter may be replaced by a new one that holds the same values, and anything may be returned.
"""

import pytest

from autograder.models import Observation

from . import freezing, inputs, reference

MATRICES = frozenset(f"{layer}.weight" for layer in inputs.TARGETS)
BIASES = frozenset(f"{layer}.bias" for layer in inputs.TARGETS)


def weights(seed: int, label: str) -> dict[str, inputs.Array]:
    """The parameters of a small model."""
    return inputs.gpt2_weights(seed, inputs.width_of(seed, label))


def logits(seed: int) -> reference.Array:
    """What the first model computes."""
    return reference.plain_logits(seed, inputs.width_of(seed, "first"), "todo1")


EXERCISE = freezing.Exercise("train_attention_only", MATRICES | BIASES | {freezing.HEAD}, weights, logits)


@pytest.mark.points("todo1", 4)
def test_the_matrices_of_query_key_and_value_of_the_last_two_blocks_train(observed: Observation, seed: int) -> None:
    freezing.assert_credit(freezing.study(observed, seed, EXERCISE), lambda choice: choice.trained >= MATRICES)


@pytest.mark.points("todo1", 2)
def test_the_head_trains(observed: Observation, seed: int) -> None:
    freezing.assert_credit(freezing.study(observed, seed, EXERCISE), lambda choice: freezing.HEAD in choice.trained)


@pytest.mark.points("todo1", 2)
def test_nothing_else_trains(observed: Observation, seed: int) -> None:
    found = freezing.study(observed, seed, EXERCISE)
    freezing.assert_credit(found, lambda choice: choice.trained <= EXERCISE.right)


@pytest.mark.points("todo1", 2)
def test_exactly_these_train_in_every_model_and_nothing_else_changed(observed: Observation, seed: int) -> None:
    freezing.assert_exact(freezing.study(observed, seed, EXERCISE), 3_545_088)
