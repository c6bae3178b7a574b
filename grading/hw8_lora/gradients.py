"""What is wrong with the gradients of one pass through a hook. Never shipped."""

import functools

import numpy as np

from . import reference
from .hook import Hook, arrays
from .mistakes_hook import Pass


@functools.lru_cache(maxsize=64)
def gradients_right(hook: Hook, name: str) -> str | None:
    """What is wrong with the gradients of one pass, or None. A wrong factor is not held against them."""
    done = hook.report[name].completed("the forward pass with your hook")
    done.completed("the backward pass with your hook", error="backward_error")
    p, fit = hook.given(name), hook.fit(name)
    g = arrays(hook.seed, hook.case, 0 if name == "pass_0" else 1)[5]
    if all(done[f"grad_{key}"].values is None for key in "ab"):
        return "no gradient reaches A or B: compute with the parameters, without no_grad(), .data or .detach()"
    expected = reference.lora_gradients(p.x, (fit or (1, 0))[0] * p.w, p.a, p.b, (fit or (1, 0))[1], g)
    for key, gradient in zip("abx", expected, strict=True):
        matrix = key.upper() if key in "ab" else "x"
        if done[f"grad_{key}"].values is None:
            return f"no gradient reaches {matrix}: compute with it, without .data or .detach()"
        found = done[f"grad_{key}"].array(*gradient.shape)
        if not found.any() or (fit and not nearly(found, gradient)):
            return gradient_words(matrix, found, fit and (p, fit, g))
    return None


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
    return bool(np.abs(found - expected).max() <= 5e-3 * np.abs(expected).max())
