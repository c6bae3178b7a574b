"""What TODO 3 and TODO 4 have in common: which hooks can be judged, and what all of them must have. Never shipped."""

import functools

import numpy as np

from autograder.errors import StudentError
from autograder.models import Observation

from . import inputs
from .hook import WORKING, Hook, Hooks
from .signs import reason


@functools.lru_cache(maxsize=4)
def usable(found: Hooks) -> Hooks:
    """The hooks that run, two at least, once it is clear that W and its bias are what they were."""
    for hook in found:
        hook.report.completed("`attach_lora`")
        assert_pretrained_layer(hook.report, hook.seed, hook.case)
        assert not hook.report["is_layer"].flag(), "attach_lora returned the layer; it must return the hook function"
        has_hook = hook.report["callable"].flag() or hook.report["registered_itself"].flag()
        returned = hook.report["returned"].text()
        assert has_hook, f"attach_lora must return the hook function, got {RETURNED.get(returned, OTHER)}"
        nothing = "no A of shape (r, in) and B of shape (out, r) was found on the layer when attach_lora had returned"
        assert "found" in hook.report, nothing
        assert hook.report["found"].flag(), nothing
    working = tuple(hook for hook in found if runs(hook))
    if len(working) < 2:
        raise AssertionError(reason(found, "the hook raises"))
    return working


RETURNED = {
    "NoneType": "nothing: is there a `return`?",
    "Tensor": "a tensor: return the function itself, without calling it",
    "Parameter": "a parameter",
    "tuple": "a tuple",
    "list": "a list",
    "dict": "a dict",
    "str": "a text",
    "RemovableHandle": "a handle: the caller registers the hook",
    "generator": "a generator: attach_lora holds a `yield`",
}
"""The class of what attach_lora returned -> what it is called."""
OTHER = "an object that cannot be called: it has no `__call__`"


def runs(hook: Hook) -> bool:
    """Whether both working passes gave an output of the right shape."""
    try:
        return all(hook.output(name) is not None for name in WORKING)
    except StudentError:
        return False


@functools.lru_cache(maxsize=4)
def everywhere(found: Hooks) -> Hooks:
    """The hooks, once it is clear that each runs, whatever the number of x's dimensions."""
    if len(usable(found)) < len(found):
        raise AssertionError(reason(found, "the hook raises for some inputs"))
    return found


@functools.lru_cache(maxsize=32)
def assert_pretrained_layer(report: Observation, seed: int, case: inputs.LayerCase) -> None:
    """W and b hold the values that they came with."""
    for name, value in zip(("weight", "bias"), inputs.layer_weights(seed, case), strict=True):
        changed = f"the pretrained {name} was changed: LoRA only adds to the layer, and never touches what it holds"
        assert report[name].values is not None, changed
        assert np.array_equal(report[name].array(*value.shape), value), changed


@functools.lru_cache(maxsize=4)
def acting(found: Hooks) -> Hooks:
    """The hooks that change their layer's output; all but one have to (int(alpha / r) is 0 in one case)."""
    working = usable(found)
    active = tuple(hook for hook in working if all(hook.acts(name) for name in WORKING))
    if len(active) < len(working) - 1:
        raise AssertionError(reason(found, "the output is that of the layer alone"))
    return active


def assert_returned(found: Hooks) -> None:
    """attach_lora leaves it to the caller to register the hook."""
    for hook in found:
        twice = "attach_lora registered the hook itself: the caller registers it too, so LoRA would apply twice"
        assert not hook.report["registered_itself"].flag(), twice
