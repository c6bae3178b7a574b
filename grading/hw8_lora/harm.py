"""What a function did to parameters beside setting ``requires_grad``: nothing is right. Never shipped."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autograder.models import Observation

from . import inputs
from .naming import in_words

ONLY = "only requires_grad may change"
Sums = np.ndarray


@dataclass(frozen=True)
class Harm:
    """What happened, in words, and whether pretrained weights were destroyed by it."""

    words: str = ""
    destroyed: bool = False


class Tensor(NamedTuple):
    """One parameter as it was found; a Record has thousands, and a tuple is made in a third of the time."""

    shape: tuple[int, ...]
    kind: str
    """Of an unusual one its dtype or class, else ""."""
    sums: Sums
    """Sum, sum of squares, sum weighted by position."""

    def resembles(self, other: "Tensor") -> bool:
        """Whether the values agree up to rounding to 16 bits, which takes 2**-8 of each at most."""
        room = 2**-7 * np.sqrt(max(1, np.prod(self.shape)) * abs(other.sums[1])) + 1e-6
        close = np.abs(self.sums - other.sums) <= [room, 2**-6 * abs(other.sums[1]) + 1e-6, room]
        return self.shape == other.shape and bool(close.all())


def found_tensors(rows: Mapping[str, tuple[tuple[int, ...], bool]], sums: Observation) -> dict[str, Tensor]:
    """The parameters that a probe reported, by name."""
    values = sums.array(len(rows), 3)
    tensors = {}
    for (name, (shape, _)), row in zip(rows.items(), values, strict=True):
        plain, _, kind = name.partition(" (")
        tensors[plain] = Tensor(shape, kind.removesuffix(")"), row)
    return tensors


def given_tensors(weights: Mapping[str, inputs.Array]) -> dict[str, Tensor]:
    """The parameters that a model came with."""
    sums = inputs.fingerprints(
        np.concatenate([np.zeros(0), *(value.ravel() for value in weights.values())]),
        tuple(value.size for value in weights.values()),
    )
    return {name: Tensor(value.shape, "", row) for (name, value), row in zip(weights.items(), sums, strict=True)}


def unharmed(before: Mapping[str, Tensor], rows: Mapping[str, tuple[tuple[int, ...], bool]], sums: Observation) -> bool:
    """Whether names, shapes and values are those of ``before``; where not, each parameter is looked at."""
    if rows.keys() != before.keys() or any(row[0] != before[name].shape for name, row in rows.items()):
        return False
    return all(equal_sums(sums.array(len(rows), 3), np.array([before[name].sums for name in rows])))


def harm(before: Mapping[str, Tensor], after: Mapping[str, Tensor], replaced: list[str]) -> Harm:
    """What became of the parameters of ``before``; ``replaced`` are the names of new objects."""
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    both = before.keys() & after.keys()
    kinds = {after[name].kind for name in both if after[name].kind != before[name].kind}
    changed = changed_values(before, after, both)
    ruined = {name for name in changed if not after[name].resembles(before[name])}
    # A conversion rounds everything; then only what else happened to the values is worth a word.
    words = [kind_words(kinds), lost_words(gone, new), value_words(ruined if kinds else changed, after, replaced)]
    told = "; ".join(filter(None, words))
    destroyed = any(name.startswith("transformer.") and "lora_" not in name for name in gone | ruined)
    return Harm(f"{told}; {ONLY}" if told else "", destroyed)


def changed_values(before: Mapping[str, Tensor], after: Mapping[str, Tensor], names: Set[str]) -> set[str]:
    """The names whose shape or values differ."""
    alike = [name for name in sorted(names) if before[name].shape == after[name].shape]
    found, given = (np.array([tensors[name].sums for name in alike]).reshape(-1, 3) for tensors in (after, before))
    return set(names) - {name for name, same in zip(alike, equal_sums(found, given), strict=True) if same}


def equal_sums(found: Sums, given: Sums) -> list[bool]:
    """Which rows agree; a float64 sum of 10,000 float32 values agrees to 1e-10 in any order."""
    if np.array_equal(found, given):
        return [True] * len(found)
    rows: list[bool] = np.isclose(found, given, rtol=1e-9, atol=1e-9).all(1).tolist()
    return rows


def kind_words(kinds: set[str]) -> str:
    """About other dtypes and classes."""
    return f"parameters were converted to {' and '.join(sorted(kinds))}" if kinds else ""


def lost_words(gone: set[str], new: set[str]) -> str:
    """About names that came or went."""
    told = [f"no longer among the parameters: {in_words(gone)}"] if gone else []
    return "; ".join([*told, *([f"new among the parameters: {in_words(new)}"] if new else [])])


def value_words(changed: set[str], after: Mapping[str, Tensor], replaced: list[str]) -> str:
    """About other values."""
    if not changed:
        return ""
    if all(after[name].sums[1] == 0 for name in changed):
        what = "the values are all zero now"
    elif any(np.isnan(after[name].sums).any() for name in changed):
        what = "the values are not numbers any more"
    else:
        what = "the values changed"
    how = ", because the parameter was replaced by a new one" if changed <= set(replaced) else ""
    return f"{what} in {in_words(changed)}{how}"
