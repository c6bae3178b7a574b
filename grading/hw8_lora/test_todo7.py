"""TODO 7: PEFT adapts c_attn of the last two blocks with r = 1, alpha = 4, and trains their biases.

Decided where the homework's text was silent: what works there is right. So any start with B = 0 is accepted
(``init_lora_weights="gaussian"``: the text asks for no distribution of A), any task type with which the model can be
trained and classifies (TOKEN_CLS, FEATURE_EXTRACTION), patterns that amount to r = 1 and alpha = 4, and rsLoRA, which
is the same at r = 1. A head that is trained already is TODO 8's question.
"""

import functools

import numpy as np
import pytest

from autograder.errors import StudentError, Unobserved
from autograder.models import Observation

from . import inputs, mistakes_refused, reference
from . import mistakes_config as mistakes
from .options import Options

PREFIX = "base_model.model."
MISSING = ("ImportError", "ModuleNotFoundError")
PARTS = ("lora_A.default.weight", "lora_B.default.weight", "base_layer.bias")


@functools.lru_cache(maxsize=4)
def returned(observed: Observation) -> Options:
    """The options of the configuration that the function returned, which is a LoraConfig both times."""
    observed.completed("`make_lora_config`")
    assert observed["is_config"].flag(), mistakes_refused.not_a_config(observed["returned"].text())
    options = options_of(observed["options"])
    wrong = mistakes_refused.returned_words(observed["returned"].text(), options)
    assert not wrong, wrong
    repeated = mistakes.repeated_words(observed["options"], observed["again"])
    assert not repeated, repeated
    return options


def options_of(found: Observation) -> Options:
    """The options as the probe read them."""
    if not isinstance(found.values, dict):
        raise found.malformed("a mapping")
    return found.values


@functools.lru_cache(maxsize=4)
def refused(observed: Observation) -> str:
    """Why PEFT refuses the configuration; "" when it takes it."""
    options = returned(observed)
    try:
        observed.completed("get_peft_model with your configuration", error="peft_error")
    except StudentError as error:
        if observed["peft_error"]["type"].text() in MISSING:
            raise Unobserved(f"{error}\nThe option needs a package that is not installed here") from error
        reason = mistakes_refused.refusal_words(options)
        return f"{error}\n{reason}" if reason else str(error)
    return ""


def configured(observed: Observation) -> Options:
    """The options of a configuration that PEFT takes."""
    reason = refused(observed)
    assert not reason, reason
    return returned(observed)


@functools.lru_cache(maxsize=4)
def layers(observed: Observation) -> list[mistakes.Layer]:
    """The adapted layers, as they work."""
    found = []
    for name, layer in observed["adapted"].items():
        r, scaling, dropout = (layer[key].number() for key in ("r", "scaling", "dropout"))
        found.append(mistakes.Layer(name, r, scaling, dropout, layer["starts_at_zero"].flag()))
    return found


@pytest.mark.points("todo7", 3)
def test_lora_is_injected_into_the_right_two_layers(observed: Observation) -> None:
    options = configured(observed)
    wrong = mistakes.place_words({name for name, _ in observed["adapted"].items()}, options)
    assert not wrong, wrong


@pytest.mark.points("todo7", 3)
def test_the_rank_is_1_and_the_scaling_4(observed: Observation) -> None:
    options, reason = returned(observed), refused(observed)
    if reason:
        assert mistakes_refused.says_rank_and_alpha(options), reason
        return
    found = layers(observed)
    assert found, mistakes.place_words(set(), options)
    wrong = mistakes.strength_words(found, options)
    assert not wrong, wrong


@pytest.mark.points("todo7", 2)
def test_lora_and_the_biases_beside_it_are_trained_and_nothing_else(observed: Observation) -> None:
    options = configured(observed)
    adapted = [name for name, _ in observed["adapted"].items()]
    rows = observed["parameters"].parameters()
    expected = {f"{PREFIX}{layer}.{part}" for layer in adapted for part in PARTS} & rows.keys()
    found = {name for name, (_, trainable) in rows.items() if trainable and not is_head(name)}
    wrong = mistakes.trained_words(found, expected, options)
    assert adapted, mistakes.place_words(set(), options)
    assert not wrong, wrong


def is_head(name: str) -> bool:
    """The active classification head; whether it is trained already is TODO 8's question."""
    return name in (f"{PREFIX}score.weight", f"{PREFIX}score.modules_to_save.default.weight")


@pytest.mark.points("todo7", 2)
def test_the_two_layers_start_unchanged_and_add_a_scaled_ba_without_dropout(observed: Observation, seed: int) -> None:
    options = configured(observed)
    place = mistakes.place_words({name for name, _ in observed["adapted"].items()}, options)
    assert not place, place
    found = layers(observed)
    wrong = mistakes.nature_words(found, options)
    assert not wrong, wrong
    # Matrices that are frozen add nothing, ever.
    rows = observed["parameters"].parameters()
    frozen = {name for name, (_, trainable) in rows.items() if "lora_" in name and not trainable}
    assert not frozen, mistakes.missing_words(frozen, options)
    other = mistakes.other_words(options)
    initial = reference.plain_logits(seed, inputs.width_of(seed, "first"), "todo7")
    started = f"the logits changed at injection{other}: keep PEFT's default initialisation"
    assert reference.close(forward(observed, "initial", initial.shape), initial), started
    filled = filled_logits(seed, tuple((layer.name, int(layer.rank or 0), layer.scaling or 0) for layer in found))
    variant = f"the adapted layers do not compute W x + alpha / r B A x{other}: another variant of LoRA"
    assert reference.close(forward(observed, "filled", filled.shape), filled), variant


def forward(observed: Observation, when: str, shape: tuple[int, ...]) -> reference.Array:
    """The logits of the adapted model."""
    observed.completed("the forward pass of the adapted model", error=f"error_{when}")
    return observed[when].array(*shape)


@functools.lru_cache(maxsize=16)
def filled_logits(seed: int, adapted: tuple[tuple[str, int, float], ...]) -> reference.Array:
    """Logits with scaling * B A added to these (name, rank, scaling)."""
    width = inputs.width_of(seed, "first")
    updates = {}
    for layer, rank, scaling in adapted:
        a, b = (m.astype(np.float64) for m in inputs.peft_matrices(seed, layer, width, rank))
        updates[layer] = scaling * (b @ a).T
    weights = reference.merged(inputs.gpt2_weights(seed, width), updates)
    return reference.gpt2_logits(weights, inputs.token_ids(seed, "todo7"))
