"""What TODO 1 and TODO 6 have in common: which parameters a function leaves trainable. Never shipped."""

import functools
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from autograder.models import Observation

from . import inputs, reference
from .harm import Harm, Tensor, found_tensors, given_tensors, harm, unharmed
from .mistakes_freezing import Seen, told
from .naming import in_words

HEAD = "score.weight"


@dataclass(frozen=True)
class Exercise:
    """A TODO that asks for a choice of parameters."""

    function: str
    right: frozenset[str]
    weights: Callable[[int, str], Mapping[str, inputs.Array]]
    """(seed, label of the case) -> the values of all parameters before the call."""
    logits: Callable[[int], reference.Array]
    """seed -> what the first model computes, before the call and after it."""


@dataclass(frozen=True)
class Choice:
    """What one call left of one model."""

    names: frozenset[str]
    trained: frozenset[str]
    values: int
    """How many numbers train."""
    harm: Harm

    def is_made(self, right: Set[str]) -> bool:
        """Whether something was chosen: at least half of what must be frozen is, and something trains."""
        frozen = self.names - self.trained - right
        return bool(self.trained) and 2 * len(frozen) >= len(self.names - right)


@dataclass(frozen=True)
class Study:
    """All calls of one submission's function, and what is wrong with them in words ("" for nothing)."""

    exercise: Exercise
    choices: dict[str, Choice]
    words: str

    def credit(self, holds: Callable[[Choice], bool]) -> bool:
        """Whether a property holds where the function did best; never where pretrained weights were destroyed.

        Partial credit is for what was understood; that it must hold for every size and rank is the last test's matter.
        """
        if any(choice.harm.destroyed for choice in self.choices.values()):
            return False
        return any(choice.is_made(self.exercise.right) and holds(choice) for choice in self.choices.values())


@functools.lru_cache(maxsize=4)
def study(observed: Observation, seed: int, exercise: Exercise) -> Study:
    """The calls of the function; StudentError when one of them raised."""
    choices = {label: choice(observed, label, seed, exercise) for label in inputs.FREEZING_ORDER}
    seen = {label: Seen(c.names, c.trained, c.harm.words) for label, c in choices.items()}
    left = observed["first"]["left"]
    words = told(seen, exercise.right, left, observed["first"]["returned"].text())
    return Study(exercise, choices, words or aftermath(observed["first"], seed, exercise))


def choice(observed: Observation, label: str, seed: int, exercise: Exercise) -> Choice:
    """One call; at GPT-2's true size there are no values to compare."""
    case = observed[label].completed(f"`{exercise.function}`")
    rows = {name.partition(" (")[0]: row for name, row in case["parameters"].parameter_rows.items()}
    trained = frozenset(name for name, row in rows.items() if row[1])
    done = Harm() if label == "real" else harm_to(case, given(exercise, seed, label))
    return Choice(frozenset(rows), trained, sum(math.prod(rows[name][0]) for name in trained), done)


@functools.lru_cache(maxsize=16)
def given(exercise: Exercise, seed: int, label: str) -> dict[str, Tensor]:
    """The parameters that a small model came with, the same for a whole class."""
    return given_tensors(exercise.weights(seed, label))


def harm_to(case: Observation, before: Mapping[str, Tensor]) -> Harm:
    """What the call did to a small model beside the choice."""
    rows, sums = case["parameters"].parameter_rows, case["checksums"]
    replaced = case["left"]["replaced"].names()
    return Harm() if unharmed(before, rows, sums) else harm(before, found_tensors(rows, sums), replaced)


def aftermath(case: Observation, seed: int, exercise: Exercise) -> str:
    """What is wrong although the right parameters train: their gradients, or what the model computes."""
    case.completed("a training step after the call", error="backward_error")
    reached = set(case["reached"].names())
    if exercise.right - reached:
        return f"the right parameters train, but no gradient reaches {in_words(exercise.right - reached)}"
    if reached - exercise.right:
        return f"the right parameters train, but a gradient reaches {in_words(reached - exercise.right)} too"
    case.completed("the forward pass after the call", error="forward_error")
    expected = exercise.logits(seed)
    if not reference.close(case["logits"].array(*expected.shape), expected):
        return "the right parameters train, but the model computes something else after the call"
    return ""


def assert_credit(found: Study, holds: Callable[[Choice], bool]) -> None:
    """A property that is worth points by itself; the message is the same for all tests of a TODO."""
    assert found.credit(holds), found.words


def assert_exact(found: Study, total: int) -> None:
    """Everything is as asked for: the names, the count at GPT-2's size, values, gradients and logits."""
    assert not found.words, found.words
    assert all(choice.trained == found.exercise.right for choice in found.choices.values())
    count = found.choices["real"].values
    assert count == total, f"GPT-2 has {count:,} trainable parameters after the call, expected {total:,}"
