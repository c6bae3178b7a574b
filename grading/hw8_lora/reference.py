"""The trusted side's own mathematics, in NumPy and float64. Never shipped to a kernel.

LoRA follows Hu et al. 2021 (arXiv:2106.09685, section 4.1): h = W x + (alpha / r) B A x. The GPT-2 forward
pass follows Radford et al. 2019 with pre-layer norm, causal attention and the tanh GELU.
"""

import functools
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from . import inputs

Array = npt.NDArray[np.float64]


def lora_output(x: Array, weight: Array, bias: Array, a: Array, b: Array, scaling: float) -> Array:
    """h (..., out) for x (..., in), Conv1D weight (in, out), A (r, in), B (out, r)."""
    return x @ weight + bias + scaling * ((x @ a.T) @ b.T)


def lora_gradients(x: Array, weight: Array, a: Array, b: Array, scaling: float, g: Array) -> tuple[Array, Array, Array]:
    """Gradients of sum(h * g) with respect to A (r, in), B (out, r) and x (..., in)."""
    flat_x, flat_g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    grad_a = scaling * (b.T @ flat_g.T @ flat_x)
    grad_b = scaling * (flat_g.T @ flat_x @ a.T)
    grad_x = g @ weight.T + scaling * (g @ b) @ a
    return grad_a, grad_b, grad_x


def kaiming_bound(fan_in: int) -> float:
    """Bound of Kaiming-uniform with a = sqrt(5): gain sqrt(2 / (1 + 5)) times sqrt(3 / fan_in)."""
    return math.sqrt(2 / (1 + 5)) * math.sqrt(3 / fan_in)


def merged(weights: Mapping[str, npt.NDArray[np.float32]], updates: Mapping[str, Array]) -> dict[str, Array]:
    """A model's weights with an (in, out) update added to the weight of each named layer."""
    wide = {name: value.astype(np.float64) for name, value in weights.items()}
    for layer, update in updates.items():
        wide[f"{layer}.weight"] = wide[f"{layer}.weight"] + update
    return wide


def gpt2_logits(weights: Mapping[str, Array], ids: npt.NDArray[np.int64]) -> Array:
    """Classification logits (sentences, 2), pooled at the last token; ids hold no padding."""
    x = weights["transformer.wte.weight"][ids] + weights["transformer.wpe.weight"][: ids.shape[1]]
    for i in range(inputs.LAYERS):
        block = f"transformer.h.{i}."
        x = x + attention(weights, block + "attn.", layer_norm(weights, block + "ln_1", x))
        hidden = gelu(linear(weights, block + "mlp.c_fc", layer_norm(weights, block + "ln_2", x)))
        x = x + linear(weights, block + "mlp.c_proj", hidden)
    pooled: Array = layer_norm(weights, "transformer.ln_f", x)[:, -1] @ weights["score.weight"].T
    return pooled


@functools.cache
def plain_logits(seed: int, width: int, todo: str) -> Array:
    """Logits of the run's model as it is, for one TODO's sentences."""
    return gpt2_logits(merged(inputs.gpt2_weights(seed, width), {}), inputs.token_ids(seed, todo))


def attention(weights: Mapping[str, Array], name: str, x: Array) -> Array:
    """Causal multi-head attention (sentences, tokens, width)."""
    sentences, tokens, width = x.shape
    shape = (sentences, tokens, inputs.HEADS, width // inputs.HEADS)
    q, k, v = (part.reshape(shape) for part in np.split(linear(weights, name + "c_attn", x), 3, axis=-1))
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(shape[-1])
    scores = np.where(np.tri(tokens, dtype=bool), scores, -np.inf)
    share = np.exp(scores - scores.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    mixed = np.einsum("bhqk,bkhd->bqhd", share, v).reshape(x.shape)
    return linear(weights, name + "c_proj", mixed)


def linear(weights: Mapping[str, Array], name: str, x: Array) -> Array:
    """x W + b with Conv1D's (in, out) weight."""
    result: Array = x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def layer_norm(weights: Mapping[str, Array], name: str, x: Array) -> Array:
    """Layer normalisation with GPT-2's epsilon of 1e-5."""
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    result: Array = centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def gelu(x: Array) -> Array:
    """The tanh approximation that GPT-2 uses (Hendrycks and Gimpel 2016)."""
    result: Array = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return result


TOLERANCE = 1e-4
"""Of the largest expected value: 12 layers of float32 lose about 1e-6, and the smallest known mistake (alpha / sqrt(r)
at r = 2) is off by 0.4."""


def close(found: Array, expected: Array) -> bool:
    """Equal up to float32 rounding."""
    return bool(np.isfinite(found).all() and np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max())
