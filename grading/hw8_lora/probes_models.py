"""What several probes need: GPT-2 in the run's weights, and what a call left of a model beside its flags."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import PretrainedConfig

from autograder.inside.calls import Report
from autograder.inside.parameters import (
    CHILDREN,
    PARAMETERS,
    Named,
    gradient,
    named_modules,
    plain,
    vars_of,
)

from . import preload


def tiny_gpt2(inputs: Any, seed: int, width: int) -> Any:
    """A fresh 12-layer model without dropout, all of it trainable, holding the run's weights."""
    weights = inputs.gpt2_weights(seed, width)
    return replica(preload.TINY[width], lambda name, _: torch.from_numpy(weights[name].copy()))


def real_gpt2() -> Any:
    """GPT-2's true shape on the meta device."""
    return replica(preload.REAL, lambda _, parameter: parameter.detach())


def replica(module: Any, value: Callable[[str, torch.Tensor], torch.Tensor], prefix: str = "") -> Any:
    """A copy of a module that no hook was registered on, with fresh parameters of these values.

    ``copy.deepcopy`` does the same but slowly, and every submission would pay for it with every model.
    """
    copied = object.__new__(type(module))
    state = {k: v.copy() if isinstance(v, dict | set) else v for k, v in vars(module).items()}
    state[PARAMETERS] = {
        k: None if p is None else nn.Parameter(value(prefix + k, p)) for k, p in vars(module)[PARAMETERS].items()
    }
    state[CHILDREN] = {k: replica(m, value, f"{prefix}{k}.") for k, m in vars(module)[CHILDREN].items()}
    if isinstance(state.get("config"), PretrainedConfig):
        state["config"] = copy.copy(state["config"])
    vars(copied).update(state)
    return copied


def fingerprints(inputs: Any, found: Named) -> torch.Tensor:
    """``inputs.fingerprints`` of every parameter, (parameters, 3); a tensor without values counts as not-a-number."""
    nothing = torch.full((1,), torch.nan)
    own = [plain(parameter).detach() for _, parameter in found]
    values = [nothing if p.is_meta or not p.numel() else p.double().flatten() for p in own]
    return torch.from_numpy(inputs.fingerprints(values))


def left(model: Any, original: Named, found: Named) -> Report:
    """What a function left beside ``requires_grad``: attributes of its own, new tensors, gradients, the mode.

    Nothing of it is right or wrong by itself; it tells what a wrong choice comes from. PyTorch takes any attribute of
    a parameter or a module, a misspelt one as well.
    """
    kept = {id(parameter) for _, parameter in original}
    owned = [(n, key) for n, p in found for key in vars_of(p)]
    owned += [(n, key) for n, m in named_modules(model) for key in vars_of(m) if "grad" in key and key not in USUAL]
    return {
        "attributes": [[name, key] for name, key in owned][:20],
        "replaced": [name for name, parameter in found if id(parameter) not in kept][:20],
        "gradients": [name for name, parameter in found if gradient(parameter) is not None][:20],
        "training": vars_of(model).get("training") is True,
    }


USUAL = {"gradient_checkpointing", "_require_grads_hook", "supports_gradient_checkpointing"}
"""Attributes with "grad" in them that modules of transformers have."""
