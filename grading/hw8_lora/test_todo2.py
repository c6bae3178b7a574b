"""TODO 2: A and B are registered on the layer as parameters full of ones.

Decided where the text is silent:

- Every entry is a number of its own: A and B that share memory, ones made by ``expand`` and matrices that two layers
  share cannot be trained as A and B. That costs TODO 2 alone.
- ``attach_lora`` may freeze the layer's own weight and bias, and keep further values that are no parameters on it.
- Half precision costs TODO 2 alone, as long as the hook copes with it.
"""

import functools

import numpy as np
import pytest

from autograder.models import Observation

from . import inputs, mistakes_layers, reference
from .hook import arrays, kept_array
from .hook_properties import assert_pretrained_layer

NAMES = {"lora_A": "a", "lora_B": "b"}
Case = tuple[inputs.LayerCase, Observation]
Cases = tuple[Case, ...]


@pytest.fixture
def cases(observed: Observation, seed: int) -> Cases:
    """Every case and its report, once it is clear that W and its bias are what they were."""
    return kept_cases(observed, seed)


@functools.lru_cache(maxsize=4)
def kept_cases(observed: Observation, seed: int) -> Cases:
    """The same, found out once for all tests."""
    found = tuple((case, observed[case.name]) for case in inputs.layer_cases(seed, "todo2"))
    for case, report in found:
        assert_pretrained_layer(report, seed, case)
    return found


def wanted(case: inputs.LayerCase, cases: Cases, name: str) -> mistakes_layers.Matrix:
    """The matrix as it should be."""
    first = cases[0][0]
    shape = (first.r, first.n_in) if name == "lora_A" else (first.n_out, first.r)
    return mistakes_layers.Matrix(name, case.n_in, case.n_out, case.r, case.alpha, shape)


def kind(report: Observation, name: str) -> str:
    """What stands under the name; StudentError if nothing does because attach_lora raised."""
    found = report[name]["kind"].text()
    if found == "missing":
        report.completed("`attach_lora`")
    return found


def values(report: Observation, name: str) -> reference.Array:
    """The entries of the matrix, whatever its shape, wherever on the layer it is kept."""
    found = kept_array(report[name], "value")
    if found is None and NAMES[name] in report["where"]:
        found = kept_array(report["where"][NAMES[name]], "value")
    assert found is not None, absent(report, name)
    return found


def absent(report: Observation, name: str) -> str:
    """What is said of a matrix that does not stand under its name."""
    missing = (
        f"layer.{name} does not exist when attach_lora has returned; store the matrix on the layer under this name"
    )
    if NAMES[name] not in report["where"]:
        return missing
    elsewhere = report["where"][NAMES[name]]["name"].text()
    if elsewhere.startswith("closure"):
        return f"{missing} (a matrix of this shape is kept in the hook alone: nobody would train or save it)"
    return f"{missing} (a matrix of this shape is called '{elsewhere}')"


@pytest.mark.points("todo2", 3)
def test_a_and_b_are_trainable_parameters_of_the_layer(cases: Cases) -> None:
    for _, report in cases:
        for name in NAMES:
            found = kind(report, name)
            assert found != "missing", absent(report, name)
            bare = "; declare the bare matrix, a module brings a name and perhaps a bias of its own"
            wrong = f"layer.{name} is a {found}: PyTorch registers and trains only an nn.Parameter"
            assert found == "parameter", wrong + bare * (found == "module")
            dtype = report[name]["dtype"].text()
            assert dtype == "torch.float32", f"layer.{name} has dtype {dtype}; it must have the layer's, torch.float32"
            assert report[name]["trainable"].flag(), f"layer.{name} does not require a gradient: it would never train"


@pytest.mark.points("todo2", 2)
def test_a_is_r_by_in_and_b_is_out_by_r(cases: Cases) -> None:
    for name in NAMES:
        shapes = []
        for case, report in cases:
            kind(report, name)
            turned = NAMES[name] in report["where"] and report["where"][NAMES[name]]["transposed"].flag()
            matrix = wanted(case, cases, name)
            found = values(report, name).shape
            shapes.append((matrix, found[::-1] if turned and "value" not in report[name] else found))
        if any(found != matrix.shape for matrix, found in shapes):
            cause = mistakes_layers.cause_of_shape(shapes)
            wrong = f"layer.{name} has the wrong shape: A is (r, in_features), B is (out_features, r)"
            raise AssertionError(f"{wrong}; {cause}" if cause else wrong)


@pytest.mark.points("todo2", 2)
def test_every_entry_is_one(cases: Cases) -> None:
    for name in NAMES:
        for _, report in cases:
            kind(report, name)
        found = [(wanted(case, cases, name), values(report, name)) for case, report in cases]
        if not all(np.all(entries == 1) for _, entries in found):
            cause = mistakes_layers.cause_of_values(found)
            raise AssertionError(f"every entry of layer.{name} must be 1{': ' + cause if cause else ''}")


@pytest.mark.points("todo2", 2)
def test_every_layer_has_an_a_and_a_b_of_its_own(cases: Cases, seed: int) -> None:
    for case, report in cases:
        for name in NAMES:
            kind(report, name)
            values(report, name)
            owner = report[name]["owner"].values
            shared = f"two layers share one layer.{name} (a cache, a global or a default argument?): each needs its own"
            assert owner in (None, case.name), shared
        assert_own_memory(case, report, seed)


def assert_own_memory(case: inputs.LayerCase, report: Observation, seed: int) -> None:
    """Numbers written into A changed this A alone."""
    report.completed("a second call of `attach_lora`", error="twin_error")
    written = report["written"]
    if "a" not in written:
        return
    value = arrays(seed, case, 0)[2]
    own = "the entries of A share their memory (expand?): no optimiser can change one of them"
    assert np.array_equal(written["a"].array(*value.shape), value), own
    if "twin_a" in written:
        shared = "two layers share one layer.lora_A (a cache, a global or a default argument?): each needs its own"
        assert not np.array_equal(written["twin_a"].array(*value.shape), value), shared
    if "b" in written and "b" in report["where"]:
        shape = (case.n_out, case.r)
        before, after = report["where"]["b"]["value"].array(*shape), written["b"].array(*shape)
        assert np.array_equal(before, after), "A and B share their memory: make two matrices"


@pytest.mark.points("todo2", 1)
def test_nothing_else_is_registered_on_the_layer(cases: Cases) -> None:
    for _, report in cases:
        found = {name.partition(" (")[0] for name in report["parameters"].parameters()} - {"weight", "bias"}
        for name in sorted(NAMES.keys() - found):
            kind(report, name)
            raise AssertionError(f"layer.{name} is not among the layer's parameters")
        extra = sorted(found - NAMES.keys())
        assert not extra, f"extra parameters were registered on the layer: {', '.join(extra)}; LoRA adds A and B alone"
