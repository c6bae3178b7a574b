"""TODO 7 and 8: what PEFT makes of a configuration, and what is toggled on its model."""

import copy
import functools
from collections.abc import Iterator
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from autograder.inside.calls import Report, Student, attempt, class_name, exact, named, plain_number, plain_value
from autograder.inside.parameters import (
    CHILDREN,
    PARAMETERS,
    attribute,
    entries,
    kept_in,
    logits,
    named_modules,
    own_parameters,
    parameters,
    parameters_in,
    reached_by_gradients,
    vars_of,
)

from . import preload
from .probes_models import fingerprints, left, tiny_gpt2

MADE: list[tuple[Report, Any]] = []
"""TODO 7's model, if there is one that works, with what it was made of, for TODO 8: making one takes longest here."""


def todo7(student: Student, inputs: Any, seed: int) -> Report:
    """What PEFT makes of the student's configuration on a small model; made twice, because a notebook asks twice."""
    function = named(student, "make_lora_config")
    width = inputs.widths(seed)[0]
    first, error = attempt(function)
    report: Report = {"error": error, "returned": class_name(first), "is_config": issubclass(type(first), LoraConfig)}
    if error is not None or not report["is_config"]:
        return report
    report["options"] = options(first)
    config, report["error"] = attempt(function)
    if report["error"] is not None or not issubclass(type(config), LoraConfig):
        return report | {"again": {}}
    report["again"] = options(config)
    fresh = functools.partial(tiny_gpt2, inputs, seed, width)
    model, report["peft_error"] = peft(config, fresh())
    if report["peft_error"] is not None:
        return report
    report |= {"parameters": parameters(own_parameters(model)), "adapted": adapted(model)}
    ids = torch.from_numpy(inputs.token_ids(seed, "todo7"))
    model.eval()
    report["initial"], report["error_initial"] = logits(model, ids, fresh)
    fill_adapters(model, inputs, seed, width)
    report["filled"], report["error_filled"] = logits(model, ids, fresh)
    works = report["adapted"] and report["error_initial"] is report["error_filled"] is None
    MADE[:] = [(made_of(seed, width, report["again"]), model)] if works else []
    return report


def made_of(seed: int, width: int, configured: Report) -> Report:
    """What decides how a PEFT model works; the options as they are before PEFT sets some."""
    return {"seed": seed, "width": width, "options": configured}


def options(config: Any) -> Report:
    """The options of a configuration that are not PEFT's defaults, as plain values."""
    defaults = vars(LoraConfig())
    return {key: plain_value(value) for key, value in vars_of(config).items() if differs(value, defaults.get(key))}


def differs(value: Any, default: Any) -> bool:
    """Whether an option was set; a value of another class than usual is not asked."""
    comparable = type(value) in VALUES or issubclass(type(value), str)
    return type(value) is not type(default) or (comparable and value != default)


VALUES = (bool, int, float, list, tuple, set, dict)


def peft(config: Any, model: Any) -> tuple[Any, Report | None]:
    """``get_peft_model``; the control is a plain configuration on the same kind of model."""
    return attempt(
        get_peft_model, model, config, control=lambda: get_peft_model(copy.deepcopy(preload.TINY[12]), PLAIN)
    )


PLAIN = LoraConfig(r=2, lora_alpha=2, target_modules=["c_fc"], bias="lora_only", fan_in_fan_out=True)
"""A configuration that PEFT takes, whatever the student's may be."""


def adapted(model: nn.Module) -> dict[str, Report]:
    """Every module with LoRA matrices: its effective rank, scaling and dropout."""
    return {
        name.removeprefix("base_model.model."): {
            "r": plain_number(dict(entries(vars_of(module).get("r"))).get("default")),
            "scaling": plain_number(dict(entries(vars_of(module).get("scaling"))).get("default")),
            "dropout": plain_number(vars_of(part(module, "lora_dropout")).get("p", 0.0)),
            "starts_at_zero": not weight(module, "lora_B").detach().any().item(),
        }
        for name, module in lora_layers(model)
    }


def part(module: Any, name: str) -> Any:
    """What PEFT keeps under a name for its adapter "default"."""
    modules = dict(entries(vars_of(module).get(CHILDREN)))
    return dict(entries(vars_of(modules[name]).get(CHILDREN)))["default"]


def weight(module: Any, name: str) -> Any:
    """The weight of one of the two matrices of an adapted layer."""
    return dict(entries(vars_of(part(module, name)).get(PARAMETERS)))["weight"]


def lora_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """KeptParts that PEFT adapted with ordinary LoRA matrices."""
    for name, module in named_modules(model):
        modules = dict(entries(vars_of(module).get(CHILDREN)))
        # AdaLoRA keeps bare parameters there.
        matrices = modules.get("lora_A")
        held_there = dict(entries(vars_of(matrices).get(CHILDREN))) if type(matrices) is nn.ModuleDict else {}
        if "default" in held_there and "base_layer" in modules:
            yield name, module


def fill_adapters(model: nn.Module, inputs: Any, seed: int, width: int) -> None:
    """Write known A and B into every adapted c_attn, so that the effective scaling shows in the logits."""
    for name, module in lora_layers(model):
        a, b = weight(module, "lora_A"), weight(module, "lora_B")
        plain = name.removeprefix("base_model.model.")
        value_a, value_b = inputs.peft_matrices(seed, plain, width, a.shape[0])
        if a.shape == value_a.shape and b.shape == value_b.shape:
            with torch.no_grad():
                a.copy_(torch.from_numpy(value_a))
                b.copy_(torch.from_numpy(value_b))


def todo8(student: Student, inputs: Any, seed: int) -> Report:
    """What ``train_head`` toggles on two PEFT models: of the student's own configuration, or plain when it fails."""
    function = named(student, "train_head")
    first, second = inputs.widths(seed)
    model, config = configured(student, inputs, seed, first)
    original = own_parameters(model)
    sums = fingerprints(inputs, original)
    report: Report = {"first": toggling(function, model)}
    modules = kept_in(model)
    found = parameters_in(modules)
    report["first"] |= {"checksums_before": sums, "checksums_after": fingerprints(inputs, found)}
    report["first"] |= {"left": left(modules, original, found)}
    ids = torch.from_numpy(inputs.token_ids(seed, "todo8"))
    fresh = functools.partial(tiny_gpt2, inputs, seed, first)
    report["reached"], _, report["backward_error"] = reached_by_gradients(model, found, ids, fresh)
    report["second"] = toggling(function, working(config, tiny_gpt2(inputs, seed, second)))
    return report


def toggling(function: Any, model: Any) -> Report:
    """One call of ``train_head``: the parameters before and after."""
    before = parameters(own_parameters(model))
    returned, error = attempt(function, model)
    after = parameters(own_parameters(model))
    return {"error": error, "before": before, "after": after, "returned": class_name(returned)}


def configured(student: Student, inputs: Any, seed: int, width: int) -> tuple[Any, Any]:
    """A PEFT model and its configuration: the student's if a model works with it, else a plain one.

    The plain one keeps the choice whether the head is saved with the adapter.
    """
    config = None
    if callable(student.get("make_lora_config")):
        config, _ = attempt(student["make_lora_config"])
        known, ready = MADE.pop() if MADE else ({}, nn.Module())
        if issubclass(type(config), LoraConfig) and known == made_of(seed, width, options(config)):
            return ready.train(), config
        model, error = peft(config, tiny_gpt2(inputs, seed, width))
        ids = torch.from_numpy(inputs.token_ids(seed, "todo8"))
        if error is None and any(True for _ in lora_layers(model)) and logits(model, ids)[1] is None:
            return model, config
    saved = attribute(config, "modules_to_save")
    keep = ["score"] if type(saved) in (list, tuple, set) and "score" in [exact(name) for name in saved] else None
    other = LoraConfig(r=2, lora_alpha=2, target_modules=["c_fc"], bias="lora_only", modules_to_save=keep)
    return working(other, tiny_gpt2(inputs, seed, width)), other


def working(config: Any, model: Any) -> Any:
    """The PEFT model; RuntimeError, which is nobody's mistake in ``train_head``, when there is none to call it on."""
    found, error = peft(config, model)
    if found is None:
        raise RuntimeError(f"no PEFT model could be made: {error}")
    return found
