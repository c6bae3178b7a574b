"""Checks of TODO 1 and 6: which tensors train? The right names are kept as checksums."""

import zlib
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn

from .hooks import hook_counts
from .say import call, first_for, require
from .small import (
    check_untouched,
    clue_of_modules,
    size_in_gpt2,
    small_model,
    snapshot,
    trainable_names,
    trainable_size,
)

ATTENTION_CHECKSUMS = {2919811328, 2130144495, 2698076692, 462444457, 1334039797}
LORA_CHECKSUMS = {2919811328, 410471981, 2172526487, 2698076692, 2098230635, 3826853073, 1334039797}
TOO_MANY = {
    r"\.h\.1\.": "`h.1` is also the beginning of h.10 and h.11: compare the number with its dots",
    r"c_proj": "c_proj is the projection; query, key and value are in c_attn",
    r"ln_f": "ln_f is the last LayerNorm, not the head; the head is called score",
    r"\.h\.\d\.attn\.c_attn": "c_attn of other blocks trains too; 12 blocks are numbered from 0 to 11",
    r"c_attn\.weight": "the large matrices stay frozen here; LoRA stands in for their update",
    r"bias$": "biases of other layers were chosen too; only those beside LoRA train",
    r"wte|wpe": "the embeddings stay frozen",
    r"\.h\.": "parts of the blocks that are not c_attn stay frozen: match more of the name",
    r"\.h\.1[01]\.|ln_f": "whole blocks train, or all that comes last: only c_attn and the head may",
    r"bias$|ln_\w+\.weight$": "all of them are vectors, of biases and LayerNorms: are they never set?",
    r"": "does the condition also hold for names that have nothing to do with it (turned round, `or` for `and`), or "
    "are these never set?",
}
"""A pattern that all wrongly trainable names share -> what to look at."""
TOO_FEW = {
    r"score": "the head is missing; its parameter is named score.weight, so `== 'score'` never holds",
    r"lora_[AB]$": "LoRA's own matrices must train, both of them; names are case-sensitive",
    r"bias$": "only biases are missing; query, key and value have a bias too",
    r"score|bias$": "the head and biases are missing: name them too; does an `else` freeze them again?",
    r"weight$": "only weights are missing",
    r"\.h\.10\.": "block 10 is missing; 12 blocks are numbered from 0 to 11",
    r"\.h\.11\.": "block 11 is missing; `('a' or 'b') in name` looks for 'a' only",
    r"c_attn\.(weight|bias)$": "c_attn of both blocks is missing: an empty slice, a wrong name, or frozen again later?",
    r"": "does a later line freeze again what an earlier one chose, or does the loop end too early (break, return)?",
}


def check_attention_only(function: Callable[..., Any]) -> int:
    """How many parameters train_attention_only leaves trainable, once it is clear that they are the right ones."""
    model = small_model()
    before = snapshot(model)
    call(1, function, model)
    check_untouched(1, model, before)
    check_choice(1, model, ATTENTION_CHECKSUMS)
    return trainable_size(model)


def check_lora_only(function: Callable[..., Any]) -> int:
    """The same for train_lora_only, on models of two ranks; how many are trained for the first."""
    sizes = []
    for r in (1, 2):
        model = with_matrices(small_model(), r)
        before, hooks = snapshot(model), hook_counts(model)
        call(6, function, model)
        check_untouched(6, model, before, hooks)
        check_choice(6, model, LORA_CHECKSUMS, "right for r=1, but not for r=2: does it depend on shapes? " * (r > 1))
        sizes.append(trainable_size(model))
    return sizes[0]


def with_matrices(model: Any, r: int) -> Any:
    """The model with LoRA on the two layers, made here: TODO 6 does not need TODO 2 to 5."""
    for block in list(model.transformer.h)[10:]:
        layer = block.attn.c_attn
        n, m = layer.weight.shape
        layer.lora_A = nn.Parameter(torch.randn(r, n))
        layer.lora_B = nn.Parameter(torch.randn(m, r))
        layer.register_forward_hook(lambda layer, x, output: output + x[0] @ layer.lora_A.T @ layer.lora_B.T)
    return model


def listing(parameters: dict[str, torch.Tensor], names: Collection[str], wrong: str) -> str:
    """A sentence about the tensors that are wrongly frozen or trainable."""
    values = size_in_gpt2(parameters[name] for name in names)
    plural = "s" * (len(names) > 1)
    return f"{len(names)} tensor{plural} ({values:,} values in GPT-2) should be {wrong}, e.g. {min(names)}\n  "


def check_choice(todo: int, model: Any, checksums: set[int], when: str = "") -> None:
    """Compare the trainable tensors of the model with the checksums of the right names; ``when`` begins a message."""
    parameters = dict(model.named_parameters())
    got, right = trainable_names(model), {n for n in parameters if zlib.crc32(n.encode()) in checksums}
    require(got != set(parameters), f"TODO {todo}: nothing was frozen: every parameter still has requires_grad=True. "
            "Is it the model that was passed in? `=` sets, `==` only compares; is it requires_grad, spelled so, and "
            "set on the parameter itself (p.requires_grad), not on a variable, a module or by eval()?")  # fmt: skip
    require(got, f"TODO {todo}: everything is frozen; some tensors must train{clue_of_modules(model)}")
    cases = ((got - right, "frozen, not trainable", TOO_MANY), (right - got, "trainable, not frozen", TOO_FEW))
    found = [listing(parameters, names, wrong) + first_for(names, clues) for names, wrong, clues in cases if names]
    require(not found, f"TODO {todo}: {when}" + "\n".join(found))
