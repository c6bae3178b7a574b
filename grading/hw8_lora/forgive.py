"""Whether TODO 4's hook makes the very mistake that TODO 3's was charged with: it is paid for once."""

import functools

import numpy as np

from autograder.errors import StudentError
from autograder.models import Observation

from . import explain
from .gradients import gradients_right, stuck_at_zero
from .hook import EVERY, WORKING, Hooks, kept_array
from .hook_properties import everywhere, usable
from .mistakes_factor import NOTHING, STILL
from .mistakes_hook import UPDATES

GRADIENTS = ("grad_a", "grad_b", "grad_x")


def known_words(found: Hooks) -> set[str]:
    """Everything that would explain the working passes."""
    try:
        passes = [(hook.given(name), hook.output(name)) for hook in found for name in WORKING]
    except StudentError:
        return set()
    parts = explain.explanations([p for p, _ in passes], [output for _, output in passes])
    words = {part.words for row in parts for part in row if part.words}
    return words | {NOTHING.words, UPDATES[0].words} if STILL.words in words else words


@functools.lru_cache(maxsize=4)
def same_mistake(now: Hooks, before: Hooks) -> bool:
    """Whether two wrong hooks are wrong in the same way: whatever they did in each pass, or the known mistake."""
    if right(now):
        return False
    if all(same_report(one.report, other.report) for one, other in zip(now, before, strict=True)):
        return True
    try:
        return bool(known_words(usable(now)) & known_words(usable(before)))
    except (AssertionError, StudentError):
        return False


def right(found: Hooks) -> bool:
    """Whether every pass is right, gradients included."""
    try:
        outputs = all(hook.right(name) for hook in everywhere(found) for name in EVERY)
        gradients = not any(gradients_right(hook, name) for hook in found for name in WORKING)
        return outputs and gradients and not any(map(stuck_at_zero, found))
    except (AssertionError, StudentError):
        return False


def same_report(now: Observation, before: Observation) -> bool:
    """Whether two hooks did the same in every pass, or failed alike."""
    keys = ("callable", "registered_itself", "found")
    if any((key in now, key in now and now[key].values) != (key in before, key in before and before[key].values)
           for key in keys):  # fmt: skip
        return False
    return all(same_pass(now[name], before[name]) for name in EVERY if name in now and name in before)


def same_pass(now: Observation, before: Observation) -> bool:
    """Whether two passes raised the same, or gave the same output and gradients."""
    if now["error"].values is not None or before["error"].values is not None:
        errors = [report["error"] for report in (now, before)]
        return all(e.values is not None for e in errors) and errors[0]["type"].text() == errors[1]["type"].text()
    same_dtype = now["dtype"].values == before["dtype"].values
    return same_dtype and all(same_array(now, before, key) for key in ("output", *GRADIENTS))


def same_array(now: Observation, before: Observation, key: str) -> bool:
    """Whether both have this array with the same values, or neither has it."""
    found = [kept_array(report, key) for report in (now, before)]
    if found[0] is None or found[1] is None:
        return found[0] is found[1]
    return found[0].shape == found[1].shape and bool(np.allclose(found[0], found[1], rtol=1e-3, atol=1e-3))
