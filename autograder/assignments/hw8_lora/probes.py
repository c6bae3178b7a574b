"""The probes: small functions that run in the student's kernel and report what the student's functions do.

They know no expected value and hold no reference solution. They import nothing of the package: their source
text is sent into the kernel, with ``inputs`` handed in as a module. Each takes the student's namespace and
the run's seed, and returns nested dicts of plain values and tensors.
"""

import contextlib
import copy
import functools
import inspect
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PretrainedConfig
from transformers.pytorch_utils import Conv1D

Student = Mapping[str, Any]
Report = dict[str, Any]


# --- calling the student -----------------------------------------------------------------------------------


def attempt(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Report | None]:
    """(result, None), or (None, what was raised, with the student's frames only)."""
    try:
        return function(*arguments), None
    except (Exception, SystemExit) as error:
        return None, describe_error(error)


def describe_error(error: BaseException) -> Report:
    """Type, message and the frames that lie in notebook cells; library and probe frames are left out."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel_" in f.filename]
    lines = [f"in {f.name}, line {f.lineno}: {f.line}" for f in frames[-5:]]
    return {"type": type(error).__name__, "message": str(error)[:1000], "frames": lines}


def named(student: Student, name: str) -> Callable[..., Any]:
    """The student's function; NameError in words that the feedback can repeat."""
    function = student.get(name)
    if not callable(function):
        raise NameError(f"the notebook defines no function `{name}`")
    return function  # type: ignore[no-any-return]


# --- models ------------------------------------------------------------------------------------------------


def warm() -> Any:
    """preload.py as a module: the zygote's, or the agent's own where there is no zygote."""
    return sys.modules["probe_preload"]


def tiny_gpt2(inputs: Any, seed: int, width: int) -> Any:
    """A fresh 12-layer model without dropout, all of it trainable, holding the run's weights."""
    weights = inputs.gpt2_weights(seed, width)
    return replica(warm().TINY[width], lambda name, _: torch.from_numpy(weights[name].copy()))


def real_gpt2() -> Any:
    """GPT-2's true shape on the meta device."""
    return replica(warm().REAL, lambda _, parameter: parameter.detach())


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


def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Classification logits (sentences, 2)."""
    return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits  # type: ignore[no-any-return]


# --- reports -----------------------------------------------------------------------------------------------


def parameters(model: nn.Module) -> list[list[Any]]:
    """[name, shape, trainable] of every parameter; another dtype than float32 is written into the name."""
    return [[f"{n}{other_dtype(p)}", list(p.shape), bool(p.requires_grad)] for n, p in model.named_parameters()]


def other_dtype(tensor: torch.Tensor) -> str:
    """ " (torch.float64)", or nothing for float32."""
    return "" if tensor.dtype is torch.float32 else f" ({tensor.dtype})"


def checksums(model: nn.Module) -> torch.Tensor:
    """Sum and sum of squares of every parameter in float64, (parameters, 2): enough to see any change."""
    with torch.no_grad():
        values = [p.detach().double() for p in model.parameters()]
        return torch.stack([torch.stack([v.sum(), (v * v).sum()]) for v in values])


def reached_by_gradients(model: nn.Module, ids: torch.Tensor) -> tuple[list[str] | None, Report | None]:
    """Names of the parameters that receive a gradient from a classification loss."""

    def backward() -> list[str]:
        model.zero_grad(set_to_none=True)
        labels = torch.arange(len(ids)) % 2
        model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss.backward()
        return [n for n, p in model.named_parameters() if p.grad is not None]

    return attempt(backward)


# --- TODO 1 and 6: freezing --------------------------------------------------------------------------------


def todo1(student: Student, inputs: Any, seed: int) -> Report:
    """Which parameters ``train_attention_only`` leaves trainable, at two widths and on GPT-2's true shape."""
    return freezing(named(student, "train_attention_only"), inputs, seed, "todo1", lambda model: None)


def todo6(student: Student, inputs: Any, seed: int) -> Report:
    """The same for ``train_lora_only``, on models whose LoRA parameters the probe registered itself."""

    def inject(model: Any) -> None:
        for block in model.transformer.h[-2:]:
            layer = block.attn.c_attn
            n_in, n_out = layer.weight.shape
            layer.lora_A = nn.Parameter(torch.zeros(1, n_in, device=layer.weight.device))
            layer.lora_B = nn.Parameter(torch.zeros(n_out, 1, device=layer.weight.device))
            layer.register_forward_hook(lambda m, i, o: o + m.lora_A.sum() + m.lora_B.sum())

    return freezing(named(student, "train_lora_only"), inputs, seed, "todo6", inject)


def freezing(function: Callable[..., Any], inputs: Any, seed: int, todo: str, prepare: Callable[[Any], None]) -> Report:
    """Call ``function`` on prepared models; one report per model."""
    report: Report = {}
    ids = torch.from_numpy(inputs.token_ids(seed, todo))
    for label, width in zip(("first", "second"), inputs.widths(seed), strict=True):
        model = tiny_gpt2(inputs, seed, width)
        prepare(model)
        case: Report = {"error": attempt(function, model)[1], "parameters": parameters(model)}
        case["checksums"] = checksums(model)
        if label == "first":
            case["reached"], case["backward_error"] = reached_by_gradients(model, ids)
        report[label] = case
    report["real"] = freezing_at_true_size(function, prepare)
    return report


def freezing_at_true_size(function: Callable[..., Any], prepare: Callable[[Any], None]) -> Report:
    """Names and sizes on GPT-2's shape.

    A correct function that prints a mean or calls ``.item()`` fails on the meta device; then it gets
    uninitialised memory instead, which the operating system never has to provide.
    """
    model = real_gpt2()
    prepare(model)
    error = attempt(function, model)[1]
    if error is not None:
        model = real_gpt2().to_empty(device="cpu")
        prepare(model)
        error = attempt(function, model)[1]
    return {"error": error, "parameters": parameters(model)}


# --- TODO 2 to 4: one layer --------------------------------------------------------------------------------


def conv1d(inputs: Any, seed: int, case: Any) -> Any:
    """A Conv1D holding the case's weight and bias."""
    layer = Conv1D(case.n_out, case.n_in)
    weight, bias = inputs.layer_weights(seed, case)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def kind(layer: nn.Module, name: str) -> str:
    """How PyTorch sees the attribute: only a parameter is trained and saved."""
    if name in layer._parameters and layer._parameters[name] is not None:
        return "parameter"
    if name in layer._buffers:
        return "buffer"
    value = getattr(layer, name, None)
    if isinstance(value, nn.Module):
        return "module"
    return "tensor" if isinstance(value, torch.Tensor) else "missing"


def todo2(student: Student, inputs: Any, seed: int) -> Report:
    """What ``attach_lora`` leaves on a layer, also when it raises half-way."""
    function = named(student, "attach_lora")
    report: Report = {}
    for case in inputs.layer_cases(seed, "todo2"):
        layer = conv1d(inputs, seed, case)
        hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
        report[case.name] = {
            "error": error,
            "where": where(layer, hook, case) if error is None else {},
            "parameters": parameters(layer),
            "weight": layer.weight,
            "bias": layer.bias,
            **{name: stored(layer, name) for name in ("lora_A", "lora_B")},
        }
    return report


def where(layer: nn.Module, hook: Any, case: Any) -> Report:
    """How A and B are kept: name, kind, trainability, orientation."""
    report: Report = {}
    for key, found in zip(("a", "b"), find_matrices(layer, hook, case), strict=True):
        if found is not None:
            name, tensor, transposed = found
            report[key] = {"name": name, "kind": kind(layer, name), "trainable": tensor.requires_grad,
                           "transposed": transposed}  # fmt: skip
    return report


def stored(layer: nn.Module, name: str) -> Report:
    """Kind, dtype, trainability and value of one attribute."""
    value = getattr(layer, name, None)
    report: Report = {"kind": kind(layer, name)}
    if isinstance(value, torch.Tensor):
        report |= {"dtype": str(value.dtype), "trainable": bool(value.requires_grad), "value": value}
    return report


Found = tuple[str, torch.Tensor, bool]
"""Where a matrix was found, the tensor, and whether it is stored transposed."""


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
    own = {id(layer.weight), id(layer.bias)}
    for name in ("lora_A", "lora_B"):
        yield from held(name, getattr(layer, name, None))
    for name, tensor in (*layer.named_parameters(), *layer.named_buffers()):
        if id(tensor) not in own:
            yield name, tensor
    for name, value in vars(layer).items():
        if not name.startswith("_"):
            yield from held(name, value)
    yield from held("closure", hook)


def held(name: str, value: Any, depth: int = 3) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors inside a value: itself, a module's, a container's, or a callable's closure and defaults."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, nn.Module):
        yield from ((f"{name}.{n}", p) for n, p in (*value.named_parameters(), *value.named_buffers()))
    elif depth:
        for key, inner in inside(value):
            yield from held(f"{name}.{key}", inner, depth - 1)


def inside(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) pairs one level inside a container, function, partial or bound object."""
    if isinstance(value, dict):
        yield from ((str(k), v) for k, v in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(i), v) for i, v in enumerate(value))
    elif isinstance(value, functools.partial):
        yield from (("func", value.func), ("args", value.args), ("keywords", value.keywords))
    elif isinstance(value, types.MethodType):
        yield from (("self", value.__self__), ("func", value.__func__))
    elif inspect.isfunction(value):
        cells = value.__closure__ or ()
        yield from zip(value.__code__.co_freevars, (c.cell_contents for c in cells), strict=False)
        yield from (("defaults", value.__defaults__), ("kwdefaults", value.__kwdefaults__))
        yield from vars(value).items()
    elif hasattr(value, "__dict__") and not isinstance(value, type | types.ModuleType):
        yield from vars(value).items()


def fill(found: Found, value: Any) -> None:
    """Write (the canonical orientation of) a matrix in place and make it trainable."""
    _, tensor, transposed = found
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(value.T if transposed else value))
    tensor.requires_grad_(True)


def canonical(tensor: torch.Tensor | None, found: Found) -> torch.Tensor | None:
    """A value or gradient in the orientation A (r, in), B (out, r)."""
    return tensor.T if tensor is not None and found[2] else tensor


def todo3(student: Student, inputs: Any, seed: int) -> Report:
    """What the hook makes of known inputs: two passes per case, with other A and B in the second."""
    function = named(student, "attach_lora")
    return {case.name: hook_case(function, inputs, seed, case) for case in inputs.layer_cases(seed, "todo3")}


def hook_case(function: Callable[..., Any], inputs: Any, seed: int, case: Any) -> Report:
    """Attach, register, and run two passes with gradients."""
    layer = conv1d(inputs, seed, case)
    hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
    report: Report = {"error": error, "returned": type(hook).__name__, "callable": callable(hook)}
    report["registered_itself"] = len(layer._forward_hooks) > 0
    if error is not None or not callable(hook):
        return report
    a, b = find_matrices(layer, hook, case)
    report["found"] = a is not None and b is not None
    if a is None or b is None:
        return report
    layer.register_forward_hook(hook)
    for number in (0, 1):
        # The second pass is in eval mode: LoRA's formula is the same in both.
        layer.train(number == 0)
        outcome, error = attempt(hook_pass, layer, a, b, inputs.layer_pass(seed, case, number))
        report[f"pass_{number}"] = outcome or {"error": error}
    first_a, first_b, *rest = inputs.layer_pass(seed, case, 0)
    outcome, error = attempt(hook_pass, layer, a, b, (first_a, first_b * 0, *rest))
    report["pass_zero"] = outcome or {"error": error}
    report["weight"], report["bias"] = layer.weight, layer.bias
    return report


def hook_pass(layer: Any, a: Found, b: Found, arrays: Any) -> Report:
    """Output and gradients of one forward and backward pass."""
    fill(a, arrays[0])
    fill(b, arrays[1])
    x = torch.from_numpy(arrays[2]).requires_grad_(True)
    a[1].grad = b[1].grad = None
    output = tensor_output(layer, x)
    report: Report = {"error": None, "output": output.detach().clone()}
    _, error = attempt(output.backward, torch.from_numpy(arrays[3]))
    report["backward_error"] = error
    report |= {"grad_a": canonical(a[1].grad, a), "grad_b": canonical(b[1].grad, b), "grad_x": x.grad}
    return report


def tensor_output(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """What the layer with its hook returns; TypeError when it is no tensor."""
    output = layer(x)
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"the hook returned a {type(output).__name__}; return a tensor, or change `output` in place")
    return output


def todo4(student: Student, inputs: Any, seed: int) -> Report:
    """A and B as TODO 4 initialises them: two layers from one seed, and one from another."""
    function = named(student, "attach_lora")
    report: Report = {}
    for case in inputs.INIT_CASES:
        for number, (label, reseed) in enumerate((("first", True), ("second", False), ("other_seed", True))):
            if reseed:
                torch.manual_seed(seed % 1_000_003 + 17 * number + 1)
            report[f"{case.name}_{label}"] = init_case(function, inputs, seed, case)
    return report


def init_case(function: Callable[..., Any], inputs: Any, seed: int, case: Any) -> Report:
    """One freshly attached layer: its matrices, and whether its output is still what it was."""
    layer = conv1d(inputs, seed, case)
    global_seed = torch.initial_seed()
    hook, error = attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)
    report: Report = {
        "error": error,
        "reseeded": torch.initial_seed() != global_seed,
        "callable": callable(hook),
    }
    if error is not None:
        return report
    for key, found in zip(("a", "b"), find_matrices(layer, hook, case), strict=True):
        if found is not None:
            name, tensor, transposed = found
            value = canonical(tensor.detach().clone(), found)
            report[key] = {"name": name, "kind": kind(layer, name), "trainable": tensor.requires_grad,
                           "transposed": transposed, "value": value}  # fmt: skip
    if callable(hook):
        x = torch.from_numpy(inputs.layer_pass(seed, case, 0)[2])
        layer.register_forward_hook(hook)
        report["output"], report["hook_error"] = attempt(tensor_output, layer, x)
    return report


# --- TODO 5: injection -------------------------------------------------------------------------------------


def todo5(student: Student, inputs: Any, seed: int) -> Report:
    """Where ``attach_lora_to_gpt2`` injects, seen through a stand-in for ``attach_lora``."""
    function = named(student, "attach_lora_to_gpt2")
    width = inputs.widths(seed)[0]
    report: Report = {}
    for number, (r, alpha) in enumerate(inputs.lora_arguments(seed)):
        report[f"call_{number}"] = injection(function, inputs, seed, width, r, alpha)
    return report


class Spy:
    """Stands in for ``attach_lora``: notes its arguments and returns a hook that adds a known update."""

    def __init__(self, model: nn.Module, inputs: Any, seed: int) -> None:
        self.names = {id(module): name for name, module in model.named_modules()}
        self.inputs, self.seed = inputs, seed
        self.calls: list[Report] = []
        self.scale = 0.0
        self.signature = signature_of(None)

    def attach_lora(self, *arguments: Any, **keywords: Any) -> Any:
        values = list(self.signature.bind(*arguments, **keywords).arguments.values())[:5]
        layer, r, lora_alpha, in_features, out_features = values
        name = self.names.get(id(layer), "?")
        given = {"r": r, "lora_alpha": lora_alpha, "in_features": in_features, "out_features": out_features}
        self.calls.append({"layer": name} | {k: plain_number(v) for k, v in given.items()})
        r, n_in, n_out = int(r), int(in_features), int(out_features)
        layer.lora_A = nn.Parameter(torch.zeros(r, n_in))
        layer.lora_B = nn.Parameter(torch.zeros(n_out, r))
        update = torch.from_numpy(self.inputs.update_matrix(self.seed, name, n_in, n_out))

        def hook(module: Any, input: Any, output: Any) -> Any:
            return output + self.scale * (input[0] @ update)

        return hook


def signature_of(function: Any) -> inspect.Signature:
    """The student's own names for the five arguments of ``attach_lora``, else the homework's."""
    with contextlib.suppress(TypeError, ValueError):
        signature = inspect.signature(function)
        kinds = [p.kind for p in signature.parameters.values()]
        if kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) >= 5:
            return signature
    return inspect.signature(lambda layer, r, lora_alpha, in_features, out_features: None)


def plain_number(value: Any) -> int | float | None:
    """The argument as a Python number, or None when it is something else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def injection(function: Any, inputs: Any, seed: int, width: int, r: int, alpha: int) -> Report:
    """One call with the stand-in in place; logits without, with, and after the removal of the hooks."""
    model = tiny_gpt2(inputs, seed, width).eval()
    spy = Spy(model, inputs, seed)
    ids = torch.from_numpy(inputs.token_ids(seed, "todo5"))
    handles, error = with_stand_in(function, spy, model, r, alpha)
    report: Report = {"error": error, "calls": spy.calls, "hooks": hooks(model)}
    report["parameters"] = parameters(model)
    if error is not None:
        return report
    with torch.no_grad():
        for label, scale in (("silent", 0.0), ("active", 1.0)):
            spy.scale = scale
            if not spy.calls:
                own_update(model, inputs, seed, r, scale)
            report[f"logits_{label}"], report[f"error_{label}"] = attempt(logits, model, ids)
        report["handles"] = remove(handles)
        report["hooks_left"] = sum(sum(counts) for counts in hooks(model).values())
        report["logits_removed"], _ = attempt(logits, model, ids)
    return report


def with_stand_in(function: Any, spy: Spy, model: Any, r: int, alpha: int) -> tuple[Any, Report | None]:
    """Call the student's function while its module sees the stand-in under the name ``attach_lora``."""
    code = plain_function(function)
    if code is None:
        return attempt(function, model, r, alpha)
    namespace, defaults = code.__globals__, code.__defaults__
    missing = object()
    original = namespace.get("attach_lora", missing)
    spy.signature = signature_of(original)
    namespace["attach_lora"] = spy.attach_lora
    if original is not missing and defaults:
        code.__defaults__ = tuple(spy.attach_lora if value is original else value for value in defaults)
    try:
        return attempt(function, model, r, alpha)
    finally:
        code.__defaults__ = defaults
        if original is missing:
            del namespace["attach_lora"]
        else:
            namespace["attach_lora"] = original


def plain_function(function: Any) -> Any:
    """The Python function behind a function, a partial, a bound method or a callable object, else None."""
    while not inspect.isfunction(function):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isfunction(call := vars(type(function)).get("__call__")):
            function = call
        else:
            return None
    return inspect.unwrap(function)


def own_update(model: nn.Module, inputs: Any, seed: int, r: int, scale: float) -> None:
    """Without a call of the stand-in the student injects by other means: fill the matrices found."""
    for name, module in model.named_modules():
        a, b = getattr(module, "lora_A", None), getattr(module, "lora_B", None)
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            value_a, value_b = inputs.peft_matrices(seed, name, a.shape[1], r)
            a.copy_(torch.from_numpy(value_a))
            b.copy_(torch.from_numpy(value_b) * scale)


def hooks(model: nn.Module) -> dict[str, list[int]]:
    """[forward hooks, forward pre-hooks] of every module that has any."""
    counts = {n: [len(m._forward_hooks), len(m._forward_pre_hooks)] for n, m in model.named_modules()}
    return {name: count for name, count in counts.items() if any(count)}


def remove(handles: Any) -> Report:
    """Call ``remove()`` on everything that was returned; how many handles there were."""
    if isinstance(handles, Mapping):
        handles = handles.values()
    items, error = attempt(list, handles)
    removable = [h for h in items or [] if callable(getattr(h, "remove", None))]
    for handle in removable:
        _, error = attempt(handle.remove)
    return {"count": len(items or []), "removable": len(removable), "error": error}


# --- TODO 7 and 8: PEFT ------------------------------------------------------------------------------------


def todo7(student: Student, inputs: Any, seed: int) -> Report:
    """What PEFT makes of the student's configuration on a small model and on GPT-2's true shape."""
    function = named(student, "make_lora_config")
    width = inputs.widths(seed)[0]
    config, error = attempt(function)
    report: Report = {"error": error, "returned": type(config).__name__}
    report["is_config"] = isinstance(config, LoraConfig)
    if error is not None or not report["is_config"]:
        return report
    model, report["error"] = peft(config, tiny_gpt2(inputs, seed, width))
    if report["error"] is not None:
        return report
    report |= {"parameters": parameters(model), "adapted": adapted(model)}
    ids = torch.from_numpy(inputs.token_ids(seed, "todo7"))
    model.train()
    with torch.no_grad():
        report["logits_initial"], report["error_initial"] = attempt(logits, model, ids)
        fill_adapters(model, inputs, seed, width)
        report["logits_filled"], report["error_filled"] = attempt(logits, model, ids)
    return report


def peft(config: Any, model: Any) -> tuple[Any, Report | None]:
    """``get_peft_model``, its warnings about Conv1D silenced: the student chose nothing wrong there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attempt(get_peft_model, model, config)


def adapted(model: nn.Module) -> dict[str, Report]:
    """Every module with LoRA matrices: its effective rank, scaling and dropout."""
    return {
        name.removeprefix("base_model.model."): {
            "r": plain_number(module.r.get("default")),
            "scaling": plain_number(module.scaling.get("default")),
            "dropout": float(getattr(module.lora_dropout["default"], "p", 0.0)),
            "a": module.lora_A["default"].weight.detach().clone(),
            "b": module.lora_B["default"].weight.detach().clone(),
        }
        for name, module in lora_layers(model)
    }


def lora_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Modules that PEFT adapted with ordinary LoRA matrices."""
    for name, module in model.named_modules():
        matrices = getattr(module, "lora_A", None)
        # AdaLoRA keeps bare parameters there.
        if isinstance(matrices, nn.ModuleDict) and "default" in matrices and hasattr(module, "base_layer"):
            yield name, module


def fill_adapters(model: nn.Module, inputs: Any, seed: int, width: int) -> None:
    """Write known A and B into every adapted c_attn, so that the effective scaling shows in the logits."""
    for name, module in lora_layers(model):
        a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
        plain = name.removeprefix("base_model.model.")
        value_a, value_b = inputs.peft_matrices(seed, plain, width, a.shape[0])
        if a.shape == value_a.shape and b.shape == value_b.shape:
            a.copy_(torch.from_numpy(value_a))
            b.copy_(torch.from_numpy(value_b))


def todo8(student: Student, inputs: Any, seed: int) -> Report:
    """What ``train_head`` toggles on a PEFT model: the student's own, or a plain one when theirs fails."""
    function = named(student, "train_head")
    width = inputs.widths(seed)[0]
    ids = torch.from_numpy(inputs.token_ids(seed, "todo8"))
    model, own = configured(student, inputs, seed, width)
    report: Report = {"own_config": own, "before": parameters(model), "checksums_before": checksums(model)}
    _, report["error"] = attempt(function, model)
    report |= {"after": parameters(model), "checksums_after": checksums(model)}
    report["reached"], report["backward_error"] = reached_by_gradients(model, ids)
    return report


def configured(student: Student, inputs: Any, seed: int, width: int) -> tuple[Any, bool]:
    """A PEFT model from the student's configuration if it works; else a plain one that keeps the head choice."""
    config = None
    if callable(student.get("make_lora_config")):
        config, _ = attempt(student["make_lora_config"])
        model, error = peft(config, tiny_gpt2(inputs, seed, width))
        ids = torch.from_numpy(inputs.token_ids(seed, "todo8"))
        if error is None and any(True for _ in lora_layers(model)) and attempt(logits, model, ids)[1] is None:
            return model, True
    saved = getattr(config, "modules_to_save", None)
    keep = ["score"] if isinstance(saved, list | tuple | set) and "score" in saved else None
    plain = LoraConfig(r=2, lora_alpha=2, target_modules=["c_fc"], bias="lora_only", modules_to_save=keep)
    return peft(plain, tiny_gpt2(inputs, seed, width))[0], False


PROBES: dict[str, Callable[[Student, Any, int], Report]] = {
    function.__name__: function for function in (todo1, todo2, todo3, todo4, todo5, todo6, todo7, todo8)
}
