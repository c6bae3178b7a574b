"""The checks that a student runs: ``check.todo3(attach_lora)``. None of them changes anything of the student's.

The notebook holds this package in one folded cell, see docs/new-assignment.md. It holds no expected value that a
student could not work out from the text; which tensors are right is kept as checksums.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from .choice import check_attention_only, check_lora_only
from .config import check_config, check_head
from .inject import check_injected
from .layers import check_declared, starts_as_todo4
from .say import refuse
from .start import check_drawn, is_old
from .update import check_hook

Function = Callable[..., Any]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Leave random numbers, and whether gradients are recorded, as they were."""
    state, python_state = torch.get_rng_state(), random.getstate()
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_rng_state(state)
        random.setstate(python_state)


def todo1(train_attention_only: Function) -> None:
    """Check TODO 1: which parameters train."""
    with undisturbed():
        count = check_attention_only(train_attention_only)
    print(f"TODO 1: the right tensors train, {count:,} parameters for GPT-2.")


def todo2(attach_lora: Function) -> None:
    """Check TODO 2: A and B."""
    with undisturbed():
        check_declared(attach_lora)
    print("TODO 2: A and B are parameters of ones with the right names and shapes.")


def todo3(attach_lora: Function) -> None:
    """Check TODO 3: the hook."""
    with undisturbed():
        check_hook(3, attach_lora)
        layer = Conv1D(4, 5)
        attach_lora(layer, 3, 7, 5, 4)
    other = " (It is the hook of TODO 4's cell, whose attach_lora is there now.)" if starts_as_todo4(layer) else ""
    print(f"TODO 3: the hook adds the right update, for every shape and after A and B change.{other}")


def todo4(attach_lora: Function) -> None:
    """Check TODO 4: the start of A and B, and the hook again."""
    with undisturbed():
        check_drawn(attach_lora)
        check_hook(4, attach_lora)
    print("TODO 4: A is random within the right bound, B is zero, and the hook still works.")


def todo5(attach_lora_to_gpt2: Function) -> None:
    """Check TODO 5: where LoRA is injected."""
    with undisturbed():
        check_injected(attach_lora_to_gpt2)
    print("TODO 5: one hook on c_attn of each of the last two blocks, each with its own A and B.")


def todo6(train_lora_only: Function) -> None:
    """Check TODO 6: which parameters train."""
    with undisturbed():
        count = check_lora_only(train_lora_only)
    print(f"TODO 6: the right tensors train, {count:,} parameters for GPT-2.")


def todo7(make_lora_config: Function) -> None:
    """Check TODO 7: the configuration."""
    with undisturbed():
        check_config(make_lora_config)
    print("TODO 7: rank 1, scaling 4, in the right two layers, with their biases.")


def todo8(train_head: Function) -> None:
    """Check TODO 8: the head of the PEFT model."""
    with undisturbed():
        count = check_head(train_head)
    told = "as in TODO 6." if count == 12_288 else "(12,288 once TODO 7 is right)."
    print(f"TODO 8: the active head trains and nothing else changed; {count:,} parameters for GPT-2 {told}")


def good_start(attach_lora: Function) -> None:
    """Stop with a sentence if attach_lora is that of TODO 2 and 3, where a cell needs that of TODO 4."""
    with undisturbed():
        layer = Conv1D(6, 4)
        attach_lora(layer, 2, 4, 4, 6)
    if is_old(layer):
        refuse("attach_lora is that of TODO 2 and 3 now, whose A and B are ones: run the cell of TODO 4 (again), then "
               "this one")  # fmt: skip
