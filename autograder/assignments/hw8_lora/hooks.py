"""What TODO 3 and TODO 4 have in common: reading what a hook did in every pass, and saying why it is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autograder.assignments.hw8_lora import inputs, mistakes_hook, reference
from autograder.errors import StudentError
from autograder.models import Observation

WORKING = ("pass_0", "pass_1")
SAME_AGAIN = ("again", "eval", "no_grad", "inference")
MODES = {"eval": "in eval mode", "no_grad": "under torch.no_grad()", "inference": "in inference mode"}
EVERY = (*WORKING, *SAME_AGAIN, "zero")
GRADIENTS = ("grad_a", "grad_b", "grad_x")


@dataclass(frozen=True)
class Hook:
    """The hook of one case, as the probe reported it."""

    report: Observation
    seed: int
    case: inputs.LayerCase

    def given(self, name: str) -> mistakes_hook.Pass:
        """What the hook had to work with in one pass."""
        number = 0 if name in ("start", "pass_0") else 1
        wide = (*inputs.layer_weights(self.seed, self.case), *inputs.layer_pass(self.seed, self.case, number)[:3])
        w, bias, a, b, x = (part.astype(np.float64) for part in wide)
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
        done = self.report[name].completed(f"the forward pass with your hook{self.where(name)}")
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
        """Whether the output of a pass is W x + b + (alpha / r) B A x."""
        p = self.given(name)
        return reference.close(self.output(name), p.plain + p.alpha / p.r * p.update)

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
        p, found = self.given(name), self.output(name)
        parts = [p.x @ p.w, np.broadcast_to(p.bias, found.shape), p.update]
        basis = np.stack([part.ravel() for part in parts], axis=1)
        shares = np.linalg.lstsq(basis, found.ravel(), rcond=None)[0]
        off = np.abs(basis @ shares - found.ravel()).max()
        seen = np.abs(shares[2] * p.update).max() > 1e-3 * np.abs(found).max()
        return (float(shares[0]), float(shares[2])) if seen and off <= 0.05 * np.abs(found).max() else None


def hooks(report: Observation, seed: int) -> list[Hook]:
    """The hooks of all cases."""
    return [Hook(report[case.name], seed, case) for case in inputs.layer_cases(seed, "todo3")]


def usable(found: list[Hook]) -> list[Hook]:
    """The hooks, once it is clear that each can be run and that W and its bias are what they were."""
    for hook in found:
        hook.report.completed("`attach_lora`")
        assert_pretrained_layer(hook.report, hook.seed, hook.case)
        assert not hook.report["is_layer"].flag(), "attach_lora returned the layer; it must return the hook function"
        has_hook = hook.report["callable"].flag() or hook.report["registered_itself"].flag()
        assert has_hook, f"attach_lora must return the hook function, got {hook.report['returned'].text()}"
        nothing = "no A of shape (r, in) and B of shape (out, r) was found on the layer when attach_lora had returned"
        assert "found" in hook.report and hook.report["found"].flag(), nothing
    for hook in found:
        raised = [name for name in WORKING if hook.report[name]["error"].values is not None]
        assert not raised, reason(found, "the hook raises")
    return found


def assert_pretrained_layer(report: Observation, seed: int, case: inputs.LayerCase) -> None:
    """W and b hold the values that they came with."""
    for name, value in zip(("weight", "bias"), inputs.layer_weights(seed, case), strict=True):
        changed = f"the pretrained {name} was changed: LoRA only adds to the layer, and never touches what it holds"
        assert report[name].values is not None, changed
        assert np.array_equal(report[name].array(*value.shape), value), changed


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
    yield from signs_of_errors(found)
    yield from signs_of_side_effects(found)
    exact = all(hook.right(name) for hook in found for name in WORKING)
    if not exact:
        passes = [(hook.given(name), hook.output(name)) for hook in found for name in WORKING]
        cause = mistakes_hook.cause([p for p, _ in passes], [output for _, output in passes])
        if cause is not None:
            yield cause
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
        for name in ("start", *EVERY):
            x = hook.report[name]["x"].array(*hook.case.x_shape)
            if not np.array_equal(x, hook.given(name).x):
                yield "the hook changes its input x; it has to change or replace `output`"
        p = hook.given("pass_1")
        if not (np.array_equal(hook.matrix("end_a"), p.a) and np.array_equal(hook.matrix("end_b"), p.b)):
            yield "the hook changes A or B themselves: only training may"
    if not all(hook.same("again", "pass_1") for hook in found):
        yield ("two calls with the same x, A and B give different outputs: a LoRA hook has no dropout and no noise, and "
               "keeps nothing from one call to the next")  # fmt: skip


def gradients_right(hook: Hook, name: str) -> str | None:
    """What is wrong with the gradients of one pass, or None. A wrong factor is not held against them."""
    done = hook.report[name].completed("the forward pass with your hook")
    done.completed("the backward pass with your hook", error="backward_error")
    p, fit = hook.given(name), hook.fit(name)
    g = inputs.layer_pass(hook.seed, hook.case, 0 if name == "pass_0" else 1)[3].astype(np.float64)
    if all(done[f"grad_{key}"].values is None for key in "ab"):
        return "no gradient reaches A or B: compute with the parameters, without no_grad(), .data or .detach()"
    expected = reference.lora_gradients(p.x, (fit or (1, 0))[0] * p.w, p.a, p.b, (fit or (1, 0))[1], g)
    for key, gradient in zip("abx", expected, strict=True):
        if done[f"grad_{key}"].values is None:
            return f"no gradient reaches {key.upper() if key in 'ab' else 'x'}: compute with it, without .data or .detach()"
        found = done[f"grad_{key}"].array(*gradient.shape)
        if not found.any() or (fit and not nearly(found, gradient)):
            return f"the gradient of {key.upper() if key in 'ab' else 'x'} is wrong: is a part of the sum detached?"
    return None


def nearly(found: reference.Array, expected: reference.Array) -> bool:
    """Equal up to half precision: in which type A and B are kept is TODO 2's question."""
    return bool(np.abs(found - expected).max() <= 5e-3 * np.abs(expected).max())


def known_words(found: list[Hook]) -> set[str]:
    """Everything that would explain the working passes."""
    try:
        passes = [(hook.given(name), hook.output(name)) for hook in found for name in WORKING]
    except StudentError:
        return set()
    parts = mistakes_hook.explanations([p for p, _ in passes], [output for _, output in passes])
    return {part.words for row in parts for part in row if part.words}


def same_mistake(now: list[Hook], before: list[Hook]) -> bool:
    """Whether two wrong hooks are wrong in the same way: whatever they did in each pass, or the known mistake."""
    if all(same_report(one.report, other.report) for one, other in zip(now, before, strict=True)):
        return True
    try:
        return bool(known_words(usable(now)) & known_words(usable(before)))
    except (AssertionError, StudentError):
        return False


def same_report(now: Observation, before: Observation) -> bool:
    """Whether two hooks did the same in every pass, or failed alike."""
    keys = ("callable", "registered_itself", "found")
    if any((key in now, key in now and now[key].values) != (key in before, key in before and before[key].values)
           for key in keys):  # fmt: skip
        return False
    return all(same_pass(now[name], before[name]) for name in EVERY if name in now and name in before)


def same_pass(now: Observation, before: Observation) -> bool:
    """Whether two passes raised the same, or gave the same output and gradients."""
    if now["error"].values is not None or before["error"].values is not None:
        errors = [report["error"] for report in (now, before)]
        return all(e.values is not None for e in errors) and errors[0]["type"].text() == errors[1]["type"].text()
    return all(same_array(now, before, key) for key in ("output", *GRADIENTS))


def same_array(now: Observation, before: Observation, key: str) -> bool:
    """Whether both have this array with the same values, or neither has it."""
    found = [kept_array(report, key) for report in (now, before)]
    if found[0] is None or found[1] is None:
        return found[0] is found[1]
    return found[0].shape == found[1].shape and bool(np.allclose(found[0], found[1], rtol=1e-3, atol=1e-3))


def kept_array(report: Observation, key: str) -> reference.Array | None:
    """An array of any shape, or None."""
    found = report[key].values if key in report else None
    array = report.tensors.get(str(found.get("tensor"))) if isinstance(found, dict) else None
    return None if array is None else array.astype(np.float64)
