"""Library functions that a notebook replaced are put back while a probe runs, and named."""

import pytest
import torch
from torch import nn

from autograder.inside import originals
from autograder.inside.originals import Originals
from tests import builders


@pytest.fixture(scope="module")
def known() -> Originals:
    """The libraries before any test replaces something."""
    declared = builders.assignment().declaration
    return originals.with_builtins(originals.of_libraries(declared.functions_of, declared.classes_of))


def lying(self: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return []


def test_replaced_functions_are_put_back_and_named(known: Originals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "named_parameters", lying)
    assert list(nn.Linear(2, 1).named_parameters()) == []
    (undo,) = known.restore()
    assert undo[2] == "torch.nn.modules.module.Module.named_parameters"
    assert [name for name, _ in nn.Linear(2, 1).named_parameters()] == ["weight", "bias"]
    originals.put(undo[0], undo[1], undo[3])
    assert list(nn.Linear(2, 1).named_parameters()) == []


def test_a_property_that_hides_the_librarys_is_taken_away(known: Originals) -> None:
    torch.Tensor.requires_grad = property(lambda self: True)  # type: ignore[assignment]
    assert torch.zeros(1).requires_grad
    (undo,) = known.restore()
    assert not torch.zeros(1).requires_grad
    assert undo[2] == "torch.Tensor.requires_grad"


def test_code_that_was_rewritten_in_place_is_put_back(known: Originals) -> None:
    nn.Module.named_parameters.__code__ = lying.__code__
    assert [name for _, _, name, _ in known.restore()] == ["torch.nn.modules.module.Module.named_parameters"]
    assert len(list(nn.Linear(2, 1).named_parameters())) == 2


def test_new_attributes_that_hide_nothing_are_left_alone(known: Originals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "count", lambda self: 7, raising=False)
    monkeypatch.setattr(torch, "my_helper", lambda: 7, raising=False)
    known.restore()
    assert nn.Linear(2, 1).count() == 7
