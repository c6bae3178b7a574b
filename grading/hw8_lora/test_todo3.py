"""TODO 3: the hook turns W x into W x + (alpha / r) B A x, with the current A and B."""

import math

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, reference


def usable(report: Observation) -> Observation:
    """The report of one case, once it is clear that there is a hook with an A and a B to test."""
    report.completed("`attach_lora`")
    wrong = f"attach_lora must return the hook function, got {report['returned'].text()}"
    assert report["callable"].flag(), wrong
    twice = "attach_lora registered the hook itself: the caller registers it too, so LoRA would apply twice"
    assert not report["registered_itself"].flag(), twice
    assert report["found"].flag(), "no A of shape (r, in) and B of shape (out, r) was found on the layer"
    return report


def arrays(seed: int, case: inputs.LayerCase, number: int) -> list[reference.Array]:
    """Weight, bias, A, B, x and the output's gradient of one pass, in float64."""
    parts = (*inputs.layer_weights(seed, case), *inputs.layer_pass(seed, case, number))
    return [part.astype(np.float64) for part in parts]


def assert_output(observed: Observation, seed: int, case: inputs.LayerCase, number: int) -> None:
    """The output of one pass is h, or the message names the likeliest mistake."""
    report = usable(observed[case.name])
    w, bias, a, b, x, _ = arrays(seed, case, number)
    done = report[f"pass_{number}"].completed("the forward pass with your hook")
    found = done["output"].array(*case.x_shape[:-1], case.n_out)
    expected = reference.lora_output(x, w, bias, a, b, case.alpha / case.r)
    assert reference.close(found, expected), likeliest_mistake(observed, seed, number)


def likeliest_mistake(observed: Observation, seed: int, number: int) -> str:
    """The first known mistake that explains the outputs of all cases (r = 1 or 2 alone cannot tell them apart)."""
    common: list[str] | None = None
    for case in inputs.layer_cases(seed, "todo3"):
        if f"pass_{number}" not in observed[case.name]:
            continue
        report = observed[case.name][f"pass_{number}"]
        if report["error"].values is not None:
            continue
        found = report["output"].array(*case.x_shape[:-1], case.n_out)
        here = mistakes(found, case, *arrays(seed, case, number)[:5])
        common = here if common is None else [message for message in common if message in here]
    return common[0] if common else "the output is not W x + (alpha / r) B A x"


def mistakes(found: reference.Array, case: inputs.LayerCase, *parts: reference.Array) -> list[str]:
    """Messages of the known mistakes that give exactly this output."""
    w, bias, a, b, x = parts
    s, r, alpha = case.alpha / case.r, case.r, case.alpha
    ones = np.ones_like(a), np.ones_like(b)
    candidates = {
        "the output did not change: modify `output` in place or return the new value": (0, a, b),
        "the scaling alpha / r is missing": (1, a, b),
        "the scaling lacks the division by r": (alpha, a, b),
        "the scaling lacks lora_alpha": (1 / r, a, b),
        "the scaling is upside down (r / alpha)": (r / alpha, a, b),
        "the scaling is alpha / sqrt(r) (rsLoRA); it must be alpha / r": (alpha / math.sqrt(r), a, b),
        "the scaling alpha / r lost its fraction (integer division?)": (alpha // r, a, b),
        "the scaling is applied twice": (s * s, a, b),
        "the update is added twice": (2 * s, a, b),
        "the sign is wrong: the update must be added": (-s, a, b),
        "the update does not use the current A and B: compute it inside the hook": (s, *ones),
    }
    result = [
        message
        for message, (scaling, this_a, this_b) in candidates.items()
        if reference.close(found, reference.lora_output(x, w, bias, this_a, this_b, scaling))
    ]
    update = reference.lora_output(x, w * 0, bias * 0, a, b, s)
    if reference.close(found, update):
        result.append("the output holds only the update: W x itself is lost")
    return result


@pytest.mark.points("todo3", 8)
def test_the_output_is_wx_plus_the_scaled_update(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo3"):
        assert_output(observed, seed, case, 0)
        report = observed[case.name]
        weight, bias = inputs.layer_weights(seed, case)
        same = np.array_equal(report["weight"].array(*weight.shape), weight)
        same = same and np.array_equal(report["bias"].array(*bias.shape), bias)
        assert same, "the hook changed the pretrained layer; W and its bias must stay as they are"


@pytest.mark.points("todo3", 3)
def test_the_hook_follows_a_and_b_when_they_change(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo3"):
        assert_output(observed, seed, case, 1)


@pytest.mark.points("todo3", 4)
def test_gradients_reach_a_b_and_the_input(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo3"):
        report = usable(observed[case.name])
        for number in (0, 1):
            done = report[f"pass_{number}"].completed("the forward pass with your hook")
            done.completed("the backward pass with your hook", error="backward_error")
            w, _, a, b, x, g = arrays(seed, case, number)
            expected = reference.lora_gradients(x, w, a, b, case.alpha / case.r, g)
            for name, gradient in zip(("a", "b", "x"), expected, strict=True):
                assert done[f"grad_{name}"].values is not None, f"no gradient reaches {name.upper()}"
                found = done[f"grad_{name}"].array(*gradient.shape)
                assert reference.close(found, gradient), f"the gradient of {name.upper()} is wrong"
