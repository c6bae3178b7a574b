"""What TODO 3 and TODO 4 have in common: reading what a hook did in every pass, and saying why it is wrong."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autograder.errors import StudentError
from autograder.models import Observation

from . import explain, inputs, mistakes_hook, reference

WORKING = ("pass_0", "pass_1")
SAME_AGAIN = ("again", "eval", "no_grad", "inference")
MODES = {"eval": "in eval mode", "no_grad": "under torch.no_grad()", "inference": "in inference mode"}
EVERY = (*WORKING, *SAME_AGAIN, "zero")
LAYER_DTYPE = "torch.float32"


@dataclass(frozen=True)
class Hook:
    """The hook of one case, as the probe reported it."""

    report: Observation
    seed: int
    case: inputs.LayerCase

    def given(self, name: str) -> mistakes_hook.Pass:
        """What the hook had to work with in one pass."""
        w, bias, a, b, x, _ = arrays(self.seed, self.case, 0 if name in ("start", "pass_0") else 1)
        start_a, start_b = self.matrix("start_a"), self.matrix("start_b")
        if name == "start":
            a, b = start_a, start_b
        b = b * 0 if name == "zero" else b
        return mistakes_hook.Pass(x, w, bias, a, b, self.case.alpha, self.case.r, start_a, start_b)

    def matrix(self, key: str) -> reference.Array:
        """A or B at some time."""
        case = self.case
        return self.report[key].array(*((case.r, case.n_in) if key.endswith("a") else (case.n_out, case.r)))

    def output(self, name: str) -> reference.Array:
        """What came out; StudentError when something was raised or the shape is another."""
        try:
            done = self.report[name].completed(f"the forward pass with your hook{self.where(name)}")
        except StudentError as error:
            raise StudentError(f"{error}{clue(str(error))}") from error
        try:
            return done["output"].array(*self.case.x_shape[:-1], self.case.n_out)
        except StudentError as error:
            lost = (
                "with the hook the output has another shape than without it: the update must keep every dimension of x"
            )
            raise StudentError(lost) from error

    def where(self, name: str) -> str:
        """What is said of a pass in which alone the hook raises."""
        alone = name in MODES and self.report["pass_1"]["error"].values is None
        return f" {MODES[name]}" if alone else ""

    def right(self, name: str) -> bool:
        """Whether the output of a pass is W x + b + (alpha / r) B A x, in the layer's dtype."""
        return self.off(name) <= reference.TOLERANCE and self.dtype(name) == LAYER_DTYPE

    def off(self, name: str) -> float:
        """The largest error of a pass's output, as a share of its largest entry."""
        p = self.given(name)
        expected = p.plain + p.alpha / p.r * p.update
        return float(np.abs(self.output(name) - expected).max() / np.abs(expected).max())

    def dtype(self, name: str) -> str:
        """The output's dtype; that of A, if it is kept in another one, was TODO 2's question."""
        found = self.report[name]["dtype"].text()
        return LAYER_DTYPE if found == self.report["kept_in"].text() else found

    def same(self, one: str, other: str) -> bool:
        """Whether two passes have the same output."""
        return reference.close(self.output(one), self.output(other))

    def acts(self, name: str) -> bool:
        """Whether a pass changes the layer's output at all."""
        return not reference.close(self.output(name), self.given(name).plain)

    def fit(self, name: str) -> tuple[float, float] | None:
        """(share of W x, factor of B A x) in an output that is made of W x, b and B A x; None for any other.

        A little noise on top, up to 5 % of the largest entry, is another mistake.
        """
        return self.fit_of(self.output(name), name)

    def fit_of(self, found: reference.Array, name: str) -> tuple[float, float] | None:
        """The same of any array."""
        p = self.given(name)
        parts = [p.x @ p.w, np.broadcast_to(p.bias, found.shape), p.update]
        basis = np.stack([part.ravel() for part in parts], axis=1)
        shares = np.linalg.lstsq(basis, found.ravel(), rcond=None)[0]
        off = np.abs(basis @ shares - found.ravel()).max()
        seen = np.abs(shares[2] * p.update).max() > 1e-3 * np.abs(found).max()
        return (float(shares[0]), float(shares[2])) if seen and off <= 0.05 * np.abs(found).max() else None


CLUES = (
    (("shapes cannot be multiplied", "must match the size"), "write the shape of each factor beside it: x (..., in), "
     "A (r, in), B (out, r) of the layer that the hook was made for"),
    (("positional argument",), "PyTorch calls a hook with three arguments: hook(module, input, output)"),
    (("returned a coroutine",), "a hook is an ordinary function: it is defined without `async`"),
    (("returned a generator",), "a hook returns its result: it holds no `yield`"),
    (("RecursionError",), "whoever calls a layer in its own hook runs the hook again: `output` holds W0 x + b already"),
)  # fmt: skip
"""Words of an exception -> what is true whatever its cause was."""


def clue(error: str) -> str:
    """What helps with an exception in a hook, or nothing."""
    return next((f"\n  {help}" for words, help in CLUES if any(word in error for word in words)), "")


@functools.lru_cache(maxsize=64)
def arrays(seed: int, case: inputs.LayerCase, number: int) -> tuple[reference.Array, ...]:
    """Weight, bias, A, B, x and the output's gradient of one pass, in float64."""
    parts = (*inputs.layer_weights(seed, case), *inputs.layer_pass(seed, case, number))
    return tuple(part.astype(np.float64) for part in parts)


def hooks(report: Observation, seed: int) -> list[Hook]:
    """The hooks of all cases."""
    return [Hook(report[case.name], seed, case) for case in inputs.layer_cases(seed, "todo3")]


def usable(found: list[Hook]) -> list[Hook]:
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
    working = [hook for hook in found if runs(hook)]
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


def everywhere(found: list[Hook]) -> list[Hook]:
    """The hooks, once it is clear that each runs, whatever the number of x's dimensions."""
    if len(usable(found)) < len(found):
        raise AssertionError(reason(found, "the hook raises for some inputs"))
    return found


def assert_pretrained_layer(report: Observation, seed: int, case: inputs.LayerCase) -> None:
    """W and b hold the values that they came with."""
    for name, value in zip(("weight", "bias"), inputs.layer_weights(seed, case), strict=True):
        changed = f"the pretrained {name} was changed: LoRA only adds to the layer, and never touches what it holds"
        assert report[name].values is not None, changed
        assert np.array_equal(report[name].array(*value.shape), value), changed


def acting(found: list[Hook]) -> list[Hook]:
    """The hooks that change their layer's output; all but one have to (int(alpha / r) is 0 in one case)."""
    working = usable(found)
    active = [hook for hook in working if all(hook.acts(name) for name in WORKING)]
    if len(active) < len(working) - 1:
        raise AssertionError(reason(found, "the output is that of the layer alone"))
    return active


def assert_returned(found: list[Hook]) -> None:
    """attach_lora leaves it to the caller to register the hook."""
    for hook in found:
        twice = "attach_lora registered the hook itself: the caller registers it too, so LoRA would apply twice"
        assert not hook.report["registered_itself"].flag(), twice


def reason(found: list[Hook], otherwise: str) -> str:
    """The one known mistake that explains everything, else what shows first, else the property that failed."""
    try:
        return next(signs(found), None) or otherwise
    except StudentError as error:
        return str(error)


def signs(found: list[Hook]) -> Iterator[str]:
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
            right = [hook for hook in found if verdict(hook)]
            yield from signs_of_cases(found, right)
    for name, words in MODES.items():
        if not all(hook.same(name, "pass_1") for hook in found):
            yield f"{words} the hook gives another output than in training; LoRA's formula is the same in every mode"


def verdict(hook: Hook) -> bool:
    """Whether both working passes are right."""
    return all(hook.right(name) for name in WORKING)


def signs_of_cases(found: list[Hook], right: list[Hook]) -> Iterator[str]:
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


def signs_of_calls(found: list[Hook]) -> Iterator[str]:
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


def signs_of_errors(found: list[Hook]) -> Iterator[str]:
    """Which hooks raise, and what."""
    failed = [hook for hook in found if hook.report["pass_0"]["error"].values is not None]
    if failed and len(failed) < len(found):
        working = [hook for hook in found if hook not in failed]
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


def signs_of_side_effects(found: list[Hook]) -> Iterator[str]:
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


def kept_array(report: Observation, key: str) -> reference.Array | None:
    """An array of any shape, or None."""
    found = report[key].values if key in report else None
    array = report.tensors.get(str(found.get("tensor"))) if isinstance(found, dict) else None
    return None if array is None else array.astype(np.float64)
