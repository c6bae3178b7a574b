"""What a value holds is found without asking it."""

import functools
from typing import Any

import pytest
import torch
from torch import nn

from autograder.inside.parameters import gradient, own_parameters, parameters, plain, tensors_in

TENSOR = torch.ones(2)


def closure() -> Any:
    kept = TENSOR
    return lambda: kept


class Keeper:
    def __init__(self) -> None:
        self.kept = TENSOR

    def hook(self) -> None: ...


def with_default(kept: torch.Tensor = TENSOR) -> torch.Tensor:
    return kept


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (TENSOR, "x"),
        ([TENSOR], "x.0"),
        ({"a": {"b": TENSOR}}, "x.a.b"),
        (closure(), "x.kept"),
        (with_default, "x.defaults.0"),
        (functools.partial(print, TENSOR), "x.args.0"),
        (Keeper(), "x.kept"),
        (Keeper().hook, "x.self.kept"),
    ],
)
def test_a_tensor_is_found_where_it_is_kept(value: Any, name: str) -> None:
    assert [(found, tensor is TENSOR) for found, tensor in tensors_in("x", value)] == [(name, True)]


def test_a_modules_parameters_and_buffers_are_found() -> None:
    module = nn.BatchNorm1d(1)
    assert [name for name, _ in tensors_in("x", module)][:3] == ["x.weight", "x.bias", "x.running_mean"]


def test_what_lies_deeper_or_is_a_class_is_not_looked_into() -> None:
    assert [*tensors_in("x", [[[[TENSOR]]]])] == []
    assert [*tensors_in("x", Keeper)] == []


class Liar(nn.Parameter):
    """Says that it trains, has a gradient and is full of ones, one way or another."""

    requires_grad = property(lambda self: True, lambda self, value: None)
    grad = property(lambda self: TENSOR, lambda self, value: None)
    shape = property(lambda self: TENSOR.shape)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return TENSOR


def test_a_parameter_of_a_subclass_is_not_asked_for_its_shape_its_values_or_its_flag() -> None:
    liar = Liar(torch.zeros(3), requires_grad=False)
    module = nn.Module()
    module._parameters["weight"] = liar
    assert parameters(own_parameters(module)) == {
        "names": ["weight (Liar)"],
        "shape": [0],
        "shapes": [[3]],
        "trainable": [],
    }
    assert plain(liar).tolist() == [0, 0, 0]
    assert gradient(liar) is None


def test_a_parameter_of_a_subclass_that_trains_is_seen_to_train() -> None:
    class Marked(nn.Parameter):
        pass

    marked = Marked(torch.ones(2))
    (2 * plain(marked)).sum().backward()
    assert plain(marked).requires_grad
    found = gradient(marked)
    assert found is not None
    assert found.tolist() == [2, 2]
