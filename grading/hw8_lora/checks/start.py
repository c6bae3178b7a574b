"""Check of TODO 4: the start of A and B, for 256 inputs and r = 32, where 1 / sqrt(in) = 0.0625."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from .say import call, require

BOUNDS = (
    (6**0.5, "a is 0, its default, instead of sqrt(5)"),
    (3**0.5, "`nonlinearity` (or another `a`) was changed; give only a"),
    (8**0.5, "r stands in the place of in: in the bound, by mode='fan_out', or as A was filled transposed"),
    (5.333**0.5, "that is Xavier's rule, not Kaiming's"),
    (16.0, "the entries are not scaled by the number of inputs at all"),
    (16 * 5**0.5, "sqrt(5) is the argument a of Kaiming's rule, not the bound itself"),
    (1 / 16, "the bound is 1 / in; take the square root of in"),
    (0, "look at the bound: another a, or something is multiplied into it"),
)
"""How far a uniform A reaches, in units of the right bound -> what happened."""
OLD_CELL = (
    "A and B are all ones, so that this is the attach_lora of TODO 2 and 3: solve TODO 4's own cell, and run it "
    "(again, if you went back to that of TODO 2 and 3)"
)


def check_drawn(attach: Callable[..., Any]) -> None:
    """Check A and B of two layers, and that each has its own."""
    torch.manual_seed(4)
    # Both are made before the first is attached to: nothing but attach_lora draws a number in between.
    layers: list[Any] = [Conv1D(8, 256), Conv1D(8, 256)]
    seed = torch.initial_seed()
    for layer in layers:
        call(4, attach, layer, 32, 7, 256, 8)
        for name, shape in (("lora_A", (32, 256)), ("lora_B", (8, 32))):
            matrix: Any = getattr(layer, name, None)
            require(isinstance(matrix, nn.Parameter), f"TODO 4: layer.{name} must be an nn.Parameter, as in TODO 2")
            require(matrix.shape == shape, f"TODO 4: layer.{name} has shape {tuple(matrix.shape)}, expected {shape}")
            require(matrix.requires_grad, f"TODO 4: layer.{name} does not require grad: it would stay where it starts")
        check_start(layer.lora_A.detach(), layer.lora_B.detach())
    require(torch.initial_seed() == seed, "TODO 4: attach_lora set the global seed: don't set a seed inside it")
    require(not torch.equal(layers[0].lora_A, layers[1].lora_A), "TODO 4: two layers got the same A; each must draw "
            "its own: is A not drawn, is a seed set, or is the state of the random numbers put back?")  # fmt: skip
    owned = all(getattr(layers[0], name) is not getattr(layers[1], name) for name in ("lora_A", "lora_B"))
    require(owned, "TODO 4: two layers share A or B (a cache, a global or a default argument?); each needs its own")


def is_old(layer: Any) -> bool:
    """Whether A and B are the ones of TODO 2."""
    return all(isinstance(getattr(layer, n, None), torch.Tensor) and bool((getattr(layer, n) == 1).all())
               for n in ("lora_A", "lora_B"))  # fmt: skip


def check_start(a: torch.Tensor, b: torch.Tensor) -> None:
    """Require that B is zero and A uniform within +-1/sqrt(in)."""
    require(not ((a == 1).all() and (b == 1).all()), f"TODO 4: {OLD_CELL}. B must be all zeros")
    require(a.isfinite().all() and b.isfinite().all(), "TODO 4: A or B holds numbers that are not finite: torch.empty "
            "leaves what was in memory; fill it after making it")  # fmt: skip
    require(a.any() or b.any(), "TODO 4: A and B are both zero: no gradient can ever reach either of them. Is A filled "
            "in place, or only a copy of it?")  # fmt: skip
    require(a.any(), "TODO 4: A is zero and B is not: it looks as if you swapped them")
    require(not b.any(), f"TODO 4: B must be all zeros, found entries up to {b.abs().max():.3g}: otherwise the model "
            "changes at once")  # fmt: skip
    require(a.any(1).all() and a.any(0).all(), "TODO 4: rows or columns of A are zero; every entry has to be drawn")
    check_law(a)


def check_law(a: torch.Tensor) -> None:
    """Require that the entries of A are uniform within +-1/sqrt(in)."""
    reach, spread, mean = a.abs().max().item(), a.std().item(), a.mean().item()
    require(reach < 100, f"TODO 4: A holds {reach:.3g}: torch.empty leaves what was in memory; fill A after making it")
    require(a.std(0).max() > 1e-6, f"TODO 4: the rows of A are equal (the first entry is {a.flatten()[0]:.3g}; still "
            "the ones of TODO 2?): all r rows would learn the same")  # fmt: skip
    found = f"TODO 4: A reaches {reach:.4f}, expected 0.0625 = 1/sqrt(256); its mean is {mean:+.4f}, its standard "
    found += f"deviation {spread:.4f}: "
    text = next(text for factor, text in BOUNDS if abs(reach - 0.0625 * factor) < 0.015 * reach or not factor)
    right = 0.0619 < reach <= 0.0625001 and abs(spread / 0.0361 - 1) < 0.04 and abs(mean) < 0.002
    one_sided, uniform = abs(mean) > 0.1 * reach, abs(reach / spread - 3**0.5) < 0.1
    beside = one_sided and bool(a.min() < 0 < a.max())
    centre = "not centred at zero; it must reach as far below as above: are both bounds given?"
    require(right or not beside, found + centre)
    require(right or not one_sided or text != BOUNDS[-1][1], found + "one-sided, it needs both signs")
    require(right or uniform or one_sided, found + "not uniform, its entries crowd " + crowd(a))
    require(right, found + text)


def crowd(a: torch.Tensor) -> str:
    """Where the entries of an A that is not uniform crowd; a normal law has a fourth moment of 3."""
    scaled = (a - a.mean()) / a.std()
    if abs((scaled**4).mean().item() - 3) < 0.3:
        return "around zero, as in a normal distribution"
    return "around zero" if scaled.abs().max() > 3**0.5 else "near the bounds"
