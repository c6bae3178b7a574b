"""TODO 2: A and B are registered on the layer as parameters full of ones."""

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs


def shapes(case: inputs.LayerCase) -> dict[str, tuple[int, int]]:
    """Required shapes: A (r, in), B (out, r)."""
    return {"lora_A": (case.r, case.n_in), "lora_B": (case.n_out, case.r)}


def assert_registered(report: Observation, case: inputs.LayerCase) -> None:
    """Both matrices are trainable float32 nn.Parameters of the right shape under the right name."""
    rows = report["parameters"].parameters()
    for name, shape in shapes(case).items():
        kind = report[name]["kind"].text()
        if kind == "missing":
            report.completed("`attach_lora`")
        assert kind != "missing", f"layer.{name} does not exist; store the matrix on the layer under this name"
        assert kind == "parameter", f"layer.{name} is a {kind}: PyTorch registers and trains only nn.Parameter"
        assert report[name]["dtype"].text() == "torch.float32", f"layer.{name} must have the layer's dtype"
        found = rows[name][0]
        assert found == shape, f"layer.{name} has the wrong shape: A is (r, in_features), B is (out_features, r)"
        assert report[name]["trainable"].flag(), f"layer.{name} does not require a gradient"


@pytest.mark.points("todo2", 5)
def test_a_and_b_are_registered_parameters_of_the_right_shape(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo2"):
        report = observed[case.name]
        assert_registered(report, case)
        extra = sorted(set(report["parameters"].parameters()) - {"weight", "bias", "lora_A", "lora_B"})
        assert not extra, f"extra parameters were registered on the layer: {extra}"


@pytest.mark.points("todo2", 3)
def test_a_and_b_are_all_ones(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo2"):
        report = observed[case.name]
        for name, shape in shapes(case).items():
            if report[name]["kind"].text() == "missing":
                report.completed("`attach_lora`")
            assert "value" in report[name], f"layer.{name} is not a tensor that could hold ones"
            assert np.all(report[name]["value"].array(*shape) == 1), f"every entry of layer.{name} must be 1"


@pytest.mark.points("todo2", 2)
def test_the_pretrained_layer_is_untouched(observed: Observation, seed: int) -> None:
    for case in inputs.layer_cases(seed, "todo2"):
        report = observed[case.name]
        assert_registered(report, case)
        weight, bias = inputs.layer_weights(seed, case)
        same = np.array_equal(report["weight"].array(*weight.shape), weight)
        assert same, "the pretrained weight W must not change"
        assert np.array_equal(report["bias"].array(*bias.shape), bias), "the pretrained bias must not change"
