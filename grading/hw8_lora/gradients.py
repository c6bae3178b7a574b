"""What is wrong with the gradients of one pass through a hook. Never shipped."""

import functools
from dataclasses import dataclass

import numpy as np

from autograder.models import Observation

from . import inputs, reference
from .hook import Hook, arrays, kept_array
from .mistakes_hook import Pass

SHARE = 5e-3
"""Of its largest entry, that a gradient may be off."""


@functools.lru_cache(maxsize=64)
def gradients_right(hook: Hook, name: str) -> str | None:
    """What is wrong with the gradients of one pass, or None. A wrong factor is not held against them."""
    done = hook.report[name].completed("the forward pass with your hook")
    done.completed("the backward pass with your hook", error="backward_error")
    p, fit = hook.given(name), hook.fit(name)
    g = arrays(hook.seed, hook.case, 0 if name == "pass_0" else 1)[5]
    if all(done[f"grad_{key}"].values is None for key in "ab"):
        return "no gradient reaches A or B: compute with the parameters, without no_grad(), .data or .detach()"
    expected = expected_gradients(hook.seed, hook.case, name, *(fit or (1, 0)))
    if fit and are_right(done, expected):
        return None
    for key, gradient in zip("abx", expected.each, strict=True):
        matrix = key.upper() if key in "ab" else "x"
        if done[f"grad_{key}"].values is None:
            return f"no gradient reaches {matrix}: compute with it, without .data or .detach()"
        found = done[f"grad_{key}"].array(*gradient.shape)
        if not found.any() or (fit and not nearly(found, gradient)):
            return gradient_words(matrix, found, fit and (p, fit, g))
    return None


def stuck_at_zero(hook: Hook) -> str | None:
    """What keeps B where TODO 4 lets it start, or None. The gradient of B does not depend on B."""
    zero, usual = hook.report["zero"], hook.report["pass_1"]
    if "grad_b" not in zero or "grad_b" not in usual:
        return None
    usually, found = kept_array(usual, "grad_b"), kept_array(zero, "grad_b")
    if usually is None or not usually.any() or (found is not None and found.any()):
        return None
    return "no gradient reaches B while B is zero, where it starts: is the update left out then?"


@dataclass(frozen=True)
class Expected:
    """The gradients with respect to A, B and x, each and in one row, and how far each entry may be off."""

    each: tuple[reference.Array, ...]

    @functools.cached_property
    def together(self) -> reference.Array:
        """All entries in one row."""
        return np.concatenate([gradient.ravel() for gradient in self.each])

    @functools.cached_property
    def room(self) -> reference.Array:
        """How far each entry may be off; below zero for a gradient of zeros, of which nothing can learn."""
        return np.concatenate([np.full(gradient.size, SHARE * np.abs(gradient).max() or -1) for gradient in self.each])


@functools.lru_cache(maxsize=64)
def expected_gradients(seed: int, case: inputs.LayerCase, name: str, share: float, factor: float) -> Expected:
    """The gradients of share * W x + b + factor * B A x, for right hooks the same for a whole class."""
    w, _, a, b, x, g = arrays(seed, case, 0 if name == "pass_0" else 1)
    return Expected(reference.lora_gradients(x, share * w, a, b, factor, g))


def are_right(done: Observation, expected: Expected) -> bool:
    """Whether all three gradients are there and as expected; where not, each is looked at."""
    found = [kept_array(done, f"grad_{key}") for key in "abx"]
    alike = [array is not None and array.shape == one.shape for array, one in zip(found, expected.each, strict=True)]
    if not all(alike):
        return False
    together = np.concatenate([array.ravel() for array in found if array is not None])
    return bool((np.abs(together - expected.together) <= expected.room).all())


def gradient_words(
    matrix: str, found: reference.Array, known: tuple[Pass, tuple[float, float], reference.Array] | None
) -> str:
    """How a gradient is wrong; what is detached is said only where exactly that gives this gradient."""
    if not found.any():
        return f"the gradient of {matrix} is zero: nothing can learn from it"
    if known and matrix == "x":
        p, (share, factor), g = known
        if nearly(found, reference.lora_gradients(p.x, 0 * p.w, p.a, p.b, factor, g)[2]):
            return "the gradient of x goes through the update alone: is `output` detached, or W0 x?"
        if nearly(found, reference.lora_gradients(p.x, share * p.w, p.a, p.b, 0, g)[2]):
            return "the gradient of x goes through W0 alone: is x detached in the update?"
    return f"the gradient of {matrix} is not that of W x + b + (alpha / r) B A x"


def nearly(found: reference.Array, expected: reference.Array) -> bool:
    """Equal up to half precision: in which type A and B are kept is TODO 2's question."""
    return bool(np.abs(found - expected).max() <= SHARE * np.abs(expected).max())
