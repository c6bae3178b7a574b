"""The probes: small functions that run in the student's kernel and report what the student's functions do.

They know no expected value and hold no reference solution. They import nothing of the package: their source
text is sent into the kernel, with ``inputs`` handed in as a module. Each takes the student's namespace and
the run's seed, and returns nested dicts of plain values and tensors.

The student's functions are called through ``attempt`` or ``call`` alone: these undo what a call does to libraries and
to process-wide settings.
"""

import copy
import functools
import inspect
import operator
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PretrainedConfig
from transformers.pytorch_utils import Conv1D

from autograder.inside.calls import Report, Student, attempt, call, class_name, exact, named, plain_number
from autograder.inside.parameters import (
    TENSORS,
    Named,
    attribute,
    entries,
    hooks,
    is_tensor,
    logits,
    named_modules,
    own_parameters,
    parameters,
    reached_by_gradients,
    vars_of,
)

PRELOAD: Any = None
"""preload.py as a module: the agent puts it here."""


# --- models ------------------------------------------------------------------------------------------------


def tiny_gpt2(inputs: Any, seed: int, width: int) -> Any:
    """A fresh 12-layer model without dropout, all of it trainable, holding the run's weights."""
    weights = inputs.gpt2_weights(seed, width)
    return replica(PRELOAD.TINY[width], lambda name, _: torch.from_numpy(weights[name].copy()))


def real_gpt2() -> Any:
    """GPT-2's true shape on the meta device."""
    return replica(PRELOAD.REAL, lambda _, parameter: parameter.detach())


def replica(module: Any, value: Callable[[str, torch.Tensor], torch.Tensor], prefix: str = "") -> Any:
    """A copy of a module that no hook was registered on, with fresh parameters of these values.

    ``copy.deepcopy`` does the same in four times the time, which was a fifth of what a submission cost.
    """
    copied = object.__new__(type(module))
    state = {k: v.copy() if isinstance(v, dict | set) else v for k, v in vars(module).items()}
    state["_parameters"] = {
        k: None if p is None else nn.Parameter(value(prefix + k, p)) for k, p in module._parameters.items()
    }
    state["_modules"] = {k: replica(m, value, f"{prefix}{k}.") for k, m in module._modules.items()}
    if isinstance(state.get("config"), PretrainedConfig):
        state["config"] = copy.copy(state["config"])
    vars(copied).update(state)
    return copied


# --- TODO 1 and 6: freezing --------------------------------------------------------------------------------


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
    found = own_parameters(model)
    report: Report = {"error": error, "parameters": parameters(found), "checksums": fingerprints(inputs, found)}
    report |= {"left": left(model, original, found), "returned": class_name(returned)}
    if ids is not None:
        report["reached"], report["backward_error"] = reached_by_gradients(model, found, ids, fresh)
        report["logits"], report["forward_error"] = logits(model, ids, fresh)
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


def fingerprints(inputs: Any, found: Named) -> torch.Tensor:
    """``inputs.fingerprints`` of every parameter, (parameters, 3); a tensor without values counts as not-a-number."""
    nothing = torch.full((1,), torch.nan)
    values = [nothing if p.is_meta or not p.numel() else p.detach().double().flatten() for _, p in found]
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
        "gradients": [name for name, parameter in found if parameter.grad is not None][:20],
        "training": vars_of(model).get("training") is True,
    }


USUAL = {"gradient_checkpointing", "_require_grads_hook", "supports_gradient_checkpointing"}
"""Attributes with "grad" in them that modules of transformers have."""


# --- TODO 2 to 4: one layer --------------------------------------------------------------------------------


Found = tuple[str, torch.Tensor, bool]
"""Where a matrix was found, the tensor, and whether it is stored transposed."""


def conv1d(inputs: Any, seed: int, case: Any) -> Any:
    """A Conv1D holding the case's weight and bias."""
    layer = Conv1D(case.n_out, case.n_in)
    weight, bias = inputs.layer_weights(seed, case)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def kind(layer: Any, name: str) -> str:
    """How PyTorch sees the attribute: only a parameter is trained and saved."""
    state = vars_of(layer)
    registered = dict(entries(state.get("_parameters"))).get(name)
    if registered is not None:
        return "parameter" if type(registered) is nn.Parameter else class_name(registered)
    if name in dict(entries(state.get("_buffers"))):
        return "buffer"
    value = attribute(layer, name)
    if issubclass(type(value), nn.Module):
        return "module"
    return "tensor" if is_tensor(value) else "missing"


def todo2(student: Student, inputs: Any, seed: int) -> Report:
    """What ``attach_lora`` leaves on layers of five shapes, each attached to twice, also when it raises half-way."""
    function = named(student, "attach_lora")
    report: Report = {}
    owners: dict[int, Any] = {}
    for case in inputs.layer_cases(seed, "todo2"):
        layer = conv1d(inputs, seed, case)
        hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
        report[case.name] = {
            "error": error,
            "where": where(layer, hook, case) if error is None else {},
            "parameters": parameters(own_parameters(layer)),
            **pretrained(layer),
            **{name: stored(layer, name) | owner(layer, name, case, owners) for name in ("lora_A", "lora_B")},
        }
        twin = conv1d(inputs, seed, case)
        twin_hook, report[case.name]["twin_error"] = attempt(function, twin, case.r, case.alpha, case.n_in, case.n_out)
        report[case.name]["written"] = written(
            find_matrices(layer, hook, case), find_matrices(twin, twin_hook, case), inputs.layer_pass(seed, case, 0)[0]
        )
    return report


def owner(layer: Any, name: str, case: Any, owners: dict[int, Any]) -> Report:
    """The case whose layer was given the same object first. ``owners`` keeps them alive: an identity is taken once."""
    value = attribute(layer, name)
    return {"owner": owners.setdefault(id(value), (case.name, value))[0] if is_tensor(value) else None}


def written(layer: tuple[Found | None, Found | None], twin: tuple[Found | None, Found | None], value: Any) -> Report:
    """A and B of a layer, and of another of its shape, after numbers were written into the first A."""
    if layer[0] is None:
        return {}
    _, error = attempt(fill, layer[0], value)
    found = {"a": layer[0], "b": layer[1], "twin_a": twin[0], "twin_b": twin[1]}
    return {"error": error} | {
        key: canonical(place[1].detach().clone(), place) for key, place in found.items() if place is not None
    }


def pretrained(layer: Any) -> Report:
    """The layer's own weight and bias, or None where they are gone."""
    kept = dict(entries(vars_of(layer).get("_parameters")))
    return {name: kept.get(name) for name in ("weight", "bias")}


def where(layer: nn.Module, hook: Any, case: Any) -> Report:
    """How A and B are kept: name, kind, trainability, orientation; and their values."""
    report: Report = {}
    for key, found in zip(("a", "b"), find_matrices(layer, hook, case), strict=True):
        if found is not None:
            name, tensor, transposed = found
            value = canonical(tensor.detach().clone(), found)
            report[key] = {"name": name, "kind": kind(layer, name), "trainable": tensor.requires_grad,
                           "transposed": transposed, "value": value}  # fmt: skip
    return report


def stored(layer: nn.Module, name: str) -> Report:
    """Kind, dtype, trainability and value of one attribute."""
    value = attribute(layer, name)
    report: Report = {"kind": kind(layer, name)}
    if type(value) in TENSORS:
        report |= {"dtype": str(value.dtype), "trainable": value.requires_grad, "value": value.detach().clone()}
    return report


def find_matrices(layer: nn.Module, hook: Any, case: Any) -> tuple[Found | None, Found | None]:
    """A and B by attribute, else by shape on the layer, else in the hook's closure.

    A wrong name or a consistent transposition is TODO 2's mistake; it must not cost TODO 3 or 4.
    """
    places = list(tensors_of(layer, hook))
    a = pick(places, (case.r, case.n_in))
    b = pick(places, (case.n_out, case.r))
    return a, b


def pick(places: Iterable[tuple[str, torch.Tensor]], shape: tuple[int, int]) -> Found | None:
    """The first tensor of this shape, else the first of the transposed shape."""
    for wanted, transposed in ((shape, False), (shape[::-1], True)):
        for name, tensor in places:
            if tuple(tensor.shape) == wanted:
                return name, tensor, transposed
    return None


def tensors_of(layer: nn.Module, hook: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors that could be A or B, the likeliest first; the layer's own weight and bias are left out."""
    state = vars_of(layer)
    own = {id(value) for value in pretrained(layer).values()}
    for name in ("lora_A", "lora_B"):
        yield from held(name, attribute(layer, name))
    for name, tensor in (*own_parameters(layer), *entries(state.get("_buffers"))):
        if id(tensor) not in own and type(tensor) in TENSORS:
            yield name, tensor
    for name, value in [*state.items()]:
        if not name.startswith("_"):
            yield from held(name, value)
    yield from held("closure", hook)


def held(name: str, value: Any, depth: int = 3) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors inside a value: itself, a module's, a container's, or a callable's closure and defaults."""
    if type(value) in TENSORS:
        yield name, value
    elif issubclass(type(value), nn.Module):
        yield from ((f"{name}.{n}", p) for n, p in own_parameters(value) if type(p) in TENSORS)
        yield from held(name, vars_of(value).get("_buffers"), 1)
    elif depth:
        for key, inner in inside(value):
            yield from held(f"{name}.{key}", inner, depth - 1)


def inside(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) pairs one level inside a container, function, partial or bound object."""
    kind = type(value)
    if kind is dict:
        yield from entries(value)
    elif kind in (list, tuple):
        yield from ((str(i), v) for i, v in enumerate(value))
    elif kind is functools.partial:
        yield from (("func", value.func), ("args", value.args), ("keywords", value.keywords))
    elif kind is types.MethodType:
        yield from (("self", value.__self__), ("func", value.__func__))
    elif kind is types.FunctionType:
        yield from zip(value.__code__.co_freevars, contents(value.__closure__ or ()), strict=False)
        yield from (("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__))
        yield from entries(vars(value))
    elif not issubclass(kind, type | types.ModuleType):
        yield from entries(vars_of(value))


def contents(cells: Iterable[Any]) -> Iterator[Any]:
    """What stands in a closure's cells; None where nothing does yet."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:
            yield None


def fill(found: Found, value: Any) -> None:
    """Write (the canonical orientation of) a matrix in place and make it trainable."""
    _, tensor, transposed = found
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(value.T if transposed else value))
    tensor.requires_grad_(True)


def separate(a: torch.Tensor, b: torch.Tensor) -> None:
    """Give the two memory of their own where an entry is kept once for many: that is TODO 2's mistake alone."""
    shared = a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    for tensor in (a, b):
        if shared or 0 in tensor.stride():
            tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)


def canonical(tensor: torch.Tensor | None, found: Found) -> torch.Tensor | None:
    """A value or gradient in the orientation A (r, in), B (out, r)."""
    return tensor.T if tensor is not None and found[2] else tensor


def todo3(student: Student, inputs: Any, seed: int) -> Report:
    """What the hook makes of known inputs, in every mode and with changing A and B."""
    return hook_reports(named(student, "attach_lora"), inputs, seed)


def hook_reports(function: Callable[..., Any], inputs: Any, seed: int) -> Report:
    """One report per case. All layers are attached to before the first is run: a hook belongs to its own layer."""
    attached = []
    for case in inputs.layer_cases(seed, "todo3"):
        layer = conv1d(inputs, seed, case)
        torch.manual_seed(seed % 1_000_003)
        attached.append((case, layer, *attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)))
    return {case.name: hook_case(layer, hook, error, inputs, seed, case) for case, layer, hook, error in attached}


def hook_case(layer: Any, hook: Any, error: Report | None, inputs: Any, seed: int, case: Any) -> Report:
    """Register the hook, and run the passes."""
    own = [function for _, function in entries(vars_of(layer).get("_forward_hooks"))]
    report: Report = {"error": error, "returned": class_name(hook), "callable": callable(hook)}
    report |= {"registered_itself": len(own) > 0, "is_layer": hook is layer}
    if own and not callable(hook):  # nothing or a handle came back: what was registered is the hook
        hook = own[0]
    if error is not None or not callable(hook):
        return report | pretrained(layer)
    a, b = find_matrices(layer, hook, case)
    report["found"] = a is not None and b is not None
    if a is None or b is None:
        return report | pretrained(layer)
    report |= {"start_a": canonical(a[1].detach().clone(), a), "start_b": canonical(b[1].detach().clone(), b)}
    report["kept_in"] = str(a[1].dtype)
    vars_of(layer)["_forward_hooks"].clear()
    nn.Module.register_forward_hook(layer, hook)
    return report | hook_passes(layer, a, b, inputs, seed, case) | pretrained(layer)


def hook_passes(layer: Any, a: Found, b: Found, inputs: Any, seed: int, case: Any) -> Report:
    """As attached; with other A and B, twice; then the last ones in other modes; then with B = 0."""
    arrays = [inputs.layer_pass(seed, case, number) for number in (0, 1)]
    x = torch.from_numpy(arrays[1][2])
    torch.manual_seed(seed % 1_000_003)
    report: Report = {"start": plain_pass(layer, torch.from_numpy(arrays[0][2]), torch.enable_grad())}
    separate(a[1], b[1])
    for number in (0, 1):
        report[f"pass_{number}"] = hook_pass(layer, a, b, arrays[number])
    if report["pass_1"]["error"] is not None:
        report["called_otherwise"] = called_otherwise(layer, x)
    for name, training, mode in (
        ("again", True, torch.enable_grad()),
        ("eval", False, torch.enable_grad()),
        ("no_grad", True, torch.no_grad()),
        ("inference", False, torch.inference_mode()),
    ):
        vars_of(layer)["training"] = training
        report[name] = plain_pass(layer, x, mode)
    vars_of(layer)["training"] = True
    report |= {f"end_{key}": canonical(p[1].detach().clone(), p) for key, p in (("a", a), ("b", b))}
    attempt(fill, b, arrays[1][1] * 0)
    report["zero"] = plain_pass(layer, x, torch.enable_grad())
    return report


OTHER_CALLS: dict[str, Callable[[Any, Any, Any], tuple[Any, ...]]] = {
    "module, output, input": lambda module, x, output: (module, output, (x,)),
    "input, output, module": lambda module, x, output: ((x,), output, module),
    "input, module, output": lambda module, x, output: ((x,), module, output),
    "output, input, module": lambda module, x, output: (output, (x,), module),
    "output, module, input": lambda module, x, output: (output, module, (x,)),
    "input, output": lambda module, x, output: ((x,), output),
    "output, input": lambda module, x, output: (output, (x,)),
    "module, output": lambda module, x, output: (module, output),
    "module, input": lambda module, x, output: (module, (x,)),
    "module, x, output": lambda module, x, output: (module, x, output),
    "x, output": lambda module, x, output: (x, output),
    "x": lambda module, x, output: (x,),
    "": lambda module, x, output: (),
}
"""What a hook may take itself to be called with; PyTorch calls it with module, (x,) and output."""


def called_otherwise(layer: Any, x: torch.Tensor) -> Report:
    """What a hook that raises would have made of other arguments: an array, or the class of something else."""
    hook = vars_of(layer)["_forward_hooks"].popitem()[1]
    plain, error = tensor_output(layer, x)
    nn.Module.register_forward_hook(layer, hook)
    report: Report = {}
    for words, arguments in OTHER_CALLS.items() if error is None else ():
        output = plain.detach().clone()
        result, error = attempt(hook, *arguments(layer, x.clone(), output))
        result = output if result is None else result
        if error is None:
            report[words] = {"returned": class_name(result)}
            report[words] |= {"output": result.detach().clone()} if type(result) in TENSORS else {}
    return report


def plain_pass(layer: Any, x: torch.Tensor, mode: Any) -> Report:
    """Output of a forward pass in this mode, and x as it is afterwards, or what was raised."""
    x = x.clone()
    output, error = tensor_output(in_mode, mode, layer, x)
    return {"error": error, "x": x} | ({} if error else shown(output))


def shown(output: torch.Tensor) -> Report:
    """An output and its dtype, which is lost on the way."""
    return {"output": output.detach().clone(), "dtype": str(output.dtype)}


def in_mode(mode: Any, layer: Any, x: torch.Tensor) -> Any:
    """What the layer returns in this mode of PyTorch's."""
    with mode:
        return layer(x)


def hook_pass(layer: Any, a: Found, b: Found, arrays: Any) -> Report:
    """Output and gradients of one forward and backward pass, or what was raised."""
    for place, value in ((a, arrays[0]), (b, arrays[1])):
        _, error = attempt(fill, place, value)
        if error is not None:
            return {"error": error}
    given = torch.from_numpy(arrays[2]).requires_grad_(True)
    x = given.clone()  # as in a model, where x comes from another layer: a leaf could not be changed in place
    a[1].grad = b[1].grad = None
    output, error = tensor_output(layer, x)
    if error is not None:
        return {"error": error}
    report: Report = {"error": None, "x": x.detach().clone()} | shown(output)
    _, report["backward_error"] = attempt(torch.Tensor.backward, output, torch.from_numpy(arrays[3]))
    report |= {"grad_a": canonical(a[1].grad, a), "grad_b": canonical(b[1].grad, b), "grad_x": given.grad}
    return report


def tensor_output(function: Any, *arguments: Any) -> tuple[Any, Report | None]:
    """(what the layer with its hook returns, None), or (None, the error), also when it is no tensor."""
    output, error = attempt(function, *arguments)
    if error is None and type(output) not in TENSORS:
        message = f"the hook returned a {class_name(output)}; return a tensor, or change `output` in place"
        return None, {"type": "TypeError", "message": message, "frames": []}
    return output, error


def todo4(student: Student, inputs: Any, seed: int) -> Report:
    """A and B as TODO 4 initialises them: two layers from one seed, one from another; and the hook as in TODO 3."""
    function = named(student, "attach_lora")
    report: Report = {}
    owners: dict[int, Any] = {}
    for case in inputs.INIT_CASES:
        for number, (label, reseed) in enumerate((("first", True), ("second", False), ("other_seed", True))):
            if reseed:
                torch.manual_seed(seed % 1_000_003 + 17 * number + 1)
            report[f"{case.name}_{label}"] = init_case(function, inputs, seed, case, owners)
    return report | {"hooks": hook_reports(function, inputs, seed)}


def init_case(function: Callable[..., Any], inputs: Any, seed: int, case: Any, owners: dict[int, Any]) -> Report:
    """The matrices of one freshly attached layer. ``owners`` keeps every A alive, so that an identity is taken once."""
    layer = conv1d(inputs, seed, case)
    global_seed = torch.initial_seed()
    hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
    report: Report = {"error": error, "reseeded": torch.initial_seed() != global_seed}
    if error is not None:
        return report
    for key, found in zip(("a", "b"), find_matrices(layer, hook, case), strict=True):
        if found is not None:
            report[f"shared_{key}"] = id(found[1]) in owners
            owners[id(found[1])] = found[1]
    return report | where(layer, hook, case)


# --- TODO 5: injection -------------------------------------------------------------------------------------


def todo5(student: Student, inputs: Any, seed: int) -> Report:
    """Where ``attach_lora_to_gpt2`` injects, seen through a stand-in for ``attach_lora``."""
    function = named(student, "attach_lora_to_gpt2")
    width = inputs.widths(seed)[0]
    report: Report = {}
    for number, (r, alpha) in enumerate(inputs.lora_arguments(seed)):
        report[f"call_{number}"] = injection(function, inputs, seed, width, r, alpha)
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


def injection(function: Any, inputs: Any, seed: int, width: int, r: int, alpha: int) -> Report:
    """One call with the stand-in in place; logits without, with, and after the removal of the hooks."""
    fresh = functools.partial(tiny_gpt2, inputs, seed, width)
    model = fresh().eval()
    ids = torch.from_numpy(inputs.token_ids(seed, "todo5"))
    made = RemovableHandle.next_id
    spy, handles, error = with_stand_in(function, inputs, seed, model, r, alpha)
    found = own_parameters(model)
    report: Report = {"error": error, "calls": noted(spy), "hooks": hooks(model), "parameters": parameters(found)}
    report |= {"registered": plain_number(RemovableHandle.next_id - made), "returned": class_name(handles)}
    report["backward"] = backward_hooks(model)
    report["checksums"] = fingerprints(inputs, [pair for pair in found if ".lora_" not in pair[0]])
    if error is not None:
        return report
    for label, scale in (("silent", 0.0), ("active", 1.0)):
        spy.scale = scale
        if not spy.calls:
            own_update(model, inputs, seed, r, scale)
        report[f"logits_{label}"], report[f"error_{label}"] = logits(model, ids, fresh)
    report["handles"] = remove(handles)
    report["hooks_left"] = sum(sum(counts) for counts in hooks(model).values())
    report["logits_removed"], _ = logits(model, ids)
    return report


def backward_hooks(model: Any) -> int:
    """How many hooks for the backward pass are registered on the modules."""
    names = ("_backward_hooks", "_backward_pre_hooks")
    return sum(len(entries(vars_of(module).get(name))) for _, module in named_modules(model) for name in names)


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


def plain_function(function: Any) -> Any:
    """The Python function behind a function, a partial, a bound method or a callable object, else None."""
    while type(function) is not types.FunctionType:
        if type(function) is functools.partial:
            function = function.func
        elif type(function) is types.MethodType:
            function = function.__func__
        elif type(method := called(type(function))) is types.FunctionType:
            function = method
        else:
            return None
    while type(wrapped := vars(function).get("__wrapped__")) is types.FunctionType:
        function = wrapped
    return function


def called(kind: type) -> Any:
    """What a class defines as ``__call__`` itself, or None."""
    return type.__dict__["__dict__"].__get__(kind).get("__call__")


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
    return {"count": len(items or []), "removable": len(removable), "error": error}


# --- TODO 7 and 8: PEFT ------------------------------------------------------------------------------------


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
    return report


def options(config: Any) -> Report:
    """The options of a configuration that are not PEFT's defaults, as plain values."""
    defaults = vars(LoraConfig())
    return {key: plain(value) for key, value in vars_of(config).items() if differs(value, defaults.get(key))}


def differs(value: Any, default: Any) -> bool:
    """Whether an option was set; a value of another class than usual is not asked."""
    comparable = type(value) in VALUES or issubclass(type(value), str)
    return type(value) is not type(default) or (comparable and value != default)


VALUES = (bool, int, float, list, tuple, set, dict)


def plain(value: Any, depth: int = 2) -> Any:
    """An option as text, number or nested lists of them; of anything else the name of its class."""
    if value is None or type(value) is bool:
        return value
    number = plain_number(value)
    if number is not None:
        return number
    if issubclass(type(value), str):
        return exact(value)[:200]
    if depth and type(value) is dict:
        return [[plain(k, 0), plain(v, depth - 1)] for k, v in list(value.items())[:20]]
    if depth and type(value) in (set, frozenset):
        return sorted([plain(item, 0) for item in list(value)[:20]], key=repr)
    if depth and type(value) in (list, tuple, range):
        return [plain(item, depth - 1) for item in list(value)[:20]]
    return class_name(value)


def peft(config: Any, model: Any) -> tuple[Any, Report | None]:
    """``get_peft_model``; the control is a plain configuration on the same kind of model."""
    return attempt(
        get_peft_model, model, config, control=lambda: get_peft_model(copy.deepcopy(PRELOAD.TINY[12]), PLAIN)
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
    modules = dict(entries(vars_of(module).get("_modules")))
    return dict(entries(vars_of(modules[name]).get("_modules")))["default"]


def weight(module: Any, name: str) -> Any:
    """The weight of one of the two matrices of an adapted layer."""
    return dict(entries(vars_of(part(module, name)).get("_parameters")))["weight"]


def lora_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Modules that PEFT adapted with ordinary LoRA matrices."""
    for name, module in named_modules(model):
        modules = dict(entries(vars_of(module).get("_modules")))
        # AdaLoRA keeps bare parameters there.
        matrices = modules.get("lora_A")
        held_there = dict(entries(vars_of(matrices).get("_modules"))) if type(matrices) is nn.ModuleDict else {}
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
    found = own_parameters(model)
    report["first"] |= {"checksums_before": sums, "checksums_after": fingerprints(inputs, found)}
    report["first"] |= {"left": left(model, original, found)}
    ids = torch.from_numpy(inputs.token_ids(seed, "todo8"))
    fresh = functools.partial(tiny_gpt2, inputs, seed, first)
    report["reached"], report["backward_error"] = reached_by_gradients(model, found, ids, fresh)
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


PROBES: dict[str, Callable[[Student, Any, int], Report]] = {
    function.__name__: function for function in (todo1, todo2, todo3, todo4, todo5, todo6, todo7, todo8)
}
