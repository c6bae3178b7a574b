"""What TODO 1 and TODO 6 have in common: comparing which parameters were left trainable. Never shipped."""

import math
from collections.abc import Callable

import numpy as np

from autograder.models import Observation

from . import inputs

Parameters = dict[str, tuple[tuple[int, ...], bool]]
Weights = Callable[[int, int], dict[str, inputs.Array]]
"""(seed, width) -> the model's weights in the order of ``named_parameters``."""


def assert_small_models(observed: Observation, seed: int, expected: set[str], weights: Weights, function: str) -> None:
    """At both widths exactly ``expected`` is trainable, nothing else changed, and gradients reach just that."""
    for label, width in zip(("first", "second"), inputs.widths(seed), strict=True):
        assert_exact_set(observed[label], expected, function)
        assert_unchanged(observed[label], weights(seed, width))
    assert_gradients_reach(observed["first"], expected)


def assert_true_size(observed: Observation, expected: set[str], total: int, function: str) -> None:
    """On GPT-2's true shape exactly ``expected`` is trainable, ``total`` values in all."""
    rows = assert_exact_set(observed["real"], expected, function)
    found = sum(math.prod(shape) for shape, trainable in rows.values() if trainable)
    assert found == total, f"GPT-2 has {found:,} trainable parameters after the call, expected {total:,}"


def assert_exact_set(case: Observation, expected: set[str], function: str) -> Parameters:
    """Every parameter is still there, and exactly ``expected`` are trainable."""
    rows = case.completed(f"`{function}`")["parameters"].parameters()
    found = {name for name, (_, trainable) in rows.items() if trainable}
    assert found != set(rows), "nothing was frozen: every parameter still has requires_grad=True"
    missing = sorted(expected - found)
    assert not missing, f"{tensors(missing)} should be trainable but frozen or gone, e.g. {missing[0]}"
    extra = sorted(found - expected)
    assert not extra, f"{tensors(extra)} should be frozen but trainable, e.g. {extra[0]}"
    return rows


def tensors(names: list[str]) -> str:
    """ "1 tensor is" or "3 tensors are"-style counting."""
    return f"{len(names)} tensor{'s' * (len(names) != 1)}"


def assert_unchanged(case: Observation, weights: dict[str, inputs.Array]) -> None:
    """Names, shapes and values of all parameters are those that the model came with."""
    rows = case["parameters"].parameters()
    renamed = "the model's parameters were replaced, renamed or reordered; only requires_grad may change"
    assert {n: shape for n, (shape, _) in rows.items()} == {n: w.shape for n, w in weights.items()}, renamed
    sums = case["checksums"].array(len(rows), 2)
    # Summation order differs between libraries; a float64 sum of 10,000 float32 values agrees to 1e-10.
    same = np.isclose(sums, checksums(weights), rtol=1e-9, atol=1e-9).all(axis=1)
    changed = [name for name, unchanged in zip(rows, same, strict=True) if not unchanged]
    assert not changed, f"the values of {changed[0]} changed; only requires_grad may change"


def checksums(weights: dict[str, inputs.Array]) -> np.ndarray:
    """Sum and sum of squares of every parameter, (parameters, 2), as the probe takes them."""
    wide = [value.astype(np.float64) for value in weights.values()]
    return np.array([[value.sum(), (value**2).sum()] for value in wide])


def assert_gradients_reach(case: Observation, expected: set[str]) -> None:
    """A backward pass gives a gradient to exactly the expected parameters."""
    case.completed("a training step after the call", error="backward_error")
    reached = set(case["reached"].names())
    assert reached == expected, "a backward pass does not reach exactly the parameters that should be trained"
