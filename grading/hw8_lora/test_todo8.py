"""TODO 8: the active classification head of the PEFT model is trained, and nothing else is toggled.

Decided where the homework's text was silent: however the head is found is right if it is found in the model of the
student's own TODO 7, at every size (by name, by position, with ``set_adapter``); parameters that train already may be
set again; and a function that has nothing to do, because the configuration saves the head, may do nothing.
"""

import functools

import numpy as np
import pytest

from autograder.models import Observation

from . import mistakes_freezing as mistakes
from .harm import Harm, Tensor, found_tensors, harm
from .naming import in_words

Rows = dict[str, tuple[tuple[int, ...], bool]]
ACTIVE = ("score.modules_to_save.default.weight", "score.base_layer.weight", "score.weight")
PREFIX = "base_model.model."
LABELS = ("first", "second")


@functools.lru_cache(maxsize=4)
def head(case: Observation) -> str:
    """The name of the head that the forward pass uses after the call."""
    for ending in ACTIVE:
        active = [name for name in rows(case, "after") if name.endswith(ending)]
        if active:
            return active[0]
    raise AssertionError("the classification head disappeared from the model")


@functools.lru_cache(maxsize=16)
def rows(case: Observation, when: str) -> Rows:
    """The parameters under their plain names, before or after the call."""
    return {name.partition(" (")[0]: row for name, row in case[when].parameters().items()}


@functools.lru_cache(maxsize=16)
def flagged(case: Observation, when: str) -> set[str]:
    """Names of the parameters that are trainable before or after the call; the set is nobody's to change."""
    return trainable(rows(case, when))


def trainable(found: Rows) -> set[str]:
    """Names of the trainable parameters."""
    return {name for name, row in found.items() if row[1]}


@functools.lru_cache(maxsize=4)
def cases(observed: Observation) -> list[Observation]:
    """Both calls; StudentError when one of them raised."""
    return [observed[label].completed("`train_head`") for label in LABELS]


@functools.lru_cache(maxsize=4)
def damage(observed: Observation) -> Harm:
    """What the call did to the first model beside setting requires_grad."""
    case = observed["first"]
    if unharmed(case):
        return Harm()
    before, after = (found_tensors(case[when].parameters(), case[f"checksums_{when}"]) for when in ("before", "after"))
    if any("lora_" in name for name in before.keys() - after.keys()):
        return Harm(
            "LoRA is no longer in the model: it was merged, unloaded or replaced; only requires_grad may change", True
        )
    return harm(shortened(before), shortened(after), [short(name) for name in case["left"]["replaced"].names()])


def unharmed(case: Observation) -> bool:
    """Whether names, shapes and values are the same before and after; where not, each is looked at."""
    before, after = (case[when].parameter_rows for when in ("before", "after"))
    if before.keys() != after.keys() or any(row[0] != after[name][0] for name, row in before.items()):
        return False
    first, second = (case[f"checksums_{when}"].array(len(before), 3) for when in ("before", "after"))
    case["left"]["replaced"].names()
    return np.array_equal(first, second)


def short(name: str) -> str:
    """A parameter's name without what PEFT puts before it."""
    return name.removeprefix(PREFIX)


def shortened(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under short names."""
    return {short(name): tensor for name, tensor in tensors.items()}


def words(observed: Observation) -> str:
    """Everything that is wrong, the same for all tests of this TODO; "" for nothing."""
    found = [case_words(case, observed["first"]["left"]) for case in cases(observed)]
    when = "" if len(set(found)) == 1 else " (in one of the two models that were tried)"
    told, done = next(filter(None, found), ""), damage(observed)
    if done.destroyed:
        return done.words
    return "\n".join(filter(None, [told and told + when, done.words])) or aftermath(observed)


def case_words(case: Observation, left: Observation) -> str:
    """What is wrong with the flags after one call."""
    after = rows(case, "after")
    active = head(case)
    thawed = flagged(case, "after") - flagged(case, "before") - {active}
    frozen = flagged(case, "before") - flagged(case, "after")
    told = [head_words(active, case, left), thawed_words(thawed, after), frozen_words(frozen)]
    return "\n".join(filter(None, told))


def head_words(active: str, case: Observation, left: Observation) -> str:
    """The head does not train."""
    before, after = flagged(case, "before"), flagged(case, "after")
    if active in after:
        return ""
    cause = mistakes.evidence(left, case["returned"].text(), nothing=before == after)
    return f"the classification head is still frozen; its parameter is called `{active}`{cause and f': {cause}'}"


def thawed_words(thawed: set[str], after: Rows) -> str:
    """More was unfrozen than the head."""
    if not thawed:
        return ""
    if trainable(after) == set(after):
        return "every parameter of the model was unfrozen; only the head is to be"
    copies = {name for name in thawed if "score.original_module" in name}
    told = ["its frozen copy `score.original_module`"] if copies else []
    others = in_words({short(name) for name in thawed - copies})
    return f"unfrozen beside the head: {' and '.join([*told, *([others] if others else [])])}"


def frozen_words(frozen: set[str]) -> str:
    """What TODO 7 trains was frozen."""
    return f"frozen though TODO 7 made it trainable: {in_words({short(name) for name in frozen})}" if frozen else ""


def aftermath(observed: Observation) -> str:
    """What is wrong although the flags are right."""
    observed.completed("a training step after the call", error="backward_error")
    reached = {name.partition(" (")[0] for name in observed["reached"].names()}
    return (
        ""
        if reached == flagged(observed["first"], "after")
        else "a backward pass does not reach exactly what is trainable"
    )


def head_trains(observed: Observation) -> bool:
    """Whether the active head trains in a model whose LoRA and weights are still there."""
    return not damage(observed).destroyed and all(head(case) in flagged(case, "after") for case in cases(observed))


@pytest.mark.points("todo8", 3)
def test_the_active_head_trains(observed: Observation) -> None:
    assert head_trains(observed), words(observed)


@pytest.mark.points("todo8", 4)
def test_lora_goes_on_training_and_the_model_stays_frozen(observed: Observation) -> None:
    held = all(flagged(case, "before") <= flagged(case, "after") and still_frozen(case) for case in cases(observed))
    assert head_trains(observed), words(observed)
    assert held, words(observed)


def still_frozen(case: Observation) -> bool:
    """Whether most of what was frozen still is."""
    frozen = rows(case, "before").keys() - flagged(case, "before")
    return 2 * len(frozen & flagged(case, "after")) <= len(frozen)


@pytest.mark.points("todo8", 3)
def test_nothing_else_changed_and_gradients_arrive(observed: Observation) -> None:
    wrong = words(observed)
    assert not wrong, wrong
