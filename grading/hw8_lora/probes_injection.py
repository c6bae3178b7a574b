"""TODO 5: where LoRA is injected, seen through a stand-in for ``attach_lora``."""

import functools
import inspect
import operator
import types
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from autograder.inside.calls import (
    Report,
    Student,
    attempt,
    call,
    class_name,
    exact,
    named,
    plain_function,
    plain_number,
)
from autograder.inside.parameters import (
    BACKWARD_HOOKS,
    BACKWARD_PRE_HOOKS,
    TENSORS,
    attribute,
    hooks,
    kept_in,
    logits,
    named_modules,
    parameters,
    parameters_in,
    registered,
)

from .probes_models import fingerprints, tiny_gpt2


def todo5(student: Student, inputs: Any, seed: int) -> Report:
    """Where ``attach_lora_to_gpt2`` injects, seen through a stand-in for ``attach_lora``."""
    function = named(student, "attach_lora_to_gpt2")
    width = inputs.widths(seed)[0]
    report: Report = {}
    for number, (r, alpha) in enumerate(inputs.lora_arguments(seed)):
        report[f"call_{number}"] = injection(function, inputs, seed, width, r, alpha, alone=number > 0)
    return report


def new_spy(model: Any, inputs: Any, seed: int, original: Any) -> Any:
    """A stand-in for ``attach_lora`` that notes its arguments and returns a hook that adds a known update.

    ``calls`` is the list of what it noted, and ``scale`` holds the factor of the update.
    """
    names = {id(module): name for name, module in named_modules(model)}
    signature = signature_of(original)
    spy = types.SimpleNamespace(calls=[], scale=0.0)

    def attach_lora(*arguments: Any, **keywords: Any) -> Any:
        values = list(signature.bind(*arguments, **keywords).arguments.values())[:5]
        layer, r, lora_alpha, in_features, out_features = values
        name = names.get(id(layer), "?")
        given = {"r": r, "lora_alpha": lora_alpha, "in_features": in_features, "out_features": out_features}
        spy.calls.append({"layer": name} | given)
        r, n_in, n_out = int(r), int(in_features), int(out_features)
        layer.lora_A = nn.Parameter(torch.zeros(r, n_in))
        layer.lora_B = nn.Parameter(torch.zeros(n_out, r))
        update = torch.from_numpy(inputs.update_matrix(seed, name, n_in, n_out))
        return lambda module, input, output: output + spy.scale * (input[0] @ update)

    spy.attach_lora = attach_lora
    return spy


def signature_of(function: Any) -> inspect.Signature:
    """The student's own names for the five arguments of ``attach_lora``, else the homework's."""
    signature, _ = call(inspect.signature, function)
    if type(signature) is inspect.Signature:
        kinds = [p.kind for p in signature.parameters.values() if type(p) is inspect.Parameter]
        if kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) >= 5:
            return signature
    return inspect.signature(lambda layer, r, lora_alpha, in_features, out_features: None)


def injection(function: Any, inputs: Any, seed: int, width: int, r: int, alpha: int, *, alone: bool) -> Report:
    """One call with the stand-in in place; logits without, with, and after the removal of the hooks.

    With ``alone`` those with the hooks alone: that these do nothing else, and are removed, has shown in the first call.
    """
    fresh = functools.partial(tiny_gpt2, inputs, seed, width)
    model = fresh().eval()
    ids = torch.from_numpy(inputs.token_ids(seed, "todo5"))
    made = RemovableHandle.next_id
    spy, handles, error = with_stand_in(function, inputs, seed, model, r, alpha)
    modules = kept_in(model)
    found = parameters_in(modules)
    report: Report = {"error": error, "calls": noted(spy), "hooks": hooks(modules), "parameters": parameters(found)}
    report |= {"registered": plain_number(RemovableHandle.next_id - made), "returned": class_name(handles)}
    report["backward"] = total(registered(modules, BACKWARD_HOOKS, BACKWARD_PRE_HOOKS))
    report["checksums"] = fingerprints(inputs, [pair for pair in found if ".lora_" not in pair[0]])
    if error is not None:
        return report
    for label, scale in (("silent", 0.0), ("active", 1.0))[alone:]:
        spy.scale = scale
        if not spy.calls:
            own_update(model, inputs, seed, r, scale)
        report[f"logits_{label}"], report[f"error_{label}"] = logits(model, ids, fresh)
    report["handles"] = remove(handles)
    report["hooks_left"] = total(hooks(kept_in(model)))
    report["logits_removed"], _ = (None, None) if alone else logits(model, ids)
    return report


def total(counts: dict[str, list[int]]) -> int:
    """How many hooks that is in all modules together."""
    return sum(map(sum, counts.values()))


def noted(spy: Any) -> list[Report]:
    """The calls of the stand-in, as plain values."""
    rows = [row for row in spy.calls if type(row) is dict]
    return [{k: exact(v) if k == "layer" else plain_number(v) for k, v in row.items()} for row in rows]


def with_stand_in(
    function: Any, inputs: Any, seed: int, model: Any, r: int, alpha: int
) -> tuple[Any, Any, Report | None]:
    """Call the student's function while its module sees the stand-in under the name ``attach_lora``."""
    code = plain_function(function)
    if code is None:
        return new_spy(model, inputs, seed, None), *attempt(function, model, r, alpha)
    namespace, defaults = code.__globals__, code.__defaults__
    missing = object()
    original = namespace.get("attach_lora", missing)
    spy = new_spy(model, inputs, seed, original)
    namespace["attach_lora"] = spy.attach_lora
    if original is not missing and defaults:
        code.__defaults__ = tuple(spy.attach_lora if value is original else value for value in defaults)
    try:
        return spy, *attempt(function, model, r, alpha)
    finally:
        code.__defaults__ = defaults
        if original is missing:
            namespace.pop("attach_lora", None)
        else:
            namespace["attach_lora"] = original


def own_update(model: Any, inputs: Any, seed: int, r: int, scale: float) -> None:
    """Without a call of the stand-in the student injects by other means: fill the matrices found."""
    with torch.no_grad():
        for name, module in named_modules(model):
            a, b = attribute(module, "lora_A"), attribute(module, "lora_B")
            if type(a) in TENSORS and type(b) in TENSORS:
                value_a, value_b = inputs.peft_matrices(seed, name, a.shape[1], r)
                a.copy_(torch.from_numpy(value_a))
                b.copy_(torch.from_numpy(value_b) * scale)


def remove(handles: Any) -> Report:
    """Call ``remove()`` on everything that was returned; how many handles there were."""
    if issubclass(type(handles), dict):
        handles = dict.values(handles)
    items, error = attempt(list, handles)
    removable = [h for h in items or [] if callable(attribute(h, "remove"))]
    for handle in removable:
        _, error = attempt(operator.methodcaller("remove"), handle)
    found = items or []
    kinds = {"callable": sum(callable(item) for item in found), "first": class_name(found[0]) if found else ""}
    return {"count": len(found), "removable": len(removable), "error": error, **kinds}
