"""TODO 5: LoRA is injected into c_attn of the last two blocks, one hook each, and can be removed again."""

import functools

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, reference

EXPECTED_HOOKS = {name: [1, 0] for name in inputs.TARGETS}


def calls(observed: Observation, seed: int) -> list[tuple[Observation, int, int]]:
    """(report, r, lora_alpha) of every call of ``attach_lora_to_gpt2``."""
    arguments = inputs.lora_arguments(seed)
    return [(observed[f"call_{i}"], r, alpha) for i, (r, alpha) in enumerate(arguments)]


def assert_right_layers(report: Observation) -> None:
    """One forward hook on each of the two layers and none elsewhere."""
    report.completed("`attach_lora_to_gpt2`")
    hooks = {name: counts.values for name, counts in report["hooks"].items()}
    if hooks != EXPECTED_HOOKS and "calls" in report and not hooks:
        assert not report["calls"].values, "a hook was built but never registered with register_forward_hook"
    shown = [name or "the model itself" for name in sorted(hooks)]
    found = ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "") or "no module at all"
    assert hooks.keys() == EXPECTED_HOOKS.keys(), f"hooks were registered on {found}; expected c_attn of h.10 and h.11"
    assert hooks == EXPECTED_HOOKS, "each of the two layers needs exactly one forward hook"


@pytest.mark.points("todo5", 6)
def test_the_last_two_c_attn_get_one_hook_each(observed: Observation, seed: int) -> None:
    for report, _, _ in calls(observed, seed):
        assert_right_layers(report)
        lora = {n.rsplit(".", 1)[0] for n in report["parameters"].parameters() if "lora_" in n}
        assert lora == set(inputs.TARGETS), "A and B must be on c_attn of h.10 and h.11 and nowhere else"


@pytest.mark.points("todo5", 3)
def test_rank_alpha_and_sizes_are_passed_on(observed: Observation, seed: int) -> None:
    width = inputs.widths(seed)[0]
    for report, r, alpha in calls(observed, seed):
        assert_right_layers(report)
        shapes = {n: shape for n, (shape, _) in report["parameters"].parameters().items()}
        for layer in inputs.TARGETS:
            a, b = shapes.get(f"{layer}.lora_A"), shapes.get(f"{layer}.lora_B")
            swapped = a == (r, 3 * width)
            assert not swapped, "in_features and out_features are swapped: Conv1D stores its weight as (in, out)"
            assert a == (r, width), "A does not have the shape (r, in_features)"
            assert b == (3 * width, r), "B does not have the shape (out_features, r)"
        for call in report["calls"].values or []:
            given = {"r": r, "lora_alpha": alpha}
            assert isinstance(call, dict), "the probe's reply is malformed"
            assert {k: call.get(k) for k in given} == given, "r and lora_alpha must reach attach_lora unchanged"


def plain_logits(seed: int) -> reference.Array:
    """Logits of the model without any update."""
    return reference.plain_logits(seed, inputs.widths(seed)[0], "todo5")


@functools.cache
def expected_logits(stand_in: bool, seed: int, width: int, r: int, alpha: int) -> reference.Array:
    """Logits of the model whose two weights hold the update, of the stand-in or of the student's own LoRA."""
    updates = {}
    for layer in inputs.TARGETS:
        if stand_in:
            updates[layer] = inputs.update_matrix(seed, layer, width, 3 * width).astype(np.float64)
        else:
            a, b = (m.astype(np.float64) for m in inputs.peft_matrices(seed, layer, width, r))
            updates[layer] = alpha / r * (b @ a).T
    weights = reference.merged(inputs.gpt2_weights(seed, width), updates)
    return reference.gpt2_logits(weights, inputs.token_ids(seed, "todo5"))


@pytest.mark.points("todo5", 4)
def test_each_layer_uses_its_own_hook(observed: Observation, seed: int) -> None:
    width, plain = inputs.widths(seed)[0], plain_logits(seed)
    for report, r, alpha in calls(observed, seed):
        assert_right_layers(report)
        active = expected_logits(bool(report["calls"].values), seed, width, r, alpha)
        for label, expected in (("silent", plain), ("active", active)):
            report.completed("the forward pass of the injected model", error=f"error_{label}")
            found = report[f"logits_{label}"].array(*expected.shape)
            wrong = "the injected model computes something else (does each layer use its own hook?)"
            assert reference.close(found, expected), wrong


@pytest.mark.points("todo5", 2)
def test_the_returned_handles_remove_the_hooks(observed: Observation, seed: int) -> None:
    plain = plain_logits(seed)
    for report, _, _ in calls(observed, seed):
        assert_right_layers(report)
        removable = report["handles"]["removable"].number()
        assert removable == 2, "return the list of the two hook handles (needed to remove LoRA again)"
        assert report["hooks_left"].number() == 0, "hooks are left after calling remove() on every handle"
        found = report["logits_removed"].array(*plain.shape)
        assert reference.close(found, plain), "after removing the hooks the model is not what it was"
