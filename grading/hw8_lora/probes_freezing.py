"""TODO 1 and 6: which parameters a function leaves trainable."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograder.inside.calls import Report, Student, attempt, class_name, named
from autograder.inside.parameters import (
    kept_in,
    logits,
    own_parameters,
    parameters,
    parameters_in,
    reached_by_gradients,
)

from .probes_models import fingerprints, left, real_gpt2, tiny_gpt2


def todo1(student: Student, inputs: Any, seed: int) -> Report:
    """Which parameters ``train_attention_only`` leaves trainable, at two widths and on GPT-2's true shape."""
    return freezing(named(student, "train_attention_only"), inputs, seed, "todo1", lambda model, label: None)


def todo6(student: Student, inputs: Any, seed: int) -> Report:
    """The same for ``train_lora_only``, on models whose LoRA the probe attached itself: rank 1 and another one."""

    def inject(model: Any, label: str) -> None:
        layers = [f"transformer.h.{i}.attn.c_attn" for i in (inputs.LAYERS - 2, inputs.LAYERS - 1)]
        for name in layers:
            layer = model.get_submodule(name)
            layer.lora_A, layer.lora_B = matrices(layer, name, 1 if label == "real" else inputs.ranks(seed)[label])
            layer.register_forward_hook(lambda m, i, o: o + i[0] @ m.lora_A.T @ m.lora_B.T)

    def matrices(layer: Any, name: str, r: int) -> tuple[nn.Parameter, nn.Parameter]:
        n_in, n_out = layer.weight.shape
        if layer.weight.is_meta:
            return nn.Parameter(layer.weight.new_empty(r, n_in)), nn.Parameter(layer.weight.new_empty(n_out, r))
        a, b = inputs.peft_matrices(seed, name, n_in, r)
        return nn.Parameter(torch.from_numpy(a)), nn.Parameter(torch.from_numpy(b))

    return freezing(named(student, "train_lora_only"), inputs, seed, "todo6", inject)


Prepare = Callable[[Any, str], None]
"""(model, label of the case): attaches what the TODO asks for."""


def freezing(function: Callable[..., Any], inputs: Any, seed: int, todo: str, prepare: Prepare) -> Report:
    """Call ``function`` on prepared models; one report per model.

    The order tells mistakes apart: what depends on the rank shows in "second", on the size in "real", and what
    stays from the first call shows in both of the others.
    """
    report: Report = {}
    widths = dict(zip(("first", "second"), inputs.widths(seed), strict=True))
    for label in inputs.FREEZING_ORDER:
        if label == "real":
            report[label] = freezing_at_true_size(function, prepare)
        else:
            ids = torch.from_numpy(inputs.token_ids(seed, todo)) if label == "first" else None
            plain_model = functools.partial(tiny_gpt2, inputs, seed, widths[label])
            fresh = functools.partial(prepared, plain_model, prepare, label)
            report[label] = freezing_at_width(function, fresh, inputs, ids)
    return report


def prepared(fresh: Callable[[], Any], prepare: Prepare, label: str) -> Any:
    """A new model with what the TODO asks for."""
    model = fresh()
    prepare(model, label)
    return model


def freezing_at_width(function: Any, fresh: Callable[[], Any], inputs: Any, ids: torch.Tensor | None) -> Report:
    """What the function leaves of a small model; with sentences also what that computes and where gradients arrive."""
    model = fresh()
    original = own_parameters(model)
    returned, error = attempt(function, model)
    modules = kept_in(model)
    found = parameters_in(modules)
    report: Report = {"error": error, "parameters": parameters(found), "checksums": fingerprints(inputs, found)}
    report |= {"left": left(modules, original, found), "returned": class_name(returned)}
    if ids is not None:
        report["reached"], computed, report["backward_error"] = reached_by_gradients(model, found, ids, fresh)
        # The step's own logits: a forward pass without gradients would say the same once more.
        known = (computed, None) if computed is not None else logits(model, ids, fresh)
        report["logits"], report["forward_error"] = known
    return report


def freezing_at_true_size(function: Callable[..., Any], prepare: Prepare) -> Report:
    """Names and sizes on GPT-2's shape.

    A correct function that prints a mean or calls ``.item()`` fails on the meta device; then it gets
    uninitialised memory instead, which the operating system never has to provide.
    """
    model = real_gpt2()
    prepare(model, "real")
    error = attempt(function, model)[1]
    if error is not None:
        model = real_gpt2()
        prepare(model, "real")
        model = model.to_empty(device="cpu")
        error = attempt(function, model)[1]
    return {"error": error, "parameters": parameters(own_parameters(model))}
