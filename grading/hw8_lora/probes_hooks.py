"""TODO 3 and 4: what a hook makes of known inputs, and how A and B start."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autograder.inside.calls import Report, Student, attempt, class_name, named
from autograder.inside.parameters import FORWARD_HOOKS, TENSORS, entries, vars_of

from .probes_layers import Found, canonical, conv1d, fill, find_matrices, pretrained, where


def todo3(student: Student, inputs: Any, seed: int) -> Report:
    """What the hook makes of known inputs, in every mode and with changing A and B."""
    return hook_reports(named(student, "attach_lora"), inputs, seed)


def hook_reports(function: Callable[..., Any], inputs: Any, seed: int) -> Report:
    """One report per case. All layers are attached to before the first is run: a hook belongs to its own layer."""
    attached = []
    for case in inputs.layer_cases(seed, "todo3"):
        layer = conv1d(inputs, seed, case)
        seeded(seed % 1_000_003)
        attached.append((case, layer, *attempt(function, layer, case.r, case.alpha, case.n_in, case.n_out)))
    return {case.name: hook_case(layer, hook, error, inputs, seed, case) for case, layer, hook, error in attached}


def seeded(seed: int) -> None:
    """Put the generator of the processor into a known state; ``torch.manual_seed`` looks for every kind of device."""
    torch.default_generator.manual_seed(seed)


def hook_case(layer: Any, hook: Any, error: Report | None, inputs: Any, seed: int, case: Any) -> Report:
    """Register the hook, and run the passes."""
    own = [function for _, function in entries(vars_of(layer).get(FORWARD_HOOKS))]
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
    vars_of(layer)[FORWARD_HOOKS].clear()
    nn.Module.register_forward_hook(layer, hook)
    return report | hook_passes(layer, a, b, inputs, seed, case) | pretrained(layer)


def hook_passes(layer: Any, a: Found, b: Found, inputs: Any, seed: int, case: Any) -> Report:
    """As attached; with other A and B, twice; then the last ones in other modes; then with B = 0."""
    arrays = [inputs.layer_pass(seed, case, number) for number in (0, 1)]
    x = torch.from_numpy(arrays[1][2])
    seeded(seed % 1_000_003)
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
    report["zero"] = zero_pass(layer, a, b, arrays[1])
    return report


def zero_pass(layer: Any, a: Found, b: Found, arrays: Any) -> Report:
    """One pass with B = 0, and the gradient with which B leaves zero, where TODO 4 lets it start."""
    report = hook_pass(layer, a, b, (arrays[0], 0 * arrays[1], *arrays[2:]))
    return {key: value for key, value in report.items() if key not in ("grad_a", "grad_x")}


def separate(a: torch.Tensor, b: torch.Tensor) -> None:
    """Give the two memory of their own, and make leaves of them, as parameters are: that is TODO 2's question alone.

    The results of an operation on a parameter are no leaves: PyTorch keeps no gradient for them.
    """
    shared = a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    for tensor in (a, b):
        if not tensor.is_leaf:
            make_leaf(tensor)
        if shared or overlaps(tensor):
            tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)


def make_leaf(tensor: torch.Tensor) -> None:
    """Have PyTorch keep the gradient of a result of an operation, as it keeps that of a parameter."""
    try:
        tensor.detach_()
    except RuntimeError:  # part of a parameter, or its transpose
        tensor.retain_grad()
    tensor.requires_grad_(True)


def overlaps(tensor: torch.Tensor) -> bool:
    """Whether two entries are one number in memory: expanded, or rows that reach into each other."""
    reach = 1 + sum((length - 1) * step for length, step in zip(tensor.shape, tensor.stride(), strict=True))
    places = torch.arange(reach).as_strided(tensor.shape, tensor.stride())
    return bool(places.unique().numel() < tensor.numel())


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
    hook = vars_of(layer)[FORWARD_HOOKS].popitem()[1]
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
    # A copy, which whoever looks at gradients on their way may change.
    _, report["backward_error"] = attempt(torch.Tensor.backward, output, torch.from_numpy(arrays[3]).clone())
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
        # All are made before the first is attached to: nothing but attach_lora draws a number in between.
        layers = [conv1d(inputs, seed, case) for _ in range(3)]
        for number, (label, reseed) in enumerate((("first", True), ("second", False), ("other_seed", True))):
            if reseed:
                seeded(seed % 1_000_003 + 17 * number + 1)
            report[f"{case.name}_{label}"] = init_case(function, layers[number], case, owners)
    return report | {"hooks": hook_reports(function, inputs, seed)}


def init_case(function: Callable[..., Any], layer: Any, case: Any, owners: dict[int, Any]) -> Report:
    """The matrices of one freshly attached layer. ``owners`` keeps every A alive, so that an identity is taken once."""
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
