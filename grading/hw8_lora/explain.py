"""Which known mistakes explain what hooks computed: output = BASE + FACTOR * UPDATE, as few wrong parts as possible."""

from collections.abc import Iterator

import numpy as np

from .mistakes import the_only
from .mistakes_factor import FACTOR, NOTHING, SAME, SPOKEN, STILL, TIMES, UNKNOWN, monomials
from .mistakes_hook import BASE, BASES, UPDATE, UPDATES, Array, Part, Pass

KNOWN: dict[bytes, list[tuple[Part, Part, Part]]] = {}
"""What was found for the latest outputs: several hidden tests ask the same of one Record."""


def explanations(passes: list[Pass], outputs: list[Array]) -> list[tuple[Part, Part, Part]]:
    """(base, update, factor) that give all of these outputs, with as few mistakes as possible."""
    key = b"".join(array.tobytes() for p, output in zip(passes, outputs, strict=True) for array in (p.x, output))
    if key not in KNOWN:
        found = searched(passes, outputs)
        KNOWN.clear()
        KNOWN[key] = found
    return KNOWN[key]


def searched(passes: list[Pass], outputs: list[Array]) -> list[tuple[Part, Part, Part]]:
    """(base, update, factor) that give all of these outputs, with as few mistakes as possible."""
    if all(close(found, p.plain) for p, found in zip(passes, outputs, strict=True)):
        started = any((p.start_b @ p.start_a).any() for p in passes)
        return [(BASE, UPDATE, NOTHING if started else STILL)]
    found = [parts for parts in single(passes, outputs) if parts]
    found = found or [parts for base in BASES for update in UPDATES for parts in fitted(passes, outputs, base, update)]
    fewest = min(map(mistaken, found), default=0)
    return [parts for parts in found if mistaken(parts) == fewest]


def single(passes: list[Pass], outputs: list[Array]) -> Iterator[tuple[Part, Part, Part]]:
    """Explanations in which the base or the update is right."""
    for base in (BASE, *BASES):
        yield from fitted(passes, outputs, base, UPDATE)
    for update in UPDATES:
        yield from fitted(passes, outputs, BASE, update)


def mistaken(parts: tuple[Part, Part, Part]) -> int:
    """How many of the parts are wrong; an unknown factor is worse than a known one."""
    return sum(bool(part.words) for part in parts) + (parts[2] in (UNKNOWN, SAME, TIMES))


def fitted(passes: list[Pass], outputs: list[Array], base: Part, update: Part) -> Iterator[tuple[Part, Part, Part]]:
    """The base, the update, and each factor that makes them the outputs."""
    seen: list[tuple[Pass, float]] = []
    flat = True
    for p, output in zip(passes, outputs, strict=True):
        rest, direction = output - base.gives(p), update.gives(p)
        scale = float((direction**2).sum())
        value = float((rest * direction).sum()) / scale if scale else 0.0
        value = value if np.abs(value * direction).max() > 1e-5 * np.abs(output).max() else 0.0
        if np.abs(rest - value * direction).max() > 2e-4 * np.abs(output).max():
            return
        # A ReLU may leave nothing of an update: then any factor will do.
        seen += [(p, value)] if scale else []
        flat = flat and np.ptp(direction) == 0
    if seen and sum(value != 0 for _, value in seen) >= len(seen) / 2:
        parts = named_factors(*map(list, zip(*seen, strict=True)))
        # Any single number is some other number times a factor: that tells nothing of where it came from.
        yield from ((base, update, part) for part in parts if not (flat and part is UNKNOWN))


def named_factors(passes: list[Pass], factors: list[float]) -> list[Part]:
    """The known factors that these are; alpha / r alone if it is among them."""
    known = [part for part in (FACTOR, *SPOKEN) if matches(part, passes, factors)]
    known = known[:1] if known[:1] == [FACTOR] else known
    return known or [part for part in monomials() if matches(part, passes, factors)] or [unnamed(passes, factors)]


def unnamed(passes: list[Pass], factors: list[float]) -> Part:
    """What can be said of factors that no formula gives."""
    times = [value * p.r / p.alpha for p, value in zip(passes, factors, strict=True)]
    constant = [np.ptp(values) <= 1e-3 * abs(values[0]) for values in (factors, times)]
    return SAME if constant[0] else TIMES if constant[1] else UNKNOWN


def matches(part: Part, passes: list[Pass], factors: list[float]) -> bool:
    """Whether a known factor is this in every pass."""
    return all(abs(part.gives(p) - value) <= 1e-3 * abs(value) for p, value in zip(passes, factors, strict=True))


def close(found: Array, expected: Array) -> bool:
    """Equal up to float32 rounding."""
    return bool(np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max())


def cause(passes: list[Pass], outputs: list[Array]) -> str | None:
    """The words for the one known mistake, or two, that explain all of these outputs."""
    return the_only(
        "; and ".join(part.words for part in parts if part.words) for parts in explanations(passes, outputs)
    )
