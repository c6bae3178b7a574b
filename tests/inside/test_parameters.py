"""What a value holds is found without asking it."""

import functools
from typing import Any

import pytest
import torch
from torch import nn

from autograder.inside.parameters import tensors_in

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
