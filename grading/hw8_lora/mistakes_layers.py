"""Known mistakes in the shapes and values of A and B (TODO 2), and in where and how LoRA is injected (TODO 5)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .mistakes import Mistake, the_only

Shape = tuple[int, ...]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """One of the two matrices of one layer, as it should be."""

    name: str
    n_in: int
    n_out: int
    r: int
    alpha: float
    first: Shape
    """The shape that the same matrix has on the layer that was attached to first."""

    @property
    def shape(self) -> Shape:
        """A (r, in), B (out, r)."""
        return (self.r, self.n_in) if self.name == "lora_A" else (self.n_out, self.r)

    @property
    def other(self) -> Shape:
        """The other matrix's shape."""
        return (self.n_out, self.r) if self.name == "lora_A" else (self.r, self.n_in)


def shaped(name: str, words: str, gives: Callable[[Matrix], Shape]) -> Mistake[Matrix]:
    """A wrong shape."""
    return Mistake(name, words, gives)


SHAPES = (
    shaped("transposed", "it is transposed", lambda m: m.shape[::-1]),
    shaped("other matrix", "that is the shape of the other matrix", lambda m: m.other),
    shaped("other matrix, transposed", "in_features and out_features are swapped", lambda m: m.other[::-1]),
    shaped("rank 1", "the rank is fixed at 1", lambda m: (1, m.n_in) if m.name == "lora_A" else (m.n_out, 1)),
    shaped("rank 2", "the rank is fixed at 2", lambda m: (2, m.n_in) if m.name == "lora_A" else (m.n_out, 2)),
    shaped("rank 4", "the rank is fixed at 4", lambda m: (4, m.n_in) if m.name == "lora_A" else (m.n_out, 4)),
    shaped("rank 8", "the rank is fixed at 8", lambda m: (8, m.n_in) if m.name == "lora_A" else (m.n_out, 8)),
    shaped("full", "it is a full matrix, as large as W0", lambda m: (m.n_out, m.n_in)),
    shaped("full, transposed", "it is a full matrix, as large as W0", lambda m: (m.n_in, m.n_out)),
    shaped("square in", "it is square", lambda m: (m.n_in, m.n_in)),
    shaped("square out", "it is square", lambda m: (m.n_out, m.n_out)),
    shaped("square r", "it is square", lambda m: (m.r, m.r)),
    shaped("flat", "it has one dimension: write (rows, columns)", lambda m: (m.shape[0] * m.shape[1],)),
    shaped("vector of r", "it has one dimension: write (rows, columns)", lambda m: (m.r,)),
    shaped("vector of in", "it has one dimension: write (rows, columns)", lambda m: (m.n_in,)),
    shaped("vector of out", "it has one dimension: write (rows, columns)", lambda m: (m.n_out,)),
    shaped("one dimension more", "it has one dimension too many", lambda m: (1, *m.shape)),
    shaped("one dimension more behind", "it has one dimension too many", lambda m: (*m.shape, 1)),
    shaped("alpha for r", "lora_alpha stands where r has to", lambda m:
           (int(m.alpha), m.n_in) if m.name == "lora_A" else (m.n_out, int(m.alpha))),
    shaped("first layer's", "later layers get the matrix of the first one (a cache, a global or a default argument?)",
           lambda m: m.first),
)  # fmt: skip


def cause_of_shape(found: list[tuple[Matrix, Shape]]) -> str | None:
    """The words for the one known mistake that gives all of these shapes."""
    known = [m.words for m in SHAPES if all(m.gives(matrix) == shape for matrix, shape in found)]
    return the_only(known)


FILLS = (
    Mistake[Matrix]("zeros", "it is all zeros", lambda m: 0),
    Mistake[Matrix]("twos", "every entry is 2", lambda m: 2),
    Mistake[Matrix]("alpha / r", "alpha / r stands in it: scaling belongs into the hook", lambda m: m.alpha / m.r),
    Mistake[Matrix]("alpha", "lora_alpha stands in it: scaling belongs into the hook", lambda m: m.alpha),
    Mistake[Matrix]("1 / r", "1 / r stands in it: scaling belongs into the hook", lambda m: 1 / m.r),
    Mistake[Matrix]("r", "r stands in it", lambda m: m.r),
    Mistake[Matrix]("sqrt(alpha / r)", "the root of alpha / r stands in it: scaling belongs into the hook",
                    lambda m: (m.alpha / m.r) ** 0.5),
)  # fmt: skip


def cause_of_values(found: list[tuple[Matrix, Array]]) -> str | None:
    """What the entries are instead of ones: a known number, random, part of them, or an identity."""
    for fill in FILLS:
        if all(np.allclose(values, fill.gives(m), rtol=1e-3) for m, values in found):
            return fill.words
    if all(np.isin(values, (0, 1)).all() for _, values in found):
        return "only some entries are 1 and the others are 0"
    if all(np.ptp(values) == 0 for _, values in found):
        return "every entry is the same, but it is not 1"
    if all(len(np.unique(values)) > min(values.size, 8) // 2 for _, values in found):
        return "it is random: that comes in TODO 4"
    return None


@dataclass(frozen=True)
class Injected:
    """One call of attach_lora: what was asked for (r, alpha, width) and what the layer holds (n_in, n_out)."""

    r: float
    alpha: float
    n_in: int
    n_out: int


Pair = tuple[float, float]


def arguments(name: str, words: str, gives: Callable[[Injected], Pair]) -> Mistake[Injected]:
    """Two arguments that are wrong."""
    return Mistake(name, words, gives)


SCALES = (
    arguments("swapped", "r and lora_alpha are swapped", lambda i: (i.alpha, i.r)),
    arguments("fixed", "r = 1 and lora_alpha = 4 are written down; pass on the arguments", lambda i: (1, 4)),
    arguments("r fixed", "r = 1 is written down; pass on the argument", lambda i: (1, i.alpha)),
    arguments("alpha fixed", "lora_alpha = 4 is written down; pass on the argument", lambda i: (i.r, 4)),
    arguments("alpha / r", "lora_alpha is divided by r already; attach_lora divides", lambda i: (i.r, i.alpha / i.r)),
    arguments("alpha // r", "lora_alpha is divided by r already; attach_lora divides", lambda i: (i.r, i.alpha // i.r)),
    arguments("alpha r", "lora_alpha is multiplied by r; pass it on as it is", lambda i: (i.r, i.alpha * i.r)),
    arguments("r twice", "r is passed for lora_alpha too", lambda i: (i.r, i.r)),
    arguments("alpha twice", "lora_alpha is passed for r too", lambda i: (i.alpha, i.alpha)),
    arguments("alpha is 1", "lora_alpha = 1 is written down; pass on the argument", lambda i: (i.r, 1)),
    arguments("double alpha", "lora_alpha is doubled; pass it on as it is", lambda i: (i.r, 2 * i.alpha)),
    arguments("double r", "r is doubled; pass it on as it is", lambda i: (2 * i.r, i.alpha)),
    arguments("alpha of 2 r", "lora_alpha is 2 r; pass on the argument", lambda i: (i.r, 2 * i.r)),
)  # fmt: skip
SIZES = (
    arguments("swapped", "in_features and out_features are swapped: Conv1D stores its weight as (in, out)",
              lambda i: (i.n_out, i.n_in)),
    arguments("in twice", "in_features is passed for out_features too: read both from the weight's shape",
              lambda i: (i.n_in, i.n_in)),
    arguments("out twice", "out_features is passed for in_features too: read both from the weight's shape",
              lambda i: (i.n_out, i.n_out)),
    arguments("a third", "out_features is a third of what it should be: c_attn makes queries, keys and values",
              lambda i: (i.n_in, i.n_out // 3)),
    arguments("of GPT-2", "768 and 2304 are written down: read the sizes from the layer's weight",
              lambda i: (768, 2304)),
    arguments("of GPT-2, swapped", "2304 and 768 are written down: read the sizes from the layer's weight",
              lambda i: (2304, 768)),
    arguments("768", "768 is written down: read the sizes from the layer's weight", lambda i: (768, 768)),
)  # fmt: skip


def cause_of_arguments(known: tuple[Mistake[Injected], ...], found: list[tuple[Injected, Pair]]) -> str | None:
    """The words for the one known mistake that gives all of these pairs."""
    return the_only(m.words for m in known if all(m.gives(call) == pair for call, pair in found))


BLOCKS = {
    (0, 1): "the first two blocks, not the last two", (9, 10): "blocks are counted from 0: the last two are 10 and 11",
    (11,): "block 10 is missing", (10,): "block 11 is missing", tuple(range(12)): "all twelve blocks",
    (1, 10, 11): "block 1 too: `h.1` is also the beginning of h.10 and h.11", (0, 10, 11): "block 0 too",
    (9, 10, 11): "one block too many", (8, 9, 10, 11): "the last four blocks, not the last two",
    tuple(range(2, 12)): "all but the first two", tuple(range(10)): "all but the last two",
    (8, 9): "the two blocks before the last two", (1, 2): "blocks 1 and 2, not the last two",
}  # fmt: skip
"""Numbers of blocks -> what is said of them; others are listed."""
PARTS = {
    "attn.c_attn": "", "attn.c_proj": "c_proj, attention's projection", "mlp.c_fc": "c_fc, which is the MLP's",
    "mlp.c_proj": "the MLP's c_proj", "attn": "the whole attention module; its linear layer is inside",
    "": "whole blocks; their linear layers are inside", "mlp": "the whole MLP", "ln_1": "a layer norm",
    "ln_2": "a layer norm",
}  # fmt: skip


def cause_of_places(names: list[str]) -> str:
    """What is said of wrong modules: which blocks, which of their parts; nothing where no block is in."""
    inside = [name.removeprefix("transformer.h.").partition(".") for name in names if name.startswith("transformer.h.")]
    blocks = tuple(sorted({int(number) for number, _, _ in inside if number.isdecimal()}))
    parts = sorted({part for _, _, part in inside})
    words = [PARTS[part] for part in parts if PARTS.get(part)]
    if blocks not in ((10, 11), ()):
        words.append(BLOCKS.get(blocks, f"blocks {', '.join(map(str, blocks))}"))
    if len(inside) < len(names):
        words.append("modules outside the blocks")
    return "; ".join(words)
