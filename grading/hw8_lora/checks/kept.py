"""Where attach_lora kept A and B: under their names, else anywhere on the layer or in the hook."""

import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Shape = tuple[int, int]


@dataclass(frozen=True)
class Kept:
    """A matrix as it was found."""

    name: str
    tensor: torch.Tensor
    transposed: bool

    @property
    def value(self) -> torch.Tensor:
        """Its entries, A as (r, in) and B as (out, r)."""
        entries = self.tensor.detach().clone()
        return entries.T if self.transposed else entries

    @property
    def gradient(self) -> torch.Tensor | None:
        """Its gradient in the same orientation."""
        found = self.tensor.grad
        return found.T if found is not None and self.transposed else found

    def fill(self, value: torch.Tensor) -> None:
        """Write a matrix in place, as an optimiser does."""
        with torch.no_grad():
            self.tensor.copy_(value.T if self.transposed else value)
        self.tensor.requires_grad_(True)


def matrices(layer: Any, hook: Any, shape_a: Shape, shape_b: Shape) -> tuple[Kept | None, Kept | None]:
    """A and B, or None where there is none of that shape."""
    places = list(tensors_of(layer, hook))
    return pick(places, "lora_A", shape_a), pick(places, "lora_B", shape_b)


def pick(places: Iterable[tuple[str, torch.Tensor]], name: str, shape: Shape) -> Kept | None:
    """The tensor of this name if its shape is right or transposed, else the first of this shape."""
    named = [place for place in places if place[0].partition(".")[0] == name]
    for candidates in (named, places):
        for wanted, transposed in ((shape, False), (shape[::-1], True)):
            for found, tensor in candidates:
                if tuple(tensor.shape) == wanted:
                    return Kept(found, tensor, transposed)
    return None


def tensors_of(layer: Any, hook: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors that could be A or B, the likeliest first; the layer's own weight and bias are left out."""
    registered = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    own = {id(tensor) for name, tensor in registered if name in ("weight", "bias")}
    for name in ("lora_A", "lora_B"):
        yield from tensors_in(name, getattr(layer, name, None))
    yield from (place for place in registered if id(place[1]) not in own)
    yield from (place for place in layer.named_parameters() if "." in place[0])
    for name, value in list(vars(layer).items()):
        if not name.startswith("_"):
            yield from tensors_in(name, value)
    yield from tensors_in("closure", hook)


def tensors_in(name: str, value: Any, depth: int = 3) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors inside a value: itself, a module's, a container's, or a callable's closure and defaults."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        yield from ((f"{name}.{n}", p) for n, p in value.named_parameters())
    elif depth:
        for key, inner in parts_of(value):
            yield from tensors_in(f"{name}.{key}", inner, depth - 1)


def parts_of(value: Any) -> list[tuple[str, Any]]:
    """(name, value) pairs one level inside a container, a function or an object."""
    if isinstance(value, dict):
        return [(str(key), inner) for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return [(str(number), inner) for number, inner in enumerate(value)]
    if isinstance(value, functools.partial):
        return [("func", value.func), ("args", value.args), ("keywords", value.keywords)]
    if isinstance(value, types.MethodType):
        return [("self", value.__self__), ("func", value.__func__)]
    if isinstance(value, types.FunctionType):
        closure = zip(value.__code__.co_freevars, map(content, value.__closure__ or ()), strict=False)
        return [*closure, ("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__), *vars(value).items()]
    return [] if isinstance(value, type | types.ModuleType) else list(getattr(value, "__dict__", {}).items())


def content(cell: types.CellType) -> Any:
    """What stands in a closure's cell; None where nothing does yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
