"""TODO 2: how a layer keeps A and B; finding them wherever they are."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from autograder.inside.calls import Report, Student, attempt, class_name, named
from autograder.inside.parameters import (
    BUFFERS,
    PARAMETERS,
    TENSORS,
    attribute,
    entries,
    is_tensor,
    own_parameters,
    parameters,
    tensors_in,
    vars_of,
)

Found = tuple[str, torch.Tensor, bool]
"""Where a matrix was found, the tensor, and whether it is stored transposed."""


def conv1d(inputs: Any, seed: int, case: Any) -> Any:
    """A Conv1D holding the case's weight and bias."""
    layer = Conv1D(case.n_out, case.n_in)
    weight, bias = inputs.layer_weights(seed, case)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def kind(layer: Any, name: str) -> str:
    """How PyTorch sees the attribute: only a parameter is trained and saved."""
    state = vars_of(layer)
    registered = dict(entries(state.get(PARAMETERS))).get(name)
    if registered is not None:
        return "parameter" if type(registered) is nn.Parameter else class_name(registered)
    if name in dict(entries(state.get(BUFFERS))):
        return "buffer"
    value = attribute(layer, name)
    if issubclass(type(value), nn.Module):
        return "module"
    return "tensor" if is_tensor(value) else "missing"


def todo2(student: Student, inputs: Any, seed: int) -> Report:
    """What ``attach_lora`` leaves on layers of five shapes, each attached to twice, also when it raises half-way."""
    function = named(student, "attach_lora")
    report: Report = {}
    owners: dict[int, Any] = {}
    for case in inputs.layer_cases(seed, "todo2"):
        layer = conv1d(inputs, seed, case)
        hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
        report[case.name] = {
            "error": error,
            "where": where(layer, hook, case) if error is None else {},
            "parameters": parameters(own_parameters(layer)),
            **pretrained(layer),
            **{name: stored(layer, name) | owner(layer, name, case, owners) for name in ("lora_A", "lora_B")},
        }
        twin = conv1d(inputs, seed, case)
        twin_hook, report[case.name]["twin_error"] = attempt(function, twin, case.r, case.alpha, case.n_in, case.n_out)
        report[case.name]["written"] = written(
            find_matrices(layer, hook, case), find_matrices(twin, twin_hook, case), inputs.layer_pass(seed, case, 0)[0]
        )
    return report


def owner(layer: Any, name: str, case: Any, owners: dict[int, Any]) -> Report:
    """The case whose layer was given the same object first. ``owners`` keeps them alive: an identity is taken once."""
    value = attribute(layer, name)
    return {"owner": owners.setdefault(id(value), (case.name, value))[0] if is_tensor(value) else None}


def written(layer: tuple[Found | None, Found | None], twin: tuple[Found | None, Found | None], value: Any) -> Report:
    """A and B of a layer, and of another of its shape, after numbers were written into the first A."""
    if layer[0] is None:
        return {}
    _, error = attempt(fill, layer[0], value)
    found = {"a": layer[0], "b": layer[1], "twin_a": twin[0], "twin_b": twin[1]}
    return {"error": error} | {
        key: canonical(place[1].detach().clone(), place) for key, place in found.items() if place is not None
    }


def pretrained(layer: Any) -> Report:
    """The layer's own weight and bias, or None where they are gone."""
    kept = dict(entries(vars_of(layer).get(PARAMETERS)))
    return {name: kept.get(name) for name in ("weight", "bias")}


def where(layer: nn.Module, hook: Any, case: Any) -> Report:
    """How A and B are kept: name, kind, trainability, orientation; and their values."""
    report: Report = {}
    for key, found in zip(("a", "b"), find_matrices(layer, hook, case), strict=True):
        if found is not None:
            name, tensor, transposed = found
            value = canonical(tensor.detach().clone(), found)
            report[key] = {"name": name, "kind": kind(layer, name), "trainable": tensor.requires_grad,
                           "transposed": transposed, "value": value}  # fmt: skip
    return report


def stored(layer: nn.Module, name: str) -> Report:
    """Kind, dtype, trainability and value of one attribute."""
    value = attribute(layer, name)
    report: Report = {"kind": kind(layer, name)}
    if type(value) in TENSORS:
        report |= {"dtype": str(value.dtype), "trainable": value.requires_grad, "value": value.detach().clone()}
    return report


def find_matrices(layer: nn.Module, hook: Any, case: Any) -> tuple[Found | None, Found | None]:
    """A and B by attribute, else by shape on the layer, else in the hook's closure.

    A wrong name or a consistent transposition is TODO 2's mistake; it must not cost TODO 3 or 4.
    """
    places = list(tensors_of(layer, hook))
    a = pick(places, (case.r, case.n_in))
    b = pick(places, (case.n_out, case.r))
    return a, b


def pick(places: Iterable[tuple[str, torch.Tensor]], shape: tuple[int, int]) -> Found | None:
    """The first tensor of this shape, else the first of the transposed shape."""
    for wanted, transposed in ((shape, False), (shape[::-1], True)):
        for name, tensor in places:
            if tuple(tensor.shape) == wanted:
                return name, tensor, transposed
    return None


def tensors_of(layer: nn.Module, hook: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors that could be A or B, the likeliest first; the layer's own weight and bias are left out."""
    state = vars_of(layer)
    own = {id(value) for value in pretrained(layer).values()}
    for name in ("lora_A", "lora_B"):
        yield from tensors_in(name, attribute(layer, name))
    for name, tensor in (*own_parameters(layer), *entries(state.get(BUFFERS))):
        if id(tensor) not in own and type(tensor) in TENSORS:
            yield name, tensor
    for name, value in [*state.items()]:
        if not name.startswith("_"):
            yield from tensors_in(name, value)
    yield from tensors_in("closure", hook)


def fill(found: Found, value: Any) -> None:
    """Write (the canonical orientation of) a matrix in place and make it trainable."""
    _, tensor, transposed = found
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(value.T if transposed else value))
    tensor.requires_grad_(True)


def canonical(tensor: torch.Tensor | None, found: Found) -> torch.Tensor | None:
    """A value or gradient in the orientation A (r, in), B (out, r)."""
    return tensor.T if tensor is not None and found[2] else tensor
