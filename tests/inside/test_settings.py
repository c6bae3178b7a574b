"""Process-wide settings are those of a fresh process while a probe runs, and what the notebook chose afterwards.

Covers autograder/inside/setting.py and autograder/inside/torch_settings.py.
"""

import random
import sys
import tracemalloc
import types
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.inside import settings

ROWS = settings.rows()


class Silent(TorchFunctionMode):
    """A function mode that changes every result."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return func(*args, **(kwargs or {})) if func is not torch.ones else torch.zeros(*args)


class Dispatching(TorchDispatchMode):
    """A dispatch mode that forbids additions."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if "add" in str(func):
            raise RuntimeError("no additions")
        return func(*args, **(kwargs or {}))


def refuse(*arguments: object) -> None:
    raise RuntimeError("a hook of the notebook's")


def trace(frame: types.FrameType, event: str, argument: object) -> None:
    if frame.f_code.co_name == "forward":
        raise RuntimeError("a trace function of the notebook's")


CHANGES: dict[str, Callable[[], object]] = {
    "gradients": lambda: torch.set_grad_enabled(False),
    "the default dtype": lambda: torch.set_default_dtype(torch.float64),
    "the default device or a function mode": lambda: torch.set_default_device("meta"),
    "a function mode": Silent().__enter__,
    "a dispatch mode": Dispatching().__enter__,
    "anomaly mode": lambda: torch.autograd.set_detect_anomaly(True),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "autocast on cpu": lambda: torch.autocast("cpu").__enter__(),
    "a forward hook on all modules": lambda: nn.modules.module.register_module_forward_hook(refuse),
    "a forward pre-hook on all modules": lambda: nn.modules.module.register_module_forward_pre_hook(refuse),
    "a backward hook on all modules": lambda: nn.modules.module.register_module_full_backward_hook(refuse),
    "a registration hook": lambda: nn.modules.module.register_module_parameter_registration_hook(refuse),
    "hooks for saved tensors": lambda: torch.autograd.graph.saved_tensors_hooks(refuse, refuse).__enter__(),
    "plain attention": lambda: torch.backends.cuda.enable_math_sdp(False),
    "NumPy's errors": lambda: np.seterr(all="raise"),
    "a trace function": lambda: sys.settrace(trace),
    "a profiler": lambda: sys.setprofile(trace),
    "PyTorch's profiler": lambda: torch.profiler.profile().__enter__(),
    "PyTorch's profiler of the stack": lambda: torch.autograd.profiler.profile(with_stack=True).__enter__(),
    "a trace of memory": lambda: tracemalloc.start(25),
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test leaves on is gone after it."""
    before = [(one.write, one.read()) for one in ROWS]
    yield
    settings.write_back(before)


def step() -> tuple[torch.dtype, str, list[float]]:
    """What a training step gives in a fresh process."""
    layer = nn.Linear(2, 1)
    (layer(torch.ones(1, 2)).sum() + 0).backward()
    assert layer.weight.grad is not None
    return layer.weight.dtype, layer.weight.device.type, layer.weight.grad.tolist()


EXPECTED = (torch.float32, "cpu", [[1.0, 1.0]])


def undisturbed() -> bool:
    """Whether a training step goes as in a fresh process."""
    try:
        return step() == EXPECTED
    except (RuntimeError, AssertionError, NotImplementedError):
        return False


@pytest.mark.parametrize("change", CHANGES)
def test_a_setting_is_fresh_in_the_block_and_the_notebooks_after_it(change: str) -> None:
    # pytest and its plugins have settings of their own, such as a recursion limit.
    others = [one.name for one in ROWS if one.read() != one.fresh]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CHANGES[change]()
    changed = [one.read() for one in ROWS]
    with settings.fresh(ROWS) as left_on:
        assert step() == EXPECTED
        assert len(set(left_on) - set(others)) == 1
    assert [one.read() for one in ROWS] == changed


@pytest.mark.parametrize(
    "change", ["gradients", "the default dtype", "a dispatch mode", "a forward hook on all modules"]
)
def test_twin_without_the_block_the_same_change_is_felt(change: str) -> None:
    CHANGES[change]()
    assert not undisturbed()


def test_inference_mode_is_left_for_the_block() -> None:
    with torch.inference_mode():
        with settings.fresh(ROWS):
            assert step() == EXPECTED
        assert torch.is_inference_mode_enabled()


def test_a_profiler_that_was_on_can_be_left_after_the_block() -> None:
    with torch.autograd.profiler.profile(with_stack=True) as profiler:
        with settings.fresh(ROWS):
            assert [one.read() for one in ROWS if one.name == "PyTorch's profiler"] == [False]
        torch.ones(2) + 1
    assert any("add" in one.key for one in profiler.key_averages())


def test_what_a_call_changes_is_undone_after_it_and_no_more() -> None:
    torch.set_default_dtype(torch.float64)
    undo = settings.restorer(ROWS)
    torch.set_grad_enabled(False)
    undo()
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float64


def test_filters_of_warnings_that_a_call_sets_are_undone_after_it() -> None:
    with settings.fresh(ROWS):
        undo = settings.restorer(ROWS)
        warnings.simplefilter("error")
        undo()
        warnings.warn("nobody hears this", stacklevel=1)


def test_generators_draw_on_as_if_nothing_had_been_drawn() -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), np.random.random(), random.random()

    def seed() -> None:
        torch.manual_seed(3)
        np.random.seed(3)
        random.seed(3)

    seed()
    expected = draw()
    seed()
    with settings.fresh(ROWS):
        draw()
    assert draw() == expected


def test_warnings_raise_nothing_in_the_block() -> None:
    with settings.fresh(ROWS):
        warnings.warn("would be an error here", stacklevel=1)
        assert warnings.filters[0][0] == "ignore"


def test_seeding_gives_what_the_library_itself_would_draw() -> None:
    with settings.fresh(ROWS):
        torch.manual_seed(3)
        theirs = torch.rand(2)
        settings.seed_all(3)
        assert torch.equal(torch.rand(2), theirs)


@pytest.mark.parametrize(("built_for", "seeds"), [(None, []), ("12.4", [3])], ids=["processors", "a card"])
def test_a_build_that_knows_a_card_has_all_its_generators_seeded(built_for: str | None, seeds: list[int]) -> None:
    seen: list[int] = []
    library = types.SimpleNamespace(
        version=types.SimpleNamespace(cuda=built_for),
        backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_built=lambda: False)),
        default_generator=types.SimpleNamespace(manual_seed=lambda seed: None),
        manual_seed=seen.append,
    )
    settings.seeder_of.__wrapped__(library)(3)
    assert seen == seeds
