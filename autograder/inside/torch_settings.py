"""PyTorch's process-wide settings: how each is read and written, and its value in a fresh process.

Private parts of torch 2.13 stand here and nowhere else.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import torch
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.utils import _python_dispatch as dispatch

from .setting import Setting


def outside_inference_mode() -> contextlib.AbstractContextManager[Any]:
    """A block outside of inference mode, in which many of the others cannot be set."""
    return torch.inference_mode(False)


def unasked() -> contextlib.AbstractContextManager[Any]:
    """A block in which PyTorch's own functions work on tensors of a subclass without asking its class."""
    block: contextlib.AbstractContextManager[Any] = torch._C.DisableTorchFunctionSubclass()
    return block


def is_inference_mode() -> bool:
    """Whether tensors are made that can never take part in autograd."""
    return torch.is_inference_mode_enabled()


def autocast(device: str) -> Setting:
    """Automatic casting to 16 bits on one kind of device."""
    read, write = partial(torch.is_autocast_enabled, device), partial(torch.set_autocast_enabled, device)
    return Setting(f"autocast on {device}", read, write, False)


def anomaly_mode() -> tuple[bool, bool]:
    """Whether autograd keeps the forward pass's stack, and whether it looks for NaN; the latter alone does nothing."""
    enabled = torch.is_anomaly_enabled()
    return enabled, torch.is_anomaly_check_nan_enabled() if enabled else True


def default_device() -> tuple[Any, Any]:
    """The device context that torch keeps, and the function modes, of which it is one."""
    count = torch._C._len_torch_function_stack()
    held = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return held, tuple(torch._C._get_function_stack_at(i) for i in range(count))


def set_default_device(value: tuple[Any, Any]) -> None:
    """Put the device context and the function modes back."""
    for _ in range(torch._C._len_torch_function_stack()):
        torch._C._pop_torch_function_stack()
    for mode in value[1]:
        torch._C._push_on_torch_function_stack(mode)
    torch._GLOBAL_DEVICE_CONTEXT.device_context = value[0]


def set_dispatch_modes(value: list[Any]) -> None:
    """Put the dispatch modes back."""
    for _ in dispatch._get_current_dispatch_mode_stack():
        dispatch._pop_mode()
    for mode in value:
        dispatch._push_mode(mode)


def saved_tensor_hooks() -> list[Any]:
    """The default hooks for tensors that autograd saves, outermost first."""
    found = []
    while (top := torch._C._autograd._top_saved_tensors_default_hooks(True)) is not None:
        torch._C._autograd._pop_saved_tensors_default_hooks()
        found.append(top)
    for pair in reversed(found):
        torch._C._autograd._push_saved_tensors_default_hooks(*pair[:2])
    return found[::-1]


def set_saved_tensor_hooks(value: list[Any]) -> None:
    """Put these hooks in place of those that are there."""
    while torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
        torch._C._autograd._pop_saved_tensors_default_hooks()
    for pair in value:
        torch._C._autograd._push_saved_tensors_default_hooks(*pair[:2])


def set_profiler(value: bool) -> None:
    """Switch PyTorch's profiler on or off, on without a record of Python's stack, which makes every call slow.

    A notebook that leaves its own profiler later finds one that runs; what was seen before is lost.
    """
    if not value:
        torch._C._autograd._disable_profiler()
        return
    parts = torch._C._profiler
    # Shapes, memory, stack, floating-point operations and modules are not recorded.
    kineto, no = parts.ProfilerState.KINETO, False
    choices = parts.ProfilerConfig(kineto, no, no, no, no, no, parts._ExperimentalConfig())
    activities = {parts.ProfilerActivity.CPU}
    torch._C._autograd._prepare_profiler(choices, activities)
    torch._C._autograd._enable_profiler(choices, activities)


REGISTRIES = [
    (space, name)
    for space in (vars(modules), vars(optimizers))
    for name, value in space.items()
    if name.startswith("_global_") and isinstance(value, dict)
]
"""Where PyTorch keeps the hooks for all modules and all optimizers: namespace and name."""


def registries() -> list[tuple[str, dict[Any, Any]]]:
    """Name and registry; one that a notebook replaced by something else is left out."""
    return [(name, found) for space, name in REGISTRIES if isinstance(found := space.get(name), dict)]


def global_hooks() -> dict[str, dict[Any, Any]]:
    """Copies of the registries that hold something."""
    return {name: dict(registry) for name, registry in registries() if registry}


def set_global_hooks(value: dict[str, dict[Any, Any]]) -> None:
    """Fill the registries with these; one that is not named is emptied."""
    for name, registry in registries():
        registry.clear()
        registry.update(value.get(name, {}))


def torch_rows() -> list[Setting]:
    """Every setting of PyTorch's that is looked after, as it is in this process before the first cell."""
    cuda = torch.backends.cuda
    precision = torch.get_float32_matmul_precision
    deterministic = torch.get_deterministic_debug_mode
    return [
        Setting("gradients", torch.is_grad_enabled, torch._C._set_grad_enabled, True),
        Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        Setting("the default device or a function mode", default_device, set_default_device, (None, ())),
        Setting("a dispatch mode", dispatch._get_current_dispatch_mode_stack, set_dispatch_modes, []),
        Setting("anomaly mode", anomaly_mode, lambda value: torch.set_anomaly_enabled(*value), (False, True)),
        Setting("deterministic algorithms", deterministic, torch.set_deterministic_debug_mode, 0),
        Setting("PyTorch's profiler", torch._C._autograd._profiler_enabled, set_profiler, False),
        autocast("cpu"),
        autocast("cuda"),
        Setting("hooks for all modules", global_hooks, set_global_hooks, global_hooks()),
        Setting("hooks for saved tensors", saved_tensor_hooks, set_saved_tensor_hooks, []),
        Setting("flash attention", cuda.flash_sdp_enabled, cuda.enable_flash_sdp, True),
        Setting("efficient attention", cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp, True),
        Setting("plain attention", cuda.math_sdp_enabled, cuda.enable_math_sdp, True),
        Setting("the precision of products", precision, torch.set_float32_matmul_precision, precision()),
    ]


def torch_generators() -> list[Setting]:
    """PyTorch's random generator."""
    return [Setting("torch's generator", torch.get_rng_state, torch.set_rng_state, None)]
