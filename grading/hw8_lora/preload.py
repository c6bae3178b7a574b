"""Runs once in the warm parent, before the first submission: models that every probe needs and no secret is in.

Building a 12-layer model costs four times as much as copying one, and that more than writing values into a copy that
is there. Every submission's kernel is a fork that shares these.
"""

import copy
import math
import random
import warnings
from collections import OrderedDict
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification, PretrainedConfig

from autograder.inside.parameters import CHILDREN, PARAMETERS

from . import inputs


def tiny(width: int) -> GPT2ForSequenceClassification:
    """A 12-layer model of this width without dropout; a probe writes its own weights into a copy."""
    config = GPT2Config(
        vocab_size=61, n_positions=16, n_embd=width, n_layer=12, n_head=2, num_labels=2, pad_token_id=60,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, use_cache=False,
    )  # fmt: skip
    return GPT2ForSequenceClassification(config)


def real() -> GPT2ForSequenceClassification:
    """GPT-2's true shape on the meta device: names and sizes, no memory, no download."""
    with torch.device("meta"):
        return GPT2ForSequenceClassification(GPT2Config(num_labels=2, pad_token_id=50256))


CONTAINERS = frozenset({dict, set, OrderedDict})
"""What a module keeps its registries in."""


def replica(module: Any) -> Any:
    """A copy of a module that no hook was registered on, with fresh parameters whose values are not set.

    ``copy.deepcopy`` does the same but slowly.
    """
    copied = object.__new__(type(module))
    state = {k: v.copy() if type(v) in CONTAINERS else v for k, v in vars(module).items()}
    own, children = state[PARAMETERS], state[CHILDREN]
    state[PARAMETERS] = {k: None if p is None else nn.Parameter(torch.empty_like(p)) for k, p in own.items()}
    state[CHILDREN] = {k: replica(m) for k, m in children.items()}
    if isinstance(state.get("config"), PretrainedConfig):
        state["config"] = copy.copy(state["config"])
    vars(copied).update(state)
    return copied


TINY = {width: tiny(width) for width in (12, 16, 20, 24, 28)}
REAL = real()
for width in TINY:
    # Kept there for all forks: where each parameter's values lie in one array.
    inputs.places(tuple(math.prod(shape) for shape in inputs.gpt2_shapes(width).values()))
Fresh = tuple[Any, list[nn.Parameter]]
"""A model and its parameters, in the order of ``named_parameters``."""


def made(model: Any) -> Fresh:
    """A replica."""
    copied = replica(model)
    return copied, [*copied.parameters()]


READY = {id(model): [made(model) for _ in range(5)] for model in TINY.values()} | {id(REAL): [made(REAL), made(REAL)]}
"""By the model that they are copies of: as many as the probes of one submission take when no call raises."""


def fresh(model: Any) -> Fresh:
    """A replica that nobody else gets: one that is ready, or a new one."""
    ready = READY[id(model)]
    return ready.pop() if ready else made(model)


def rehearse() -> None:
    """Train one step, plain and adapted, so that what PyTorch and PEFT set up on first use is shared by every fork.

    Without it each submission pays for the first backward pass of a process. The generators are put back.
    """
    state, python_state = torch.get_rng_state(), random.getstate()
    ids = torch.zeros(2, 3, dtype=torch.long)
    config = LoraConfig(r=1, target_modules=["c_fc"], fan_in_fan_out=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (copy.deepcopy(TINY[12]), get_peft_model(copy.deepcopy(TINY[12]), config)):
            optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
            model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids[:, 0]).loss.backward()
            optimizer.step()
    torch.set_rng_state(state)
    random.setstate(python_state)


rehearse()
