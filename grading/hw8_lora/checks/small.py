"""Small models with GPT-2's 12 blocks and names, and what a check remembers of one."""

import copy
import functools
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification

from .hooks import hook_counts
from .say import require, short_list

GPT2_SIZES = {24: 768, 72: 2304, 96: 3072, 400: 50257, 32: 1024}
"""A length in the small model -> in GPT-2."""
Tensors = dict[str, torch.Tensor]


@functools.cache
def small_original() -> Any:
    """The random classifier, 24 wide, that the small models are copies of."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=400, n_positions=32, n_embd=24, n_head=2, n_layer=12, num_labels=2, pad_token_id=0,
                        bos_token_id=0, eos_token_id=0, use_cache=False)  # fmt: skip
    model = GPT2ForSequenceClassification(config).eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:  # biases would be zero, so that nobody saw them destroyed
            nn.init.normal_(parameter, mean=parameter.mean().item(), std=0.02)
    torch.set_rng_state(state)
    return model


def small_model() -> Any:
    """A random classifier, the same every time, that may be changed."""
    return copy.deepcopy(small_original())


def size_in_gpt2(parameters: Iterable[torch.Tensor]) -> int:
    """How many values these parameters of a small model have in GPT-2, where only the lengths differ."""
    return sum(math.prod(GPT2_SIZES.get(length, length) for length in p.shape) for p in parameters)


def trainable_size(model: Any) -> int:
    """How many parameters a model like this one trains in GPT-2's size."""
    return size_in_gpt2(p for p in model.parameters() if p.requires_grad)


def trainable_names(model: Any) -> set[str]:
    """The names of the parameters that require a gradient."""
    return {name for name, p in model.named_parameters() if p.requires_grad}


def clue_of_modules(model: Any) -> str:
    """That requires_grad stands on a module, where PyTorch does not look for it, or nothing."""
    found = any("requires_grad" in vars(module) for module in model.modules())
    return "; requires_grad was set on a module, where it is a new attribute: set it on its parameters" if found else ""


def snapshot(model: Any) -> Tensors:
    """A copy of every tensor of the model, by name."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def check_untouched(todo: int, model: Any, before: Tensors, hooks: list[int] | None = None) -> None:
    """Require that names, shapes and values of the model are those of the snapshot, and that its hooks are there."""
    after = model.state_dict()
    require(after.keys() == before.keys() and all(after[n].shape == before[n].shape for n in before),
            f"TODO {todo}: the model's parameters were replaced or renamed; only requires_grad may change")  # fmt: skip
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    require(not changed, f"TODO {todo}: the values of {short_list(changed)} changed, or another tensor stands in its "
            "place; only requires_grad may change")  # fmt: skip
    kept = hooks is None or hooks == hook_counts(model)
    require(kept, f"TODO {todo}: hooks were removed or added, so that LoRA acts no more; only requires_grad may change")
