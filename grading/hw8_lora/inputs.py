"""What the probes feed to a student's functions, drawn from a run's seed.

The kernel and the judge both call these functions with the same seed, so no array has to travel to the
kernel and no expected value ever does. Only NumPy is imported: the judge needs nothing heavier.

``RandomState`` is used, not ``default_rng``, because its streams are frozen for good (NumPy NEP 19); a Record
can then be judged again years later with another NumPy.
"""

import functools
import math
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

LAYERS = 12
HEADS = 2
VOCABULARY = 61
POSITIONS = 16
PAD_TOKEN = VOCABULARY - 1
TARGETS = ("transformer.h.10.attn.c_attn", "transformer.h.11.attn.c_attn")


GENERATOR = np.random.RandomState(0)
"""Started anew for every stream: to make another takes longer than most drawing."""


def stream(seed: int, *path: object) -> np.random.RandomState:
    """The generator, at the start of an independent stream for every (seed, path); drawn from until the next is asked.

    What was drawn before does not matter.
    """
    GENERATOR.seed(zlib.crc32(repr((seed, *path)).encode()))
    return GENERATOR


def order(seed: int, todo: str, names: tuple[str, ...]) -> list[str]:
    """The names in the run's order, so that a count of calls tells nothing about the next one."""
    return [names[i] for i in stream(seed, todo, "order").permutation(len(names))]


@dataclass(frozen=True)
class LayerCase:
    """One call of ``attach_lora``: a Conv1D of ``n_in`` -> ``n_out`` and the arguments."""

    name: str
    r: int
    alpha: float
    n_in: int
    n_out: int
    x_shape: tuple[int, ...]
    """Shape of the input, last dimension ``n_in``."""


RANKS = ((1, (3, 4, 5)), (2, (3, 5, 7)), (3, (5, 8)), (4, (5, 9, 13)), (6, (2.5, 3.5)))
"""Rank and choices of alpha. None is r or r**2, so that a missing, inverted or square-rooted scaling shows; halves up,
down and to the nearest differ; the last is no whole number and smaller than r."""
LEADING = {1: 2, 2: 1, 3: 2, 4: 1, 6: 3}
"""Rank -> number of dimensions of x before its last."""


@functools.lru_cache(maxsize=64)
def layer_cases(seed: int, todo: str) -> tuple[LayerCase, ...]:
    """Five cases in random order: n_in != n_out, x with 2 to 4 dimensions, a batch of one, r above n_in or n_out."""
    random = stream(seed, todo, "layers")
    cases = []
    for i in random.permutation(len(RANKS)):
        r, alphas = RANKS[i]
        alpha = alphas[random.randint(len(alphas))]
        sizes = (5, random.choice([7, 8, 9])) if r == 6 else random.choice(np.arange(7, 14), size=2, replace=False)
        n_in, n_out = (int(n) for n in random.permutation(sizes))
        leading = [int(n) for n in random.randint(2, 5, size=LEADING[r])]
        if r == 1:
            leading[0] = 1
        cases.append(LayerCase(f"rank_{r}", r, alpha, n_in, n_out, (*leading, n_in)))
    return tuple(cases)


@functools.lru_cache(maxsize=64)
def layer_weights(seed: int, case: LayerCase) -> tuple[Array, Array]:
    """Weight (n_in, n_out) and bias (n_out,) of the Conv1D; not to be written to."""
    random = stream(seed, "layer", case)
    return normal(random, case.n_in, case.n_out), normal(random, case.n_out)


@functools.lru_cache(maxsize=64)
def layer_pass(seed: int, case: LayerCase, number: int) -> tuple[Array, Array, Array, Array]:
    """For pass ``number``: A (r, n_in), B (n_out, r), x (x_shape) and the output's gradient (..., n_out).

    Not to be written to.
    """
    random = stream(seed, "pass", case, number)
    shape = (*case.x_shape[:-1], case.n_out)
    return (
        coarse(normal(random, case.r, case.n_in)),
        coarse(normal(random, case.n_out, case.r)),
        normal(random, *case.x_shape),
        normal(random, *shape),
    )


def coarse(values: Array) -> Array:
    """Rounded to 64ths: matrices that a student keeps in half precision hold the same numbers."""
    return (np.round(values * np.float32(64)) / np.float32(64)).astype(np.float32)


INIT_CASES = (
    LayerCase("wide", 8, 20, 512, 24, (3, 512)),
    LayerCase("square", 32, 8, 128, 300, (2, 2, 128)),
    LayerCase("tall", 60, 45, 48, 17, (4, 48)),
)
"""TODO 4 is a question of statistics: 4,096, 4,096 and 2,880 draws of A. Inputs, outputs, r and alpha are in such
proportions that a width taken from any of them, or from two, is told apart from every other."""


@functools.lru_cache(maxsize=64)
def widths(seed: int) -> tuple[int, int]:
    """Two different model widths, divisible by the number of heads."""
    first, second = stream(seed, "widths").choice([12, 16, 20, 24, 28], size=2, replace=False)
    return int(first), int(second)


def width_of(seed: int, label: str) -> int:
    """The width of the "first" or the "second" model."""
    return widths(seed)[("first", "second").index(label)]


FREEZING_ORDER = ("second", "real", "first")
"""TODO 1 and 6: the other rank first, then GPT-2's true shape, then rank 1 on a small model."""


def ranks(seed: int) -> dict[str, int]:
    """TODO 6: the rank of LoRA in the small models; the homework's 1 and another one."""
    return {"first": 1, "second": int(stream(seed, "ranks").choice([2, 3, 4]))}


def lora_arguments(seed: int) -> list[tuple[int, int]]:
    """Two (r, lora_alpha) pairs for TODO 5; neither is the (1, 4) that the notebook uses throughout."""
    random = stream(seed, "lora arguments")
    return [(int(random.choice([2, 3])), int(random.choice([5, 7]))), (4, int(random.choice([6, 9])))]


def token_ids(seed: int, todo: str) -> npt.NDArray[np.int64]:
    """Sentences (3, 7) without padding, so that the last token is the pooled one."""
    return stream(seed, todo, "tokens").randint(0, PAD_TOKEN, size=(3, 7)).astype(np.int64)


@functools.lru_cache(maxsize=16)
def update_matrix(seed: int, layer: str, n_in: int, n_out: int) -> Array:
    """The (n_in, n_out) update that TODO 5's stand-in hook adds to one layer; not to be written to."""
    return normal(stream(seed, "update", layer), n_in, n_out) * np.float32(0.3)


def peft_matrices(seed: int, layer: str, width: int, r: int) -> tuple[Array, Array]:
    """A (r, width) and B (3 width, r) that TODO 7 writes into one adapted layer."""
    random = stream(seed, "peft", layer)
    return normal(random, r, width), normal(random, 3 * width, r) * np.float32(0.3)


@functools.lru_cache(maxsize=16)
def gpt2_weights(seed: int, width: int) -> dict[str, Array]:
    """Every parameter, by name, of a 12-layer GPT-2 classifier with ``n_embd=width``; not to be written to.

    Parts of one array: a call of NumPy's for each of the 149 would take longer than the drawing.
    """
    shapes = gpt2_shapes(width)
    norms = ["ln_" in name and name.endswith("weight") for name in shapes]
    lengths = [*map(math.prod, shapes.values())]
    flat = normal(stream(seed, "gpt2", width), sum(lengths))
    flat *= np.repeat(np.where(norms, 0.05, 0.25).astype(np.float32), lengths)
    flat += np.repeat(np.where(norms, 1.0, 0.0).astype(np.float32), lengths)
    ends = np.cumsum(lengths).tolist()
    parts = zip(shapes.items(), lengths, ends, strict=True)
    return {name: flat[end - length : end].reshape(shape) for (name, shape), length, end in parts}


def fingerprints(flat: npt.NDArray[np.float64], lengths: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Of every part of a flat array the sum, the sum of squares and the sum weighted by position, (parts, 3).

    Enough to see any change, an exchange of two values included. The kernel and the judge both compute them.
    """
    starts, position = places(lengths)
    # One array for both products: memory that is new is the dearest part of them.
    product = np.multiply(flat, flat)
    sums = [np.add.reduceat(flat, starts), np.add.reduceat(product, starts)]
    sums.append(np.add.reduceat(np.multiply(flat, position, out=product), starts))
    return np.stack(sums, 1)


@functools.lru_cache(maxsize=16)
def places(lengths: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Where the parts of a flat array start, and how far into its part each value is, from 0 to 1."""
    counts = np.array(lengths, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    position = np.arange(counts.sum()) - np.repeat(starts, counts)
    return starts, position / np.repeat(counts, counts)


@functools.lru_cache(maxsize=16)
def gpt2_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape, in the order of ``named_parameters``; Conv1D weights are (in, out)."""
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (VOCABULARY, width),
        "transformer.wpe.weight": (POSITIONS, width),
    }
    linear = {"attn.c_attn": (1, 3), "attn.c_proj": (1, 1), "mlp.c_fc": (1, 4), "mlp.c_proj": (4, 1)}
    for i in range(LAYERS):
        for part in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"):
            n_in, n_out = linear.get(part, (0, 1))
            weight = (n_in * width, n_out * width) if n_in else (width,)
            shapes[f"transformer.h.{i}.{part}.weight"] = weight
            shapes[f"transformer.h.{i}.{part}.bias"] = (n_out * width,)
    shapes["transformer.ln_f.weight"] = shapes["transformer.ln_f.bias"] = (width,)
    shapes["score.weight"] = (2, width)
    return shapes


def normal(random: np.random.RandomState, *shape: int) -> Array:
    """Standard normal draws as float32."""
    return random.standard_normal(shape).astype(np.float32)
