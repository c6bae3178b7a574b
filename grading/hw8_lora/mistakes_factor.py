"""By what students multiply the update in place of alpha / r: the third part of ``mistakes_hook``."""

import math
from collections.abc import Callable, Iterator
from itertools import product

from .mistakes_hook import Part


def factor(name: str, words: str, value: Callable[[float, float], float]) -> Part:
    """A factor of alpha and r."""
    return Part(name, words, lambda p: value(p.alpha, p.r))


SPOKEN = (
    factor("alpha / r missing", "the scaling alpha / r is missing", lambda alpha, r: 1),
    factor("division by r missing", "the update is r times what it should be: is the division by r missing, or undone?",
           lambda alpha, r: alpha),
    factor("alpha missing", "the scaling lacks lora_alpha: the update is divided by r alone", lambda alpha, r: 1 / r),
    factor("upside down", "the scaling is upside down (r / alpha)", lambda alpha, r: r / alpha),
    factor("sqrt(r)", "the scaling divides by sqrt(r) (rsLoRA); it must be alpha / r",
           lambda alpha, r: alpha / math.sqrt(r)),
    factor("floor", "the scaling alpha / r is rounded down to a whole number: use `/`, neither `//` nor int()",
           lambda alpha, r: alpha // r),
    factor("rounded", "the scaling alpha / r is rounded to a whole number", lambda alpha, r: round(alpha / r)),
    factor("ceiling", "the scaling alpha / r is rounded up to a whole number", lambda alpha, r: math.ceil(alpha / r)),
    factor("int(alpha)", "lora_alpha loses its fraction: the scaling is int(alpha) / r",
           lambda alpha, r: int(alpha) / r),
    factor("at least one", "the scaling is never below 1: it must be alpha / r, whatever that is",
           lambda alpha, r: max(1, alpha / r)),
    factor("squared", "the scaling alpha / r is applied twice", lambda alpha, r: (alpha / r) ** 2),
    factor("doubled", "the update is added twice", lambda alpha, r: 2 * alpha / r),
    factor("tripled", "the update is added three times", lambda alpha, r: 3 * alpha / r),
    factor("halved", "the update is halved", lambda alpha, r: alpha / r / 2),
    factor("minus", "the sign is wrong: the update must be added", lambda alpha, r: -alpha / r),
    factor("minus, unscaled", "the sign is wrong, and the scaling alpha / r is missing", lambda alpha, r: -1),
    factor("alpha - r", "the scaling is alpha - r; it must be alpha / r", lambda alpha, r: alpha - r),
    factor("alpha + r", "the scaling is alpha + r; it must be alpha / r", lambda alpha, r: alpha + r),
    factor("alpha / (r + 1)", "the scaling divides by r + 1; it must be alpha / r", lambda alpha, r: alpha / (r + 1)),
    factor("1 + alpha / r", "the scaling is 1 + alpha / r: the update is also added once unscaled",
           lambda alpha, r: 1 + alpha / r),
)  # fmt: skip
POWERS = (-2, -1, -0.5, 0, 0.5, 1, 2)
LENGTHS = {
    "": lambda p: 1.0,
    "in_features": lambda p: p.a.shape[1],
    "out_features": lambda p: p.b.shape[0],
    "batch size": lambda p: p.x.shape[0],
    "number of tokens": lambda p: p.x.shape[-2],
}


def monomials() -> Iterator[Part]:
    """alpha^p r^q, alone or divided by a length or its root: what ``SPOKEN`` has no words for."""
    roots = ((length, root) for length in LENGTHS for root in (1, 0.5) if length or root == 1)
    for (length, root), p, q in product(roots, POWERS, POWERS):
        divided = f", divided by the {'root of the ' if root < 1 else ''}{length}" if length else ""
        formula = " ".join(power(name, exponent) for name, exponent in (("alpha", p), ("r", q)) if exponent) or "1"
        yield Part(
            f"{formula}{divided}",
            f"the update is multiplied by {formula}{divided}; the scaling must be alpha / r",
            lambda g, p=p, q=q, n=length, k=root: g.alpha**p * g.r**q / LENGTHS[n](g) ** k,  # type: ignore[misc]
        )


def power(name: str, exponent: float) -> str:
    """ "alpha", "r^2" or "r^(-1)"."""
    return name if exponent == 1 else f"{name}^{exponent:g}" if exponent > 0 else f"{name}^({exponent:g})"


FACTOR = factor("right", "", lambda alpha, r: alpha / r)
UNKNOWN = Part("unknown factor", "B A x is there, but multiplied by something else than alpha / r", lambda p: None)
SAME = Part("constant", "the update is multiplied by the same number whatever alpha and r are; it must be alpha / r",
            lambda p: None)  # fmt: skip
TIMES = Part("constant too much", "the update is multiplied by one more number, the same whatever alpha and r are; the "
             "scaling must be alpha / r alone", lambda p: None)  # fmt: skip
STILL = Part("no update, or a stale one", "the output does not change when A and B do: the update is not added, or was "
             "computed once when attaching, where B is zero", lambda p: 0)  # fmt: skip
NOTHING = Part("no update", "the output did not change: modify `output` in place or return the new value", lambda p: 0)
