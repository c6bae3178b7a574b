"""Check of TODO 5: a stand-in for attach_lora notes how it is called, so that TODO 2 to 4 don't matter here."""

import functools
import inspect
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from .hooks import forward_hooks, has_pre_hooks, hooks_left
from .say import call, first_for, refuse, require, short_list
from .small import small_model, snapshot

PLACES_CHECKSUMS = {3764896155, 1039210526}
PLACES = {
    r"c_proj": "c_proj is the projection", r"mlp": "that is the MLP; attention's layer is inside attn",
    r"\.attn$": "that is the whole attention module; its linear layer is inside",
    r"\.h\.\d+$": "that is a whole block; its linear layer is inside attn",
    r"^Conv1D$": "these layers are not in the model that was passed in: was it copied, or is it a global variable?",
    r"": "12 blocks are numbered from 0 to 11; `h.1` is also the beginning of h.10; a `return` inside the loop ends it",
}  # fmt: skip
"""A pattern of all the layers that were chosen -> what to look at."""
NOBODY = object()


@dataclass
class Note:
    """One call of attach_lora, or LoRA that a student made without it."""

    layer: Any
    r: Any
    alpha: Any
    sizes: tuple[Any, Any]
    ran_on: list[Any] = field(default_factory=list)


@contextmanager
def in_place_of(function: Any, stand_in: Any) -> Iterator[None]:
    """A function sees the stand-in under the name attach_lora, and everything is afterwards as it was."""
    code = inspect.unwrap(function.func if isinstance(function, functools.partial) else function)
    names = getattr(code, "__globals__", {})
    original, defaults = names.get("attach_lora", NOBODY), getattr(code, "__defaults__", None)
    if original is not NOBODY and defaults:
        code.__defaults__ = tuple(stand_in if value is original else value for value in defaults)
    names["attach_lora"] = stand_in
    try:
        yield
    finally:
        if defaults is not None:
            code.__defaults__ = defaults
        if original is NOBODY:
            names.pop("attach_lora", None)
        else:
            names["attach_lora"] = original


def signature_of(function: Any) -> inspect.Signature:
    """The student's own names for the five arguments of attach_lora, else the homework's."""
    code = inspect.unwrap(function.func if isinstance(function, functools.partial) else function)
    original = getattr(code, "__globals__", {}).get("attach_lora")
    if inspect.isfunction(original) and len(inspect.signature(original).parameters) >= 5:
        return inspect.signature(original)
    return inspect.signature(lambda layer, r, lora_alpha, in_features, out_features: None)


def bound(signature: inspect.Signature, arguments: Any, keywords: Any) -> list[Any]:
    """The five arguments of a call of attach_lora; TypeError, as the function itself would raise it."""
    try:
        return list(signature.bind(*arguments, **keywords).arguments.values())[:5]
    except TypeError as error:
        raise TypeError(f"attach_lora() {error}") from None


def with_stand_in(function: Callable[..., Any], model: Any, r: int, lora_alpha: int) -> tuple[list[Note], Any]:
    """Run attach_lora_to_gpt2 with a stand-in for attach_lora; its notes, and what was returned."""
    notes: list[Note] = []
    signature = signature_of(function)

    def attach_lora(*arguments: Any, **keywords: Any) -> Any:
        layer, rank, alpha, n, m = bound(signature, arguments, keywords)
        note = Note(layer, rank, alpha, (n, m))
        notes.append(note)
        layer.lora_A = nn.Parameter(torch.zeros(int(rank), int(n)))
        layer.lora_B = nn.Parameter(torch.zeros(int(m), int(rank)))
        return lambda module, input, output: note.ran_on.append(module)

    with in_place_of(function, attach_lora):
        handles = call(5, function, model, r, lora_alpha)
    return notes or own_notes(model), handles


def own_notes(model: Any) -> list[Note]:
    """Notes of A, B and hooks that were made without attach_lora: lora_alpha is read from the output."""
    notes = []
    for layer in model.modules():
        a, b = getattr(layer, "lora_A", None), getattr(layer, "lora_B", None)
        if isinstance(layer, Conv1D) and isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            notes.append(Note(layer, len(a), own_alpha(layer, a, b), (a.shape[-1], len(b)), [layer]))
    return notes


def own_alpha(layer: Any, a: torch.Tensor, b: torch.Tensor) -> float:
    """The alpha with which a student's own hook works."""
    start, x = (a.detach().clone(), b.detach().clone()), torch.ones(1, layer.weight.shape[0])
    with torch.no_grad():
        a.fill_(1)
        b.fill_(1)
        update = call(5, layer, x) - x @ layer.weight - layer.bias
        a.copy_(start[0])
        b.copy_(start[1])
    alpha: float = round(update.mean().item() / len(x[0]), 3)
    return alpha


def check_injected(function: Callable[..., Any]) -> None:
    """Check two calls, each with a model of its own."""
    for r, alpha in ((3, 5), (2, 6)):
        model = small_model()
        before = snapshot(model)
        notes, handles = with_stand_in(function, model, r, alpha)
        after = model.state_dict()
        changed = [n for n, value in before.items() if n not in after or not torch.equal(after[n], value)]
        require(not changed, f"TODO 5: {changed[:1]} was changed or renamed; LoRA only adds to the pretrained weights")
        check_places(model, notes, handles)
        for note in notes:
            check_arguments(note, r, alpha)
        check_registered(model, notes)
        check_handles(model, notes, handles)


def check_places(model: Any, notes: list[Note], handles: Any) -> None:
    """Require that attach_lora was called once for each of the right layers."""
    names = {id(module): name for name, module in model.named_modules()}
    places = [names.get(id(note.layer), type(note.layer).__name__) for note in notes]
    clue = first_for(set(places), PLACES) if places else nothing_clue(model, handles)
    right = {zlib.crc32(place.encode()) for place in places} == PLACES_CHECKSUMS
    require(right, f"TODO 5: attach_lora was called for {short_list(places)}; expected c_attn of the last two blocks. "
            f"{clue}")  # fmt: skip
    require(len(places) == 2, f"TODO 5: attach_lora was called {len(places)} times; expected once per layer")


def nothing_clue(model: Any, returned: Any) -> str:
    """What it can mean that nothing was attached."""
    if isinstance(returned, Iterator):
        return f"A {type(returned).__name__} was returned, which does nothing before it is asked: return a list"
    if hooks_left(model):
        return "Hooks are registered, but not those that attach_lora returns"
    return "Do you call the function that this notebook calls attach_lora? c_attn is a Conv1D, and no nn.Linear"


def check_arguments(note: Note, r: int, alpha: int) -> None:
    """Require that rank, alpha and the layer's sizes reach attach_lora."""
    require((note.r, note.alpha) != (alpha, r), "TODO 5: r and lora_alpha are swapped")
    require((note.r, note.alpha) == (r, alpha), f"TODO 5: attach_lora was called with r={note.r}, lora_alpha="
            f"{note.alpha}; pass on the arguments, here {r} and {alpha}")  # fmt: skip
    require(note.sizes != (72, 24), "TODO 5: in and out are swapped: Conv1D stores its weight as (in, out)")
    require(note.sizes == (24, 72), f"TODO 5: in, out = {note.sizes}; for this model (24, 72): read the weight's shape")


def check_registered(model: Any, notes: list[Note]) -> None:
    """Require one forward hook on each of the two layers and none elsewhere."""
    for name, module in model.named_modules():
        require(not has_pre_hooks(module), f"TODO 5: {name} has a hook that runs before the layer; use "
                "register_forward_hook")  # fmt: skip
        wanted, found = sum(note.layer is module for note in notes), len(forward_hooks(module))
        require(found >= wanted, f"TODO 5: {name} has {found} forward hooks, expected 1: attach_lora only builds the "
                "hook; register it on the layer with register_forward_hook, and don't remove it")  # fmt: skip
        require(found <= wanted, f"TODO 5: {name} has {found} forward hooks, expected {wanted}: register each hook "
                "once, on the layer that it was made for")  # fmt: skip
    for matrix in ("lora_A", "lora_B"):
        own = [kept for note in notes if (kept := getattr(note.layer, matrix, None)) is not None]
        require(len({*map(id, own)}) == len(own), f"TODO 5: the two layers share {matrix}: each needs the "
                "one that attach_lora gives it")  # fmt: skip
    extra = {n for n, _ in model.named_parameters()} - {n for n, _ in small_model().named_parameters()}
    for name, module in model.named_modules():
        theirs = {f"{name}.{matrix}" for matrix in ("lora_A", "lora_B")}
        require(any(note.layer is module for note in notes) or not theirs & extra,
                f"TODO 5: {name} was given A or B, but LoRA belongs to the two layers alone")  # fmt: skip


def check_handles(model: Any, notes: list[Note], returned: Any) -> None:
    """Require that each layer runs its own hook, and two handles that remove them."""
    require(returned is not None, "TODO 5: nothing was returned: return the list of hook handles, which remove LoRA")
    wanted = "TODO 5: expected a list of 2 handles (what register_forward_hook returns), got"
    try:
        handles = list(returned.values() if isinstance(returned, dict) else returned)
    except TypeError:
        refuse(f"{wanted} {type(returned).__name__}")
    fine = len(handles) == 2 and all(callable(getattr(h, "remove", None)) for h in handles)
    earlier = "; are those of an earlier call among them?" if len(handles) > 2 else ""
    require(fine, f"{wanted} {[type(handle).__name__ for handle in handles]}{earlier}")
    with torch.no_grad():
        call(5, model, input_ids=torch.tensor([[5, 6, 7]]))
    own = all(len(note.ran_on) == 1 and note.ran_on[0] is note.layer for note in notes)
    require(own, "TODO 5: a hook ran on another layer than its own: each layer needs the hook made for it, so that it "
            "uses its own A and B")  # fmt: skip
    for handle in handles:
        call(5, handle.remove)
    require(
        not hooks_left(model),
        "TODO 5: after remove() on each handle a hook is still there: return the handles of these hooks",
    )
    with torch.no_grad():
        call(5, model, input_ids=torch.tensor([[5, 6, 7]]))
    silent = all(len(note.ran_on) == 1 for note in notes)
    require(silent, "TODO 5: after remove() on each handle LoRA still runs: was it put into the layer by another way, "
            "such as its forward method? Register the hooks that attach_lora returns")  # fmt: skip
