"""What several probes need: GPT-2 in the run's weights, and what a call left of a model beside its flags."""

import functools
from typing import Any

import torch

from autograder.inside.calls import Report
from autograder.inside.parameters import KeptParts, Named, gradient, plain, vars_of

from . import preload


def tiny_gpt2(inputs: Any, seed: int, width: int) -> Any:
    """A fresh 12-layer model without dropout, all of it trainable, holding the run's weights."""
    model, parameters = preload.fresh(preload.TINY[width])
    with torch.no_grad():
        for parameter, value in zip(parameters, weights(inputs, seed, width), strict=True):
            parameter.copy_(value)
    return model


@functools.lru_cache(maxsize=4)
def weights(inputs: Any, seed: int, width: int) -> list[torch.Tensor]:
    """The run's weights in the order of the model's parameters; not to be written to."""
    return [torch.from_numpy(value) for value in inputs.gpt2_weights(seed, width).values()]


def real_gpt2() -> Any:
    """GPT-2's true shape on the meta device."""
    return preload.fresh(preload.REAL)[0]


def fingerprints(inputs: Any, found: Named) -> torch.Tensor:
    """``inputs.fingerprints`` of every parameter, (parameters, 3); a tensor without values counts as not-a-number."""
    nothing = torch.full((1,), torch.nan)
    with torch.no_grad():
        own = [plain(parameter) for _, parameter in found]
        values = [nothing if p.is_meta or not p.numel() else flat(p) for p in own]
        together = torch.cat([nothing[:0], *values]).double().numpy()
    return torch.from_numpy(inputs.fingerprints(together, tuple(value.numel() for value in values)))


def flat(tensor: torch.Tensor) -> torch.Tensor:
    """All values in one dimension, and in a dtype that nothing is lost in when many are put together."""
    return (tensor if tensor.dtype is torch.float32 else tensor.double()).flatten()


def left(modules: KeptParts, original: Named, found: Named) -> Report:
    """What a function left beside ``requires_grad``: attributes of its own, new tensors, gradients, the mode.

    Nothing of it is right or wrong by itself; it tells what a wrong choice comes from. PyTorch takes any attribute of
    a parameter or a module, a misspelt one as well.
    """
    kept = {id(parameter) for _, parameter in original}
    owned = [(n, key) for n, p in found for key in vars_of(p)]
    owned += [(name, key) for name, _, own in modules for key in own if "grad" in key and key not in USUAL]
    return {
        "attributes": [[name, key] for name, key in owned][:20],
        "replaced": [name for name, parameter in found if id(parameter) not in kept][:20],
        "gradients": [name for name, parameter in found if gradient(parameter) is not None][:20],
        "training": modules[0][2].get("training") is True,
    }


USUAL = {"gradient_checkpointing", "_require_grads_hook", "supports_gradient_checkpointing"}
"""Attributes with "grad" in them that modules of transformers have."""
