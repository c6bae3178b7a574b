"""Check of TODO 3, and of the same hook in TODO 4: the update itself, and all that must not change it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from .hooks import forward_hooks
from .kept import Kept, matrices
from .layers import overlaps
from .reasons import BAX, HAND, explain_ratio, explain_update
from .say import call, refuse, require
from .small import snapshot

SMALL_A, SMALL_B = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [-1.0]])
SMALL_X = torch.tensor([[[4.0, 5.0], [-1.0, 2.0]]])
A = torch.arange(15.0).reshape(3, 5) * 3 % 7 - 2
B = torch.arange(12.0).reshape(4, 3) * 5 % 7 - 3
X = torch.arange(30.0).reshape(2, 3, 5) * 7 % 11 - 5
Attach = Callable[..., Any]


@dataclass
class Hooked:
    """A layer with random weight and bias, where its A and B are, and the hook that was made for it."""

    todo: int
    layer: Any
    hook: Any
    a: Kept
    b: Kept

    def fill(self, a: torch.Tensor, b: torch.Tensor) -> None:
        """Write other values into A and B."""
        self.a.fill(a)
        self.b.fill(b)

    def plain(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer gives without the hook."""
        layer = self.layer
        with torch.no_grad():
            return torch.addmm(layer.bias, x.reshape(-1, x.shape[-1]), layer.weight).reshape(*x.shape[:-1], -1)

    def output(self, x: torch.Tensor) -> Any:
        """What it gives with the hook."""
        return call(self.todo, self.layer, x)

    def added(self, x: torch.Tensor) -> torch.Tensor:
        """What the hook adds."""
        update: torch.Tensor = self.output(x.clone()).detach() - self.plain(x)
        return update


def attached(todo: int, attach: Attach, r: int, alpha: int, n: int, m: int) -> Hooked:
    """A new layer on which attach_lora was called, the hook registered."""
    torch.manual_seed(2)
    layer: Any = Conv1D(m, n)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    before = snapshot(layer)
    hook = call(todo, attach, layer, r, alpha, n, m)
    after = layer.state_dict()
    same = all(name in after and torch.equal(after[name], value) for name, value in before.items())
    require(same, f"TODO {todo}: attach_lora changed W0 or the bias; what is pretrained must stay as it is")
    require(hook is not None, f"TODO {todo}: attach_lora returned nothing: return the hook function at its end")
    require(callable(hook) and hook is not layer, f"TODO {todo}: attach_lora must return the hook "
            f"function, got {type(hook).__name__}; return the function itself, without calling it")  # fmt: skip
    require(not forward_hooks(layer), f"TODO {todo}: attach_lora registered the hook itself: the caller registers it "
            "too, so LoRA would be applied twice; only return the hook")  # fmt: skip
    a, b = matrices(layer, hook, (r, n), (m, r))
    if a is None or b is None:
        refuse(f"TODO {todo}: no {'A' if a is None else 'B'} was found on the layer: expected layer.lora_A of shape "
               f"{(r, n)} and layer.lora_B of shape {(m, r)} for r={r}; see TODO 2")  # fmt: skip
    separate(a.tensor, b.tensor)
    layer.register_forward_hook(hook)
    return Hooked(todo, layer, hook, a, b)


def separate(a: torch.Tensor, b: torch.Tensor) -> None:
    """Give the two memory of their own, and make leaves of them, as parameters are: that is TODO 2's question alone."""
    shared = a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    for tensor in (a, b):
        if not tensor.is_leaf:
            make_leaf(tensor)
        if shared or overlaps(tensor):
            tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)


def make_leaf(tensor: torch.Tensor) -> None:
    """Have PyTorch keep the gradient of a result of an operation, as it keeps that of a parameter."""
    try:
        tensor.detach_()
    except RuntimeError:  # part of a parameter, or its transpose
        tensor.retain_grad()
    tensor.requires_grad_(True)


def check_hook(todo: int, attach: Attach) -> None:
    """Check the hook that attach_lora makes: values, batch, sequence, changing A and B, modes, gradients."""
    # Both are attached before the first is run: a hook belongs to its own layer.
    small, large = attached(todo, attach, 1, 2, 2, 2), attached(todo, attach, 3, 7, 5, 4)
    large.fill(A, B)
    small.fill(SMALL_A, SMALL_B)
    check_form(large, X)
    check_form(small, SMALL_X)
    check_kept(large)
    again = torch.allclose(large.added(X), large.added(X), atol=1e-4)
    require(again, f"TODO {todo}: two calls with the same x differ: LoRA here has no dropout and no other randomness, "
            "and keeps nothing from one call to the next")  # fmt: skip
    check_modes(large, X)
    check_values(large, small)
    check_gradients(large)
    check_kept(large)
    check_gradient_at_zero(large)
    check_below_one(todo, attach)


def check_kept(large: Hooked) -> None:
    """Require that A and B hold what was written into them."""
    kept = torch.allclose(large.a.value.float(), A) and torch.allclose(large.b.value.float(), B)
    require(kept, f"TODO {large.todo}: the hook changes A or B themselves: only training may")


def check_form(hooked: Hooked, x: torch.Tensor) -> None:
    """Require one tensor of the right shape and dtype, and that neither x nor W0 changed."""
    todo, layer = hooked.todo, hooked.layer
    weight, plain, given = layer.weight.clone(), hooked.plain(x), x.clone()
    h = hooked.output(given)
    require(isinstance(h, torch.Tensor), f"TODO {todo}: with the hook the layer returns a {type(h).__name__}, expected "
            "one tensor: return the new output alone")  # fmt: skip
    require(h.shape == plain.shape, f"TODO {todo}: with the hook the output has shape {tuple(h.shape)}, without it "
            f"{tuple(plain.shape)}: the update must keep every dimension")  # fmt: skip
    require(h.dtype == plain.dtype, f"TODO {todo}: the hook changed the output from {plain.dtype} to {h.dtype}")
    require(torch.equal(x, given), f"TODO {todo}: the hook modified the input x, so the output did not change as "
            "it should; modify `output` in place or return the new value")  # fmt: skip
    require(torch.equal(layer.weight, weight), f"TODO {todo}: the hook changed W0; the pretrained weight must stay "
            "frozen. Add to the output instead")  # fmt: skip


def check_values(large: Hooked, small: Hooked) -> None:
    """Require the right update, for r = 1, r = 3, and an x of two dimensions."""
    todo, right = large.todo, 7 / 3 * BAX
    small_update, update = small.added(SMALL_X), large.added(X)
    small_is_right = torch.allclose(small_update, HAND, atol=1e-3)
    if not torch.allclose(update, right, atol=1e-3):
        explain_ratio(todo, update, right)
        explain_update(large, (A, B, X, right), update, small_is_right)
    alike = torch.allclose(small_update, 7 / 6 * HAND, atol=1e-3)
    clue = "; alpha / r is that of another layer: does it come from a global variable?" if alike else ""
    require(small_is_right, f"TODO {todo}: right for r=3, wrong for the example by hand: "
            f"expected {HAND.tolist()}, found {small_update.tolist()}{clue}")  # fmt: skip
    check_form(large, X[0])
    require(torch.allclose(large.added(X[0]), right[0], atol=1e-3), f"TODO {todo}: right for x {tuple(X.shape)}, wrong "
            f"for x {tuple(X[0].shape)}: x may have any number of dimensions before the last")  # fmt: skip
    large.b.fill(0 * B)
    silent = torch.allclose(large.added(X), 0 * right, atol=1e-3)
    large.b.fill(B)
    require(silent, f"TODO {todo}: with B = 0 the hook still changes the output: does it use the current B?")


def check_below_one(todo: int, attach: Attach) -> None:
    """Require the right update where alpha / r is below 1, as for a rank larger than alpha."""
    hooked = attached(todo, attach, 3, 2, 5, 4)
    hooked.fill(A, B)
    right = torch.allclose(hooked.added(X), 2 / 3 * BAX, atol=1e-3)
    require(right, f"TODO {todo}: right for r=3 and alpha=7, wrong for r=3 and alpha=2: the scaling must be alpha / r "
            "where that is below 1 too; has it a lowest value?")  # fmt: skip


def check_modes(hooked: Hooked, x: torch.Tensor) -> None:
    """Require the same output in evaluation, without gradients and in inference mode."""
    todo, layer, h = hooked.todo, hooked.layer, hooked.output(x.clone()).detach()
    modes = (("after eval()", torch.enable_grad()), ("under torch.no_grad()", torch.no_grad()),
             ("in torch.inference_mode()", torch.inference_mode()))  # fmt: skip
    for name, mode in modes:
        layer.train(name != "after eval()")
        with mode:
            same = torch.allclose(hooked.output(x.clone()), h, atol=1e-4)
        require(same, f"TODO {todo}: {name} the output is another than in training; the formula is the same in every "
                "mode")  # fmt: skip
    layer.train()


def check_gradients(hooked: Hooked) -> None:
    """Require the gradients of A, B and x. The output is linear in each, so that differences are exact."""
    torch.manual_seed(6)
    blocked = f"TODO {hooked.todo}: the output is right, but no gradient reaches %s: compute with the parameter "
    blocked += "itself, without .data, .detach() or no_grad()"
    given = X.clone().requires_grad_(True)
    for kept in (hooked.a, hooked.b):
        kept.tensor.grad = None
    # As in a model, where x comes from another layer: a leaf could not be changed in place.
    h = hooked.output(given.clone())
    require(h.requires_grad, blocked % "A and B")
    weights = torch.randn_like(h)
    call(hooked.todo, h.backward, weights)
    found = {"lora_A": hooked.a.gradient, "lora_B": hooked.b.gradient, "x": given.grad}
    for name, gradient in found.items():
        if gradient is None or not gradient.any():
            refuse(blocked % (name if name == "x" else f"layer.{name}"))
        expected = by_steps(hooked, name, weights, h.detach())
        close = (gradient.float() - expected).abs().max() <= 5e-3 * expected.abs().max()
        require(close, f"TODO {hooked.todo}: the output is right, but the gradient of {name} is not the output's: is a "
                "part of it detached, or computed with .data?")  # fmt: skip


def check_gradient_at_zero(hooked: Hooked) -> None:
    """Require that B can leave zero, where TODO 4 lets it start: its gradient does not depend on B."""
    hooked.fill(A, 0 * B)
    hooked.b.tensor.grad = None
    h = hooked.output(X.clone())
    if h.requires_grad:
        call(hooked.todo, h.sum().backward)
    gradient = hooked.b.gradient
    require(gradient is not None and gradient.any(), f"TODO {hooked.todo}: with B = 0 no gradient reaches "
            "layer.lora_B, so that B would stay zero: is the update left out while B is zero?")  # fmt: skip


def by_steps(hooked: Hooked, name: str, weights: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """The gradient of the weighted output, entry by entry: what a step of 1 changes."""
    shape = {"lora_A": A, "lora_B": B, "x": X}[name].shape
    steps = torch.eye(shape.numel()).reshape(-1, *shape)
    return torch.stack([(weights * (moved(hooked, name, step) - h)).sum() for step in steps]).reshape(shape)


def moved(hooked: Hooked, name: str, step: torch.Tensor) -> torch.Tensor:
    """The output after one of A, B and x took a step."""
    hooked.fill(A + step if name == "lora_A" else A, B + step if name == "lora_B" else B)
    output: torch.Tensor = hooked.output(X + step if name == "x" else X.clone()).detach()
    hooked.fill(A, B)
    return output
