"""What can be said of wrong hooks: a cause where it is certain, else the property that failed. Never shipped."""

from collections.abc import Iterator

import numpy as np

from autograder.errors import StudentError

from . import explain
from .hook import EVERY, LAYER_DTYPE, MODES, SAME_AGAIN, WORKING, Hook, Hooks, kept_array


def reason(found: Hooks, otherwise: str) -> str:
    """The one known mistake that explains everything, else what shows first, else the property that failed."""
    try:
        return next(signs(found), None) or otherwise
    except StudentError as error:
        return str(error)


def signs(found: Hooks) -> Iterator[str]:
    """What can be said of wrong hooks, the most telling first."""
    if any(changes_x(hook, name) for hook in found for name in ("start", *EVERY)):
        yield "the hook changes its input x; it has to change or replace `output`"
    yield from signs_of_calls(found)
    yield from signs_of_errors(found)
    yield from signs_of_side_effects(found)
    exact = all(hook.right(name) for hook in found for name in WORKING)
    if not any(hook.acts(name) for hook in found for name in WORKING) and any(hook.acts("eval") for hook in found):
        yield "the hook acts in eval mode alone: LoRA's formula is the same in every mode"
    dtypes = {hook.dtype(name) for hook in found for name in WORKING} - {LAYER_DTYPE}
    if dtypes:
        yield f"the hook changes the output's dtype from {LAYER_DTYPE} to {min(dtypes)}"
    if not exact:
        passes = [(hook.given(name), hook.output(name)) for hook in found for name in WORKING]
        cause = explain.cause([p for p, _ in passes], [output for _, output in passes])
        if cause is not None:
            yield cause
        elif all(hook.off(name) <= 0.02 for hook in found for name in WORKING):
            yield ("the output is right to two digits only: does the hook compute in half precision, or is something "
                   "small added?")  # fmt: skip
        elif len({verdict(hook) for hook in found}) > 1 and any(verdict(hook) for hook in found):
            right = tuple(hook for hook in found if verdict(hook))
            yield from signs_of_cases(found, right)
    for name, words in MODES.items():
        if not all(hook.same(name, "pass_1") for hook in found):
            yield f"{words} the hook gives another output than in training; LoRA's formula is the same in every mode"


def verdict(hook: Hook) -> bool:
    """Whether both working passes are right."""
    return all(hook.right(name) for name in WORKING)


def signs_of_cases(found: Hooks, right: Hooks) -> Iterator[str]:
    """What the cases that are right have in common, and no other has."""
    common: dict[str, set[str]] = {
        "for r = 1": {hook.case.name for hook in found if hook.case.r == 1},
        "for x with two dimensions": {hook.case.name for hook in found if len(hook.case.x_shape) == 2},
        "for x with three dimensions": {hook.case.name for hook in found if len(hook.case.x_shape) == 3},
        "on the layer that was attached to last: does the hook use a global variable?": {found[-1].case.name},
    }
    names = {hook.case.name for hook in right}
    fitting = [words for words, cases in common.items() if cases == names]
    if len(fitting) == 1:
        yield f"the output is right only {fitting[0]}"


def signs_of_calls(found: Hooks) -> Iterator[str]:
    """Which other arguments hooks would work with, if only one kind would do and all of them raise."""
    reports = [hook.report["called_otherwise"] for hook in found if "called_otherwise" in hook.report]
    if len(reports) < len(found):
        return
    names = {name for report in reports for name, _ in report.items()}
    fitting = [name for name in sorted(names) if all(works(hook, name) for hook in found)]
    if len(fitting) == 1:
        yield OTHER_CALLS.get(fitting[0], TAKES.format(fitting[0]))


TAKES = "the hook takes ({}); PyTorch calls it with (module, input, output), whatever the names, and x is input[0]"
OTHER_CALLS = {
    "module, x, output": "the hook takes its second argument for x; PyTorch hands a tuple over, and x is input[0]",
    "": "attach_lora must return the hook function; what it returns makes one when it is called",
}


def works(hook: Hook, name: str) -> bool:
    """Whether a hook, called with these arguments, adds a multiple of B A x; for none, whether it makes a function."""
    report = hook.report["called_otherwise"]
    if name not in report:
        return False
    if not name:
        return report[name]["returned"].text() in ("function", "method", "partial")
    found = kept_array(report[name], "output")
    return found is not None and found.shape == hook.given("pass_1").plain.shape and bool(hook.fit_of(found, "pass_1"))


def signs_of_errors(found: Hooks) -> Iterator[str]:
    """Which hooks raise, and what."""
    failed = [hook for hook in found if hook.report["pass_0"]["error"].values is not None]
    if failed and len(failed) < len(found):
        working = tuple(hook for hook in found if hook not in failed)
        if all(verdict(hook) for hook in working):
            told = told_error(failed[0])
            for words in signs_of_cases(found, working):
                yield f"{words}; elsewhere {told}"
    for hook in found:
        for name in ("pass_0", "pass_1", *SAME_AGAIN):
            hook.output(name)


def changes_x(hook: Hook, name: str) -> bool:
    """Whether x is another after a pass."""
    report = hook.report[name]
    return "x" in report and not np.array_equal(report["x"].array(*hook.case.x_shape), hook.given(name).x)


def told_error(hook: Hook) -> str:
    """What a failed pass raised."""
    try:
        hook.output("pass_0")
    except StudentError as error:
        return str(error)
    return ""


def signs_of_side_effects(found: Hooks) -> Iterator[str]:
    """What a hook does beside computing an output."""
    for hook in found:
        p = hook.given("pass_1")
        if not (np.array_equal(hook.matrix("end_a"), p.a) and np.array_equal(hook.matrix("end_b"), p.b)):
            yield "the hook changes A or B themselves: only training may"
    if all(repeats(hook) for hook in found):
        yield ("the hook repeats the update of its first call: it keeps nothing between calls, and computes with this "
               "call's x, A and B")  # fmt: skip
    if not all(hook.same("again", "pass_1") for hook in found):
        yield ("two calls with the same x, A and B give different outputs: a LoRA hook has no dropout and no noise, "
               "and keeps nothing from one call to the next")  # fmt: skip


def repeats(hook: Hook) -> bool:
    """Whether the same is added to W x + b in different calls, though x, A and B were others."""
    added = [hook.output(name) - hook.given(name).plain for name in ("start", *WORKING)]
    seen = all(hook.acts(name) for name in WORKING)
    return seen and all(np.abs(one - added[0]).max() <= 1e-3 * np.abs(added[0]).max() for one in added)
