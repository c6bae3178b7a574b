"""Check of TODO 2: how A and B stand on the layer, one matrix at a time."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from .say import call, require
from .small import snapshot

SIZES = ((5, 4), (4, 6))
"""(in, out) of the layers, with r = 3."""
OTHER_CELL = (
    "this attach_lora starts as TODO 4 asks, A at random and B zero: it is that of TODO 4's cell. Run the cell of TODO "
    "2 and 3 again before this check, and TODO 4's cell again before you go on"
)


def check_declared(attach: Callable[..., Any]) -> None:
    """Check A and B of attach_lora on layers of two shapes."""
    for n, m in SIZES:
        torch.manual_seed(1)
        layer = Conv1D(m, n)
        nn.init.normal_(layer.bias)
        before = snapshot(layer)
        call(2, attach, layer, 3, 7, n, m)
        require(not starts_as_todo4(layer), f"TODO 2: {OTHER_CELL}")
        check_matrix(layer, "lora_A", (3, n), n, m)
        check_matrix(layer, "lora_B", (m, 3), n, m)
        extra = sorted({name for name, _ in layer.named_parameters()} - set(before) - {"lora_A", "lora_B"})
        require(not extra, f"TODO 2: extra parameters were registered: {extra}. LoRA adds A and B and nothing else")
        same = all(torch.equal(layer.state_dict().get(name, torch.empty(0)), value) for name, value in before.items())
        require(same, "TODO 2: the pretrained weight W0 or the bias was changed; attach_lora only adds to the layer")
        check_own_memory(attach, layer, n, m)


def starts_as_todo4(layer: Any) -> bool:
    """Whether A and B are a right start of TODO 4 and no start of TODO 2."""
    a, b = getattr(layer, "lora_A", None), getattr(layer, "lora_B", None)
    if not (isinstance(a, nn.Parameter) and isinstance(b, nn.Parameter)) or b.any() or a.dim() != 2 or not a.numel():
        return False
    return bool(a.std() > 0 and a.min() < 0 < a.max() and a.abs().max() <= a.shape[1] ** -0.5)


def check_matrix(layer: Any, name: str, shape: tuple[int, int], n: int, m: int) -> None:
    """Require that layer.<name> is a parameter of ones with this shape, for r = 3, n inputs and m outputs."""
    found: Any = getattr(layer, name, None)
    what, owned = f"TODO 2: layer.{name}", dict(layer.named_parameters(recurse=False, remove_duplicate=False))
    require(found is not None, f"{what} does not exist; store the matrix on the layer, under exactly this name, when "
            f"attach_lora runs. Its parameters are now {[name for name, _ in layer.named_parameters()]}")  # fmt: skip
    require(not isinstance(found, nn.Module), f"{what} is a module ({type(found).__name__}); declare the bare matrix "
            "as an nn.Parameter: a module brings a name of its own, its own start and perhaps a bias")  # fmt: skip
    require(owned.get(name) is found, f"{what} is a {type(found).__name__} that the layer does not own: "
            "PyTorch registers (and trains) only an nn.Parameter, set as an attribute of the layer")  # fmt: skip
    got = tuple(found.shape)
    require(got == shape, f"{what} has shape {got}, expected {shape} for r=3, in={n}, out={m}"
            f"{clue_to_shape(got, shape, name, n, m)}")  # fmt: skip
    require(found.requires_grad, f"{what} does not require a gradient, so it would never train")
    require(found.dtype == torch.float32, f"{what} has dtype {found.dtype}, expected torch.float32")
    require(bool((found == 1).all()), f"{what}: every entry must be 1 in TODO 2, but the first is "
            f"{found.flatten()[0].item():.3g} and the mean {found.mean().item():.3g}")  # fmt: skip


def clue_to_shape(got: tuple[int, ...], shape: tuple[int, int], name: str, n: int, m: int) -> str:
    """What a wrong shape means, where it can mean only that."""
    if len(got) != 2:
        return ": write it as (rows, columns)"
    known = {(1, n): "the rank is fixed at 1", (m, 1): "the rank is fixed at 1",
             (3, n) if name == "lora_B" else (m, 3): "that is the shape of the other matrix",
             (n, m): "a full matrix, as large as W0", (m, n): "a full matrix, as large as W0",
             (3, m): "in and out are swapped", (n, 3): "in and out are swapped",
             shape[::-1]: "it is transposed"}  # fmt: skip
    return f": {known[got]}" if got in known else ""


def check_own_memory(attach: Callable[..., Any], layer: Any, n: int, m: int) -> None:
    """Require that every entry of A and B is a number of its own, and that another layer gets its own matrices."""
    with torch.no_grad():
        layer.lora_A.fill_(2)
    require(bool((layer.lora_B == 1).all()), "TODO 2: A and B share their memory; make two matrices")
    expanded = overlaps(layer.lora_A) or overlaps(layer.lora_B)
    require(not expanded, "TODO 2: entries of a matrix are one number in memory (expand?); no optimiser can change one "
            "alone")  # fmt: skip
    twin = Conv1D(m, n)
    call(2, attach, twin, 3, 7, n, m)
    own = all(getattr(layer, name).data_ptr() != getattr(twin, name).data_ptr() for name in ("lora_A", "lora_B"))
    require(own, "TODO 2: two layers share A or B (a cache, a global or a default argument?); each layer needs its own")


def overlaps(tensor: torch.Tensor) -> bool:
    """Whether two entries are one number in memory: expanded, or rows that reach into each other."""
    reach = 1 + sum((length - 1) * step for length, step in zip(tensor.shape, tensor.stride(), strict=True))
    places = torch.arange(reach).as_strided(tensor.shape, tensor.stride())
    return bool(places.unique().numel() < tensor.numel())
