"""Reading a student's torch modules without asking them: the second half of the probes' toolkit.

A module may be given a class, a property or a ``named_parameters`` of its own, by accident or not. What PyTorch keeps
in its own dictionaries is what it trains, saves and computes with, so that is what is reported. Their names are
private parts of torch 2.13 and stand here for the probes of every assignment.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

from .calls import Report, attempt, call, class_name, exact
from .torch_settings import unasked

PARAMETERS, BUFFERS, CHILDREN = "_parameters", "_buffers", "_modules"
FORWARD_HOOKS, FORWARD_PRE_HOOKS = "_forward_hooks", "_forward_pre_hooks"
BACKWARD_HOOKS, BACKWARD_PRE_HOOKS = "_backward_hooks", "_backward_pre_hooks"
"""Where nn.Module keeps what is registered with it."""
Named = list[tuple[str, Any]]
"""(name, parameter) pairs, as own_parameters found them."""
KeptParts = list[tuple[str, Any, dict[str, Any]]]
"""(name, module, what is kept in it) of a model's modules, as kept_in found them."""
TENSORS = (torch.Tensor, nn.Parameter)
"""The classes whose values are believed; a subclass may answer what it likes."""
GRADIENT: Any = torch.Tensor.grad
"""PyTorch's own descriptor."""
MODULE_DICT = vars(nn.Module)["__dict__"]
PARAMETER_DICT = vars(torch.Tensor)["__dict__"]
ONLY_TEXT = frozenset({str})


def parameters(found: Named) -> dict[str, list[Any]]:
    """Names, different shapes, the place of each parameter's shape among these, and the places of the trainable ones.

    Another dtype or class than usual is written into the name. In columns, since each value of a report is looked at
    several times on its way: a model has hundreds of parameters and a dozen shapes.
    """
    tensors = [plain(parameter) for _, parameter in found]
    shapes: dict[tuple[int, ...], int] = {}
    return {
        "names": [f"{name}{unusual(parameter)}" for name, parameter in found],
        "shape": [shapes.setdefault(tensor.shape, len(shapes)) for tensor in tensors],
        "shapes": [[*shape] for shape in shapes],
        "trainable": [place for place, tensor in enumerate(tensors) if tensor.requires_grad],
    }


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor; one of a subclass as an ordinary tensor with the same values and the same ``requires_grad``.

    A subclass may say of its shape, its values or ``requires_grad`` what it likes.
    """
    if type(tensor) in TENSORS:
        return tensor
    with unasked():
        return torch.Tensor.as_subclass(tensor, torch.Tensor)


def gradient(tensor: torch.Tensor) -> torch.Tensor | None:
    """The gradient that autograd left, past any property of that name."""
    with unasked():
        return GRADIENT.__get__(tensor)  # type: ignore[no-any-return]


def own_parameters(model: Any) -> Named:
    """(name, parameter) as ``named_parameters`` gives them, each once, from what PyTorch keeps and not what it is told.

    A module that was given a class or methods of its own is not asked.
    """
    return parameters_in(kept_in(model))


def parameters_in(modules: KeptParts) -> Named:
    """The same of modules that were found before: one walk serves all that is to be known of a model's state."""
    found, seen = [], set()
    for prefix, _, kept in modules:
        for name, value in entries(kept.get(PARAMETERS)):
            if value is not None and id(value) not in seen and is_tensor(value):
                seen.add(id(value))
                found.append((f"{prefix}.{name}" if prefix else name, value))
    return found


def named_modules(model: Any) -> list[tuple[str, Any]]:
    """(name, module) as ``named_modules`` gives them, each once."""
    return [(name, module) for name, module, _ in kept_in(model)]


def kept_in(model: Any) -> KeptParts:
    """The same with what is kept in each module now."""
    found: KeptParts = []
    seen, stack = set(), [("", model)]
    while stack:
        prefix, module = stack.pop()
        if module is not None and id(module) not in seen:
            seen.add(id(module))
            kept = vars_of(module)
            found.append((prefix, module, kept))
            children = entries(kept.get(CHILDREN))
            stack += [(f"{prefix}.{name}" if prefix else name, child) for name, child in reversed(children)]
    return found


def vars_of(value: Any) -> dict[str, Any]:
    """The attributes that are kept in an object, without asking it or its keys; none when that cannot be."""
    kind = type(value)
    slot = MODULE_DICT if issubclass(kind, nn.Module) else PARAMETER_DICT if kind in TENSORS else dict_slot(kind)
    found = slot.__get__(value) if slot is not None else None
    return found if type(found) is dict and ONLY_TEXT.issuperset(map(type, found)) else {}


def dict_slot(kind: type) -> Any:
    """The interpreter's own descriptor for ``__dict__``, past any property of that name; None without one."""
    for base in type.__dict__["__mro__"].__get__(kind):
        slot = type.__dict__["__dict__"].__get__(base).get("__dict__")
        if type(slot) is types.GetSetDescriptorType:
            return slot
    return None


def entries(mapping: Any) -> list[tuple[str, Any]]:
    """(key, value) pairs of a dict, without asking it; nothing of anything else."""
    if (type(mapping) is dict and not mapping) or not issubclass(type(mapping), dict):
        return []
    return [(k if type(k) is str else exact(k), v) for k, v in dict.items(mapping)]


def is_tensor(value: Any) -> bool:
    """Whether this is a tensor, by its class and not by its word."""
    return issubclass(type(value), torch.Tensor)


def unusual(tensor: torch.Tensor) -> str:
    """ " (torch.float64)" or " (FakeParameter)", or nothing for an ordinary float32 parameter."""
    if type(tensor) is not nn.Parameter:
        return f" ({class_name(tensor)})"
    return "" if tensor.dtype is torch.float32 else f" ({tensor.dtype})"


def attribute(value: Any, name: str) -> Any:
    """What stands under a name, or None; only what PyTorch does not keep itself is asked for."""
    if issubclass(type(value), nn.Module):
        state = vars_of(value)
        for kept in (state, *(dict(entries(state.get(kind))) for kind in (PARAMETERS, BUFFERS, CHILDREN))):
            if name in kept:
                return kept[name]
    return call(getattr, value, name, None)[0]


def hooks(modules: KeptParts) -> dict[str, list[int]]:
    """[forward hooks, forward pre-hooks] of every module that has any."""
    return registered(modules, FORWARD_HOOKS, FORWARD_PRE_HOOKS)


def registered(modules: KeptParts, *kinds: str) -> dict[str, list[int]]:
    """How many hooks of these kinds every module has that has any."""
    counts = {name: [len(entries(kept.get(kind))) for kind in kinds] for name, _, kept in modules}
    return {name: count for name, count in counts.items() if any(count)}


def logits(model: Any, ids: torch.Tensor, control: Any = None) -> tuple[Any, Report | None]:
    """(logits (sentences, classes), None), or (None, what was raised). ``control`` makes a fresh model."""
    return attempt(forward, model, ids, control=control and (lambda: forward(control(), ids)))


def forward(model: Any, ids: torch.Tensor) -> Any:
    """The model's logits, computed without gradients."""
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def reached_by_gradients(
    model: Any, found: Named, ids: torch.Tensor, control: Any = None
) -> tuple[list[str] | None, Any, Report | None]:
    """Names of the parameters that receive a gradient from a classification loss, and the logits of this step.

    ``control`` makes a fresh model. Neither is known when the step raises.
    """
    for _, parameter in found:
        GRADIENT.__set__(parameter, None)
    found_logits, error = attempt(
        training_step, model, ids, control=control and (lambda: training_step(control(), ids))
    )
    return (None, None, error) if error else ([n for n, p in found if gradient(p) is not None], found_logits, None)


def training_step(model: Any, ids: torch.Tensor) -> Any:
    """The logits of one forward and backward pass."""
    labels = torch.arange(len(ids)) % 2
    output = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)
    output.loss.backward()
    return output.logits


def tensors_in(name: str, value: Any, depth: int = 3) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors inside a value: itself, a module's, a container's, or a callable's closure and defaults."""
    if type(value) in TENSORS:
        yield name, value
    elif issubclass(type(value), nn.Module):
        yield from ((f"{name}.{n}", p) for n, p in own_parameters(value) if type(p) in TENSORS)
        yield from tensors_in(name, vars_of(value).get(BUFFERS), 1)
    elif depth:
        for key, inner in parts_of(value):
            yield from tensors_in(f"{name}.{key}", inner, depth - 1)


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) pairs one level inside a container, function, partial or bound object."""
    kind = type(value)
    if kind is dict:
        yield from entries(value)
    elif kind in (list, tuple):
        yield from ((str(i), v) for i, v in enumerate(value))
    elif kind is functools.partial:
        yield from (("func", value.func), ("args", value.args), ("keywords", value.keywords))
    elif kind is types.MethodType:
        yield from (("self", value.__self__), ("func", value.__func__))
    elif kind is types.FunctionType:
        yield from zip(value.__code__.co_freevars, cell_contents(value.__closure__ or ()), strict=False)
        yield from (("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__))
        yield from entries(vars(value))
    elif not issubclass(kind, type | types.ModuleType):
        yield from entries(vars_of(value))


def cell_contents(cells: Iterable[Any]) -> Iterator[Any]:
    """What stands in a closure's cells; None where nothing does yet."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:
            yield None
