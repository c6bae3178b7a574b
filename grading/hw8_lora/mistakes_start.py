"""How students start A in place of U(-1/sqrt(in), 1/sqrt(in)): a law, and how wide it is for given sizes.

A law is recognised by what all draws of all cases look like. Widths that agree for every size are one entry: a = 0 and
nonlinearity="relu", which ignores a, draw from the same law.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from .mistakes import Mistake, the_only

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """A of one or more layers of one size, all draws in one array (draws, r, n_in)."""

    a: Array
    n_in: int
    n_out: int
    r: int
    alpha: float

    @property
    def right(self) -> float:
        """The bound that A should have."""
        return 1 / math.sqrt(self.n_in)


Width = Mistake[Drawn]


def width(name: str, words: str, value: Callable[[Drawn], float]) -> Width:
    """A law of this kind whose bound, or standard deviation, is this."""
    return Width(name, words, value)


def constant(value: float) -> Callable[[Drawn], float]:
    """The same width for every size."""
    return lambda d: value


def kaiming(a: float) -> Callable[[Drawn], float]:
    """The bound of Kaiming's uniform rule with this a."""
    return lambda d: math.sqrt(6 / (1 + a * a) / d.n_in)


UNIFORM = (
    width("a = 0", "its bound is sqrt(6 / in): `a` is 0 (the default), or is ignored as by nonlinearity='relu'; give "
          "only a = sqrt(5)", lambda d: math.sqrt(6 / d.n_in)),
    width("gain 1", "its bound is sqrt(3 / in): another `a`, or a nonlinearity that ignores it; give only a = sqrt(5)",
          lambda d: math.sqrt(3 / d.n_in)),
    width("tanh gain", "its bound is that of nonlinearity='tanh', which ignores `a`; give only a = sqrt(5)",
          lambda d: 5 / 3 * math.sqrt(3 / d.n_in)),
    width("selu gain", "its bound is that of nonlinearity='selu', which ignores `a`; give only a = sqrt(5)",
          lambda d: 3 / 4 * math.sqrt(3 / d.n_in)),
    *(width(f"a = {a:g}", f"its bound is that of a = {a:g}; it must be a = sqrt(5)",
            kaiming(a)) for a in (5, 2, 3, 0.5, 10)),
    width("a = sqrt(3)", "its bound is that of a = sqrt(3); it must be a = sqrt(5)", lambda d: math.sqrt(1.5 / d.n_in)),
    width("a = sqrt(2)", "its bound is sqrt(2 / in), that of a = sqrt(2); it must be a = sqrt(5)",
          lambda d: math.sqrt(2 / d.n_in)),
    width("fan_out", "its bound is 1 / sqrt(r), not 1 / sqrt(in): r stands in the place of in, A was initialised "
          "transposed, or with mode='fan_out'", lambda d: 1 / math.sqrt(d.r)),
    width("fan_out, a = 0", "its bound is sqrt(6 / r): r counts in the place of in (A transposed, or "
          "mode='fan_out'?), and `a` is 0", lambda d: math.sqrt(6 / d.r)),
    width("xavier", "that is Xavier's rule, which counts outputs too; use Kaiming's with a = sqrt(5)",
          lambda d: math.sqrt(6 / (d.n_in + d.r))),
    width("xavier of the layer", "that is Xavier's rule for the layer's inputs and outputs; use Kaiming's with "
          "a = sqrt(5)", lambda d: math.sqrt(6 / (d.n_in + d.n_out))),
    width("out", "its bound is 1 / sqrt(out_features); it must be 1 / sqrt(in_features)",
          lambda d: 1 / math.sqrt(d.n_out)),
    width("r and in", "its bound is 1 / sqrt(r in); it must be 1 / sqrt(in)", lambda d: 1 / math.sqrt(d.r * d.n_in)),
    width("r + in", "its bound is 1 / sqrt(r + in); it must be 1 / sqrt(in)", lambda d: 1 / math.sqrt(d.r + d.n_in)),
    width("no root", "its bound is 1 / in; take the square root of in", lambda d: 1 / d.n_in),
    width("1 / r", "its bound is 1 / r; it must be 1 / sqrt(in)", lambda d: 1 / d.r),
    width("sqrt(in)", "its bound is sqrt(in); it must be 1 / sqrt(in)", lambda d: math.sqrt(d.n_in)),
    width("sqrt(5) as bound", "its bound is sqrt(5) itself; sqrt(5) is the argument a of Kaiming's rule",
          lambda d: math.sqrt(5)),
    width("sqrt(5) times", "its bound is sqrt(5 / in): sqrt(5) is no factor, nor is `a` 1 / sqrt(5); give "
          "a = sqrt(5) to Kaiming's rule", lambda d: math.sqrt(5 / d.n_in)),
    width("sqrt(5) below", "its bound is 1 / sqrt(5 in); sqrt(5) is the argument a of Kaiming's rule",
          lambda d: math.sqrt(1 / 5 / d.n_in)),
    width("std as bound", "its bound is 1 / sqrt(3 in), which is the standard deviation of the right A",
          lambda d: 1 / math.sqrt(3 * d.n_in)),
    width("halved", "it is half as wide as it should be", lambda d: d.right / 2),
    width("doubled", "it is twice as wide as it should be", lambda d: d.right * 2),
    width("times alpha / r", "it is multiplied by alpha / r: the hook does that", lambda d: d.right * d.alpha / d.r),
    width("times alpha", "it is multiplied by alpha", lambda d: d.right * d.alpha),
    width("divided by alpha", "it is divided by alpha", lambda d: d.right / d.alpha),
    width("divided by r", "it is divided by r", lambda d: d.right / d.r),
    *(width(f"{b:g}", f"its bound is {b:g} whatever in_features is; it must be 1 / sqrt(in)", constant(b))
      for b in (1, 0.5, 0.1, 0.01, 0.02, 0.001, 0.05, 2)),
)  # fmt: skip
ROOT = "the right law is uniform within 1 / sqrt(in)"
NORMAL = (
    width("same variance", f"with the right standard deviation; {ROOT}", lambda d: 1 / math.sqrt(3 * d.n_in)),
    width("kaiming normal", f"with standard deviation sqrt(2 / in); {ROOT}", lambda d: math.sqrt(2 / d.n_in)),
    width("1 / sqrt(in)", f"with standard deviation 1 / sqrt(in); {ROOT}", lambda d: d.right),
    width("1 / r", f"with standard deviation 1 / r, PEFT's 'gaussian'; {ROOT}", lambda d: 1 / d.r),
    width("1 / sqrt(r)", f"with standard deviation 1 / sqrt(r); {ROOT}", lambda d: 1 / math.sqrt(d.r)),
    width("fan_out", f"with standard deviation 1 / sqrt(3 r); {ROOT}", lambda d: 1 / math.sqrt(3 * d.r)),
    width("fan_out, a = 0", f"with standard deviation sqrt(2 / r); {ROOT}", lambda d: math.sqrt(2 / d.r)),
    width("xavier normal", f"by Xavier's rule; {ROOT}", lambda d: math.sqrt(2 / (d.n_in + d.r))),
    width("1 / in", f"with standard deviation 1 / in; {ROOT}", lambda d: 1 / d.n_in),
    width("1 / sqrt(out)", f"with standard deviation 1 / sqrt(out); {ROOT}", lambda d: 1 / math.sqrt(d.n_out)),
    *(width(f"{s:g}", f"with standard deviation {s:g} whatever in_features is; {ROOT}", constant(s))
      for s in (1, 0.5, 0.1, 0.01, 0.02, 0.001, 0.05)),
)  # fmt: skip


def looks(drawn: list[Drawn], scale: Callable[[Drawn], float], normal: bool) -> bool:
    """Whether all draws, divided by their scale, look like U(-1, 1), or like N(0, 1)."""
    return all(same_law((d.a / scale(d)).ravel(), normal) for d in drawn)


def same_law(x: Array, normal: bool) -> bool:
    """Whether draws look like U(-1, 1) or N(0, 1): mean, variance, fourth moment, and how far they reach.

    Seven standard errors; for the uniform law also nothing outside, and something in the outer 30 / n.
    """
    n = x.size
    variance, fourth = (1.0, 3.0) if normal else (1 / 3, 1 / 5)
    spread_2, spread_4 = (2.0, 96.0) if normal else (4 / 45, 16 / 225)
    if not normal and not 1 - 30 / n <= np.abs(x).max() <= 1 + 1e-5:
        return False
    squares = x * x
    moments = (
        abs(x.mean()) <= 7 * math.sqrt(variance / n),
        abs(squares.mean() - variance) <= 7 * math.sqrt(spread_2 / n),
        abs((squares * squares).mean() - fourth) <= 7 * math.sqrt(spread_4 / n),
    )
    return all(moments)


def laws(drawn: list[Drawn]) -> list[str]:
    """The words of every known law that all draws look like."""
    found = [f"A is uniform, but {w.words}" for w in UNIFORM if looks(drawn, w.gives, False)]
    found += [f"A is normally distributed, {w.words}" for w in NORMAL if looks(drawn, w.gives, True)]
    return found or [words for words in (*pieces(drawn), *one_sided(drawn), *shapes(drawn)) if words][:1]


def pieces(drawn: list[Drawn]) -> list[str]:
    """What is wrong with parts of A: entries that are zero or equal, rows that repeat, rows at right angles."""
    every = [a for d in drawn for a in d.a]
    zeros = [float((a == 0).mean()) for a in every]
    words = []
    if all(np.ptp(a) == 0 for a in every):
        words.append("A is constant: all r rows would learn the same" if len(every[0]) > 1 else "A is constant")
    if all(((a == 0) | (a == 1)).all() for a in every):
        words.append("A holds only zeros and ones (the identity?): it has to be drawn at random")
    rows, columns = (all((a == 0).all(axis).any() for a in every) for axis in (1, 0))
    if all(np.ptp(np.abs(a)) == 0 < np.ptp(a) for a in every):
        words.append("the entries of A have all the same size: they have to be spread over the whole range")
    # PyTorch draws an exact zero once in 16 million entries.
    if rows or columns or max(zeros) > 0.005:
        where = "whole rows of A are" if rows else "whole columns of A are" if columns else "part of A is"
        words.append(f"{where} zero ({np.mean(zeros):.0%} of its entries): every entry has to be drawn")
    if all(different(a) == 1 for a in every):
        words.append("the rows of A are copies of each other: all r rows would learn the same")
    elif any(different(np.abs(a)) < len(a) for a in every):
        words.append("some rows of A are copies of others")
    if all(different(a.T) == 1 for a in every):
        words.append("the columns of A are copies of each other: every entry has to be drawn")
    if all(orthogonal(a) for a in every):
        words.append("A is orthogonal: its entries have to be drawn independently")
    return words


def different(a: Array) -> int:
    """How many different rows there are."""
    return len({row.tobytes() for row in a})


def orthogonal(a: Array) -> bool:
    """Whether rows (or columns, if there are more rows) are at right angles and of one length."""
    thin = a if len(a) <= a.shape[1] else a.T
    gram = thin @ thin.T
    scale = gram[0, 0]
    return len(thin) > 1 and scale > 0 and bool(np.abs(gram - scale * np.eye(len(thin))).max() < 1e-4 * scale)


SIDES = {
    "rand()": lambda d: 1.0, "rand() / sqrt(in)": lambda d: d.right, "rand() * 0.01": lambda d: 0.01,
    "rand() / in": lambda d: 1 / d.n_in, "rand() * 0.1": lambda d: 0.1, "rand() * 2 / sqrt(in)": lambda d: 2 * d.right,
    "rand() / sqrt(r)": lambda d: 1 / math.sqrt(d.r), "rand() / r": lambda d: 1 / d.r,
}  # fmt: skip


def one_sided(drawn: list[Drawn]) -> list[str]:
    """A uniform law from zero up, or any that has one sign."""
    for sign, (name, bound) in product((1, -1), SIDES.items()):
        if looks([Drawn(2 * sign * d.a - bound(d), d.n_in, d.n_out, d.r, d.alpha) for d in drawn], bound, False):
            return [f"A is uniform from 0 {'up' if sign > 0 else 'down'}, like {name}: it needs both signs, from "
                    "-1/sqrt(in) to 1/sqrt(in)"]  # fmt: skip
    if all((d.a >= 0).all() or (d.a <= 0).all() for d in drawn):
        return ["all entries of A have one sign: it needs both"]
    centre = [abs(d.a.mean()) / d.a.std() for d in drawn]
    words = "A is not centred at zero: it must reach as far below zero as above (are both bounds given?)"
    return [words] if min(centre) > 0.5 else []


def shapes(drawn: list[Drawn]) -> list[str]:
    """The kind of law alone, by the fourth moment and the reach."""
    scaled = [(d.a - d.a.mean()) / (np.abs(d.a - d.a.mean()).max() or 1) for d in drawn]
    kurtosis = [(x**4).mean() / ((x**2).mean() ** 2 or 1) for x in scaled]
    bound = all(abs(np.abs(d.a).max() / d.right - 1) < 0.01 for d in drawn)
    if all(same_law(x.ravel(), False) for x in scaled):
        reach = [float(np.abs(d.a).max() / d.right) for d in drawn]
        if all(abs(d.a.mean()) > 7 * d.a.std() / math.sqrt(d.a.size) for d in drawn):
            return ["A is uniform, but not centred at zero: something is added to it"]
        steady = np.ptp(reach) < 0.05 * reach[0]
        if all(abs(r - 1) < 0.01 for r in reach):
            return ["A is uniform about as far as 1 / sqrt(in), but not as finely: is it kept in 16 bits?"]
        return [f"A is uniform, but its bound is {reach[0]:.2f} / sqrt(in): another "
                "`a`, or a factor too much" if steady else
                "A is uniform, but its bound does not go with 1 / sqrt(in)"]  # fmt: skip
    if all(abs(k - 3) < 0.4 for k in kurtosis):
        return ["A is normally distributed; it has to be uniform within 1 / sqrt(in)"]
    if bound and all(1.8 < k < 2.9 for k in kurtosis):
        return ["A lies within the right bounds, but crowds around zero like a truncated normal distribution: it has "
                "to be uniform"]  # fmt: skip
    if all(k > 2 for k in kurtosis):
        return ["A crowds around zero: it has to be uniform within 1 / sqrt(in)"]
    return []


def cause(drawn: list[Drawn]) -> str | None:
    """The words for the one known law, or kind of law, that all draws look like."""
    return the_only(laws(drawn))
