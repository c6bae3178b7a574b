"""What students' hooks compute in place of W x + b + (alpha / r) B A x: three parts, each right or a known mistake.

output = BASE + FACTOR * UPDATE. A mistake in one part is looked for first, then mistakes in two.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .mistakes import Mistake

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pass:
    """One call of a hook: x (..., in), W (in, out) and bias as Conv1D holds them, A (r, in), B (out, r)."""

    x: Array
    w: Array
    bias: Array
    a: Array
    b: Array
    alpha: float
    r: int
    start_a: Array
    start_b: Array
    """A and B as they were when attach_lora returned."""

    @functools.cached_property
    def plain(self) -> Array:
        """W x + b."""
        result: Array = self.x @ self.w + self.bias
        return result

    @functools.cached_property
    def low(self) -> Array:
        """A x, (..., r)."""
        result: Array = self.x @ self.a.T
        return result

    @functools.cached_property
    def update(self) -> Array:
        """B A x, before scaling."""
        result: Array = self.low @ self.b.T
        return result


Part = Mistake[Pass]


def gelu(x: Array) -> Array:
    """x times the normal distribution function at x."""
    result: Array = x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
    return result


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    result: Array = 1 / (1 + np.exp(-x))
    return result


def softmax(x: Array) -> Array:
    """Along the last dimension."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = e / e.sum(axis=-1, keepdims=True)
    return result


def normalised(x: Array) -> Array:
    """Layer normalisation without weights, epsilon 1e-5."""
    result: Array = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return result


def unit(x: Array) -> Array:
    """Of length one along the last dimension."""
    result: Array = x / np.sqrt((x**2).sum(-1, keepdims=True))
    return result


def through(p: Pass, x: Array) -> Array:
    """B A applied to another x."""
    result: Array = x @ p.a.T @ p.b.T
    return result


def at(p: Pass, position: int, axis: int) -> Array:
    """The update at one place along an axis of x, zero elsewhere."""
    kept = np.zeros_like(p.update)
    index = [slice(None)] * kept.ndim
    index[axis] = slice(position, position + 1 or None)
    kept[tuple(index)] = p.update[tuple(index)]
    return kept


BASE = Part("right", "", lambda p: p.plain)
BASES = (
    Part("W0 x is lost", "the output holds only the update: W0 x itself is lost; add the update to `output`",
         lambda p: 0 * p.plain),
    Part("bias is lost", "the layer's bias is lost: add the update to `output`, which holds W0 x and the bias",
         lambda p: p.plain - p.bias),
    Part("bias twice", "the layer's bias is added twice: `output` holds it already", lambda p: p.plain + p.bias),
    Part("bias in the update", "the layer's bias is added to the update too: `output` holds it already",
         lambda p: p.plain + p.alpha / p.r * p.bias),
    Part("output twice", "`output` is added twice: the result is 2 W0 x plus the update", lambda p: 2 * p.plain),
    Part("output scaled", "alpha / r multiplies `output` as well: it belongs to the update alone",
         lambda p: p.alpha / p.r * p.plain),
    Part("output scaled and added", "`output` is put into the sum that alpha / r multiplies, and added once more",
         lambda p: (1 + p.alpha / p.r) * p.plain),
    Part("half of the output", "W0 x comes out halved: add the update to all of `output`", lambda p: p.plain / 2),
    Part("minus output", "`output` is subtracted: the result is the update minus W0 x", lambda p: -p.plain),
    Part("first output for all", "every sentence gets the output of the first one: `output` is a tensor, no tuple",
         lambda p: np.broadcast_to(p.plain[:1], p.plain.shape)),
    Part("output without alpha", "`output` is divided by r: alpha / r belongs to the update alone",
         lambda p: p.plain / p.r),
    Part("output times alpha", "`output` is multiplied by alpha: alpha / r belongs to the update alone",
         lambda p: p.plain * p.alpha),
)  # fmt: skip


def between(function: Callable[[Array], Array]) -> Callable[[Pass], Array]:
    """B f(A x)."""
    return lambda p: function(p.low) @ p.b.T


def after(function: Callable[[Array], Array]) -> Callable[[Pass], Array]:
    """f((alpha / r) B A x), as a direction that alpha / r multiplies."""
    return lambda p: function(p.alpha / p.r * p.update) * p.r / p.alpha


def unscaled(function: Callable[[Array], Array]) -> Callable[[Pass], Array]:
    """f(B A x), which alpha / r multiplies."""
    return lambda p: function(p.update)


def over_all(function: Callable[[Array], Array]) -> Callable[[Pass], Array]:
    """f(W x + b + (alpha / r) B A x), as a direction that alpha / r multiplies and that is added to W x + b."""
    return lambda p: (function(p.plain + p.alpha / p.r * p.update) - p.plain) * p.r / p.alpha


ACTIVATIONS: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    ("relu", "a ReLU", lambda v: np.maximum(v, 0)),
    ("gelu", "a GELU", gelu),
    ("tanh gelu", "a GELU", lambda v: 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))),
    ("tanh", "a tanh", lambda v: np.tanh(v)),
    ("sigmoid", "a sigmoid", sigmoid),
    ("silu", "a SiLU", lambda v: v * sigmoid(v)),
    ("softmax", "a softmax", softmax),
    ("leaky relu", "a leaky ReLU", lambda v: np.where(v > 0, v, 0.01 * v)),
    ("elu", "an ELU", lambda v: np.where(v > 0, v, np.expm1(np.minimum(v, 0)))),
    ("abs", "an absolute value", lambda v: np.abs(v)),
    ("layer norm", "a layer norm", normalised),
)
UPDATE = Part("right", "", lambda p: p.update)
BETWEEN = "there is {} between A and B: LoRA has no activation function there"
AFTER = "the update goes through {}: LoRA has no activation function"
UPDATES = (
    Part("stale A and B", "the update does not use the current A and B (computed once when attaching, or written down "
         "for ones?): compute it inside the hook from layer.lora_A and layer.lora_B",
         lambda p: p.x @ p.start_a.T @ p.start_b.T),
    Part("stale A", "the update uses A as it was when attaching: read layer.lora_A inside the hook",
         lambda p: p.x @ p.start_a.T @ p.b.T),
    Part("stale B", "the update uses B as it was when attaching: read layer.lora_B inside the hook",
         lambda p: p.low @ p.start_b.T),
    Part("rank summed", "the r parts are summed before B is applied: right for r = 1 only",
         lambda p: p.low.sum(-1, keepdims=True) * p.b.sum(-1)),
    Part("rank averaged", "the r numbers of A x are averaged before B is applied: right for r = 1 only",
         lambda p: p.low.mean(-1, keepdims=True) * p.b.sum(-1) / p.r),
    Part("first row", "only the first row of A and the first column of B are used: right for r = 1 only",
         lambda p: p.low[..., :1] * p.b[:, 0]),
    Part("last row", "only the last row of A and the last column of B are used: right for r = 1 only",
         lambda p: p.low[..., -1:] * p.b[:, -1]),
    Part("B reversed", "the columns of B meet the rows of A in the wrong order", lambda p: p.low @ p.b[:, ::-1].T),
    Part("A reshaped", "A is reshaped where it has to be transposed (.T)",
         lambda p: p.x @ p.a.reshape(p.a.shape[::-1]) @ p.b.T),
    Part("B reshaped", "B is reshaped where it has to be transposed (.T)",
         lambda p: p.low @ p.b.reshape(p.b.shape[::-1])),
    Part("A and B reshaped", "A and B are reshaped where they have to be transposed (.T)",
         lambda p: p.x @ p.a.reshape(p.a.shape[::-1]) @ p.b.reshape(p.b.shape[::-1])),
    Part("BA reshaped", "B A is reshaped where it has to be transposed (.T)",
         lambda p: p.x @ (p.b @ p.a).reshape(p.a.shape[1], p.b.shape[0])),
    *(Part(f"{name} between", BETWEEN.format(words), between(function)) for name, words, function in ACTIVATIONS),
    Part("layer norm of x", "x is normalised first: the update is B A x with x as it is",
         lambda p: through(p, normalised(p.x))),
    Part("unit x", "x is divided by its length first: the update is B A x with x as it is",
         lambda p: through(p, unit(p.x))),
    Part("relu of x", "x goes through a ReLU first: the update is B A x with x as it is",
         lambda p: through(p, np.maximum(p.x, 0))),
    Part("softmax of x", "x goes through a softmax first: the update is B A x with x as it is",
         lambda p: through(p, softmax(p.x))),
    Part("centred x", "the mean is taken off x first: the update is B A x with x as it is",
         lambda p: through(p, p.x - p.x.mean(-1, keepdims=True))),
    Part("batch mean", "the update is averaged over the batch: every sentence has its own",
         lambda p: through(p, np.broadcast_to(p.x.mean(0, keepdims=True), p.x.shape))),
    Part("batch sum", "the update is summed over the batch: every sentence has its own",
         lambda p: through(p, np.broadcast_to(p.x.sum(0, keepdims=True), p.x.shape))),
    Part("token mean", "the update is averaged over the tokens (the second last dimension): every token has its own",
         lambda p: through(p, np.broadcast_to(p.x.mean(-2, keepdims=True), p.x.shape))),
    Part("token sum", "the update is summed over the tokens (the second last dimension): every token has its own",
         lambda p: through(p, np.broadcast_to(p.x.sum(-2, keepdims=True), p.x.shape))),
    Part("cumsum", "the update of a token holds the sum of those before it (a cumsum): every token has its own",
         lambda p: p.update.cumsum(-2)),
    Part("cumsum over the batch", "the update holds the sum of the sentences before it (a cumsum): each has its own",
         lambda p: p.update.cumsum(0)),
    Part("flipped tokens", "the updates of the tokens come in reversed order", lambda p: np.flip(p.update, -2)),
    Part("flipped batch", "the updates of the sentences come in reversed order", lambda p: np.flip(p.update, 0)),
    Part("shifted tokens", "every token gets the update of its neighbour", lambda p: np.roll(p.update, 1, -2)),
    Part("first sentence for all", "every sentence gets the update of the first one",
         lambda p: np.broadcast_to(p.update[:1], p.update.shape)),
    Part("first token for all", "every token gets the update of the first one",
         lambda p: np.broadcast_to(p.update[..., :1, :], p.update.shape)),
    Part("last token for all", "every token gets the update of the last one",
         lambda p: np.broadcast_to(p.update[..., -1:, :], p.update.shape)),
    Part("last token only", "only the last token gets an update: every token has its own", lambda p: at(p, -1, -2)),
    Part("first token only", "only the first token gets an update: every token has its own", lambda p: at(p, 0, -2)),
    Part("last sentence only", "only the last sentence gets an update: each has its own", lambda p: at(p, -1, 0)),
    Part("first sentence only", "only the first sentence gets an update: each has its own", lambda p: at(p, 0, 0)),
    Part("summed over the outputs", "the update is summed over the outputs: each output has its own",
         lambda p: np.broadcast_to(p.update.sum(-1, keepdims=True), p.update.shape)),
    Part("averaged over the outputs", "the update is averaged over the outputs: each output has its own",
         lambda p: np.broadcast_to(p.update.mean(-1, keepdims=True), p.update.shape) * np.float64(1)),
    Part("one sum", "the update is summed to a single number: is a dimension missing in `sum`? Each output has its own",
         lambda p: np.full(p.update.shape, p.update.sum())),
    Part("one mean", "the update is averaged to a single number: is a dimension missing in `mean`? Each output has its "
         "own", lambda p: np.full(p.update.shape, p.update.mean())),
    Part("sum of x", "the update is the sum of all of x, and uses neither A nor B",
         lambda p: np.full(p.update.shape, p.x.sum())),
    Part("x squared", "x is squared: the update is B A x", lambda p: through(p, p.x**2)),
    Part("A squared", "A is squared: the update is B A x", lambda p: p.x @ (p.a**2).T @ p.b.T),
    Part("product with output", "the update is multiplied with `output` where it has to be added",
         lambda p: p.plain * p.update),
    *(Part(f"{name} of the output", f"the whole output goes through {words}: LoRA has no activation function",
           over_all(function)) for name, words, function in ACTIVATIONS),
    *(Part(f"{name} after", AFTER.format(words), after(function)) for name, words, function in ACTIVATIONS),
    *(Part(f"{name} after, then scaled", AFTER.format(words), unscaled(function))
      for name, words, function in ACTIVATIONS),
    Part("unit update", "the update is divided by its length", lambda p: unit(p.update)),
    Part("clamp after", "the update is clipped to the range from -1 to 1", after(lambda v: np.clip(v, -1, 1))),
)  # fmt: skip
