"""Process-wide settings that a notebook may leave on, put into a known state while a probe runs.

A default device or dtype, switched-off gradients, anomaly mode, a hook on all modules: each changes what every
function does, so that one line of a notebook would decide over all exercises at once, and often inside a library.
While a probe runs they are as in a fresh process; what a call of the student's changes is undone after it.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .setting import Setting


def torch_settings() -> Any:
    """The module that knows PyTorch's settings; None where PyTorch was not imported."""
    if "torch" not in sys.modules:
        return None
    from . import torch_settings as found

    return found


def rows() -> list[Setting]:
    """Every setting that is looked after, as it is in this process before the first cell."""
    torch = torch_settings()
    return [
        *(torch.torch_rows() if torch else ()),
        Setting("NumPy's errors", np.geterr, lambda value: np.seterr(**value), np.geterr()),
        Setting("a trace function", sys.gettrace, sys.settrace, sys.gettrace()),
        Setting("a profiler", profile_function, sys.setprofile, profile_function()),
        Setting("a trace of memory", traced_frames, trace_memory, 0),
        Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, sys.getrecursionlimit()),
    ]


def profile_function() -> Any:
    """Python's profile function, or None; what a library's own profiler put there is no function."""
    found = sys.getprofile()
    return found if callable(found) else None


def traced_frames() -> int:
    """How many frames tracemalloc remembers of each piece of memory; 0 when it is off."""
    return tracemalloc.get_traceback_limit() if tracemalloc.is_tracing() else 0


def trace_memory(frames: int) -> None:
    """Switch tracemalloc on or off; the memory that it knew is forgotten."""
    tracemalloc.stop()
    if frames:
        tracemalloc.start(frames)


def generators() -> list[Setting]:
    """Random generators, put back after a probe, so that the cells below draw what they would draw at home."""
    torch = torch_settings()
    return [
        *(torch.torch_generators() if torch else ()),
        Setting("NumPy's generator", np.random.get_state, np.random.set_state, None),
        Setting("Python's generator", random.getstate, random.setstate, None),
    ]


def seed_all(seed: int) -> None:
    """Put the generators of Python, NumPy and torch (where it is loaded) into one known state."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        seeder_of(torch)(seed)


@functools.cache
def seeder_of(torch: Any) -> Callable[[int], object]:
    """What seeds PyTorch, as it was when it was first asked for.

    ``torch.manual_seed`` notes its caller's stack for each kind of device, at some cost; a build for processors alone
    has one generator.
    """
    devices = [getattr(torch.version, name, None) for name in ("cuda", "hip", "xpu")]
    only_processors = not any(devices) and not torch.backends.mps.is_built()
    return torch.default_generator.manual_seed if only_processors else torch.manual_seed  # type: ignore[no-any-return]


@contextlib.contextmanager
def fresh(settings: list[Setting]) -> Iterator[list[str]]:
    """A block with all settings as in a fresh process, and the names of those that were not."""
    with contextlib.ExitStack() as stack:
        left_on = []
        torch = torch_settings()
        # First, because many of the others cannot be set in it; only then, because leaving it sets gradients too.
        if torch and torch.is_inference_mode():
            left_on.append("inference mode")
            stack.enter_context(torch.outside_inference_mode())
        stack.callback(write_back, [(one.write, one.read()) for one in generators()])
        changed = [(one, now) for one in settings if (now := one.read()) != one.fresh]
        stack.callback(write_back, [(one.write, now) for one, now in reversed(changed)])
        for one, _ in changed:
            one.write(one.fresh)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield left_on + [one.name for one, _ in changed]


def write_back(values: list[tuple[Callable[[Any], object], Any]]) -> None:
    """Write these values."""
    for write, value in values:
        write(value)


def restorer(settings: list[Setting]) -> Callable[[], None]:
    """What puts the settings, and the filters of warnings, back that somebody changes from now on."""
    before = [one.read() for one in settings]
    filters = warnings.catch_warnings()
    filters.__enter__()

    def undo() -> None:
        filters.__exit__(None, None, None)
        for one, value in zip(settings, before, strict=True):
            if one.read() != value:
                one.write(value)

    return undo
