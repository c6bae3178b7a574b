"""TODO 8: the active classification head of the PEFT model is trained, and nothing else is toggled."""

import numpy as np
import pytest

from autograder.models import Observation

Rows = dict[str, tuple[tuple[int, ...], bool]]
ACTIVE = ("score.modules_to_save.default.weight", "score.base_layer.weight", "score.weight")


def heads(rows: Rows) -> tuple[str, list[str]]:
    """(name of the head that the forward pass uses, names of its frozen copies)."""
    for ending in ACTIVE:
        active = [name for name in rows if name.endswith(ending)]
        if active:
            return active[0], [name for name in rows if "score.original_module" in name]
    raise AssertionError("the classification head disappeared from the model")


def trainable(rows: Rows) -> set[str]:
    """Names of the trainable parameters."""
    return {name for name, (_, flag) in rows.items() if flag}


def assert_head_is_trained(observed: Observation) -> None:
    """The active head is trainable and its frozen copy is not."""
    observed.completed("`train_head`")
    rows = observed["after"].parameters()
    active, copies = heads(rows)
    frozen = "the classification head is still frozen: PEFT renames it, look at model.named_parameters()"
    assert active in trainable(rows), frozen
    both = "the frozen backup score.original_module was unfrozen too: select only the active head"
    assert not trainable(rows) & set(copies), both


@pytest.mark.points("todo8", 6)
def test_the_active_head_is_trained_and_its_backup_is_not(observed: Observation) -> None:
    assert_head_is_trained(observed)
    observed.completed("a training step after the call", error="backward_error")
    rows = observed["after"].parameters()
    assert heads(rows)[0] in observed["reached"].names(), "no gradient reaches the classification head"
    assert set(observed["reached"].names()) == trainable(rows), "gradients do not reach what is trainable"


@pytest.mark.points("todo8", 4)
def test_nothing_else_is_changed(observed: Observation) -> None:
    assert_head_is_trained(observed)
    before, after = observed["before"].parameters(), observed["after"].parameters()
    active, _ = heads(after)
    thawed = sorted(trainable(after) - trainable(before) - {active})
    assert not thawed, f"TODO 8 must touch only the head, but it also unfroze {thawed[0]}"
    refrozen = sorted(trainable(before) - trainable(after))
    assert not refrozen, f"TODO 8 froze {refrozen[0]}, which TODO 7 had made trainable"
    shapes = [{name: shape for name, (shape, _) in rows.items()} for rows in (before, after)]
    assert shapes[0] == shapes[1], "the model's parameters were replaced or renamed; only requires_grad may change"
    sums = [observed[f"checksums_{when}"].array(len(before), 2) for when in ("before", "after")]
    assert np.array_equal(sums[0], sums[1]), "the values of parameters changed; only requires_grad may change"
