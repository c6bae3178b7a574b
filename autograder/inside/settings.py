"""Process-wide settings that a notebook may leave on, put into a known state while a probe runs.

A default device or dtype, switched-off gradients, anomaly mode, a hook on all modules: each changes what every
function does, so that one line of a notebook would decide over all exercises at once, and often inside a library.
While a probe runs they are as in a fresh process; what a call of the student's changes is undone after it.
"""

from __future__ import annotations

import contextlib
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.utils import _python_dispatch as dispatch


class Setting(NamedTuple):
    """One setting: what it is called, how it is read and written, and its value in a fresh process."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    fresh: Any


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


def global_hooks() -> dict[str, dict[Any, Any]]:
    """Copies of the registries of hooks for all modules and all optimizers."""
    spaces = (vars(modules), vars(optimizers))
    return {k: dict(v) for space in spaces for k, v in space.items() if k.startswith("_global_") and is_registry(v)}


def set_global_hooks(value: dict[str, dict[Any, Any]]) -> None:
    """Fill the registries with these; one that is not named is emptied."""
    for space in (vars(modules), vars(optimizers)):
        for name, registry in space.items():
            if name.startswith("_global_") and is_registry(registry):
                registry.clear()
                registry.update(value.get(name, {}))


def is_registry(value: Any) -> bool:
    """Whether a module-level value is a registry of hooks."""
    return isinstance(value, dict)


def rows() -> list[Setting]:
    """Every setting that is looked after, as it is in this process before the first cell."""
    cuda = torch.backends.cuda
    return [
        Setting("gradients", torch.is_grad_enabled, torch._C._set_grad_enabled, True),
        Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        Setting("the default device or a function mode", default_device, set_default_device, (None, ())),
        Setting("a dispatch mode", dispatch._get_current_dispatch_mode_stack, set_dispatch_modes, []),
        Setting("anomaly mode", anomaly_mode, lambda value: torch.set_anomaly_enabled(*value), (False, True)),
        Setting("deterministic algorithms", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
        autocast("cpu"),
        autocast("cuda"),
        Setting("hooks for all modules", global_hooks, set_global_hooks, global_hooks()),
        Setting("hooks for saved tensors", saved_tensor_hooks, set_saved_tensor_hooks, []),
        Setting("flash attention", cuda.flash_sdp_enabled, cuda.enable_flash_sdp, True),
        Setting("efficient attention", cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp, True),
        Setting("plain attention", cuda.math_sdp_enabled, cuda.enable_math_sdp, True),
        Setting(
            "the precision of products", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision,
            torch.get_float32_matmul_precision(),
        ),
        Setting("NumPy's errors", np.geterr, lambda value: np.seterr(**value), np.geterr()),
        Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, sys.getrecursionlimit()),
    ]  # fmt: skip


GENERATORS = [
    Setting("torch's generator", torch.get_rng_state, torch.set_rng_state, None),
    Setting("NumPy's generator", np.random.get_state, np.random.set_state, None),
    Setting("Python's generator", random.getstate, random.setstate, None),
]
"""Put back after a probe, so that the cells below draw what they would draw at home."""


@contextlib.contextmanager
def fresh(settings: list[Setting]) -> Iterator[list[str]]:
    """A block with all settings as in a fresh process, and the names of those that were not."""
    with contextlib.ExitStack() as stack:
        # First: in inference mode many of the others cannot be set.
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.callback(put_back, [(one.write, one.read()) for one in GENERATORS])
        changed = [(one, now) for one in settings if (now := one.read()) != one.fresh]
        stack.callback(put_back, [(one.write, now) for one, now in reversed(changed)])
        for one, _ in changed:
            one.write(one.fresh)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield [one.name for one, _ in changed]


def put_back(values: list[tuple[Callable[[Any], object], Any]]) -> None:
    """Write these values."""
    for write, value in values:
        write(value)


def keep(settings: list[Setting]) -> Callable[[], None]:
    """What puts the settings back that somebody changes from now on."""
    before = [one.read() for one in settings]

    def undo() -> None:
        for one, value in zip(settings, before, strict=True):
            if one.read() != value:
                one.write(value)

    return undo
