"""One hook as TODO 3 and TODO 4 see it: what it did in every pass, beside what it had to work with. Never shipped."""

import functools
from dataclasses import dataclass, field

import numpy as np

from autograder.errors import StudentError
from autograder.models import Observation

from . import inputs, mistakes_hook, reference

WORKING = ("pass_0", "pass_1")
SAME_AGAIN = ("again", "eval", "no_grad", "inference")
MODES = {"eval": "in eval mode", "no_grad": "under torch.no_grad()", "inference": "in inference mode"}
EVERY = (*WORKING, *SAME_AGAIN, "zero")
LAYER_DTYPE = "torch.float32"


@dataclass(frozen=True, eq=False)
class Hook:
    """The hook of one case, as the probe reported it; what is worked out of it is kept as long as the Hook is."""

    report: Observation
    seed: int
    case: inputs.LayerCase
    passes: dict[str, mistakes_hook.Pass] = field(default_factory=dict)
    fits: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    outputs: dict[str, reference.Array] = field(default_factory=dict)
    offs: dict[str, float] = field(default_factory=dict)
    rights: dict[str, bool] = field(default_factory=dict)
    acting: dict[str, bool] = field(default_factory=dict)

    def given(self, name: str) -> mistakes_hook.Pass:
        """What the hook had to work with in one pass."""
        if name not in self.passes:
            self.passes[name] = self.new_pass(name)
        return self.passes[name]

    def new_pass(self, name: str) -> mistakes_hook.Pass:
        """The same, put together anew."""
        w, bias, a, b, x, _ = arrays(self.seed, self.case, 0 if name in ("start", "pass_0") else 1)
        start_a, start_b = self.starts
        if name == "start":
            a, b = start_a, start_b
        b = b * 0 if name == "zero" else b
        made = mistakes_hook.Pass(x, w, bias, a, b, self.case.alpha, self.case.r, start_a, start_b)
        if name != "start":
            # Its cached properties, which depend on nothing of the student's.
            vars(made).update(worked_out(self.seed, self.case, alike(name)))
        return made

    @functools.cached_property
    def starts(self) -> tuple[reference.Array, reference.Array]:
        """A and B as they were when attach_lora returned."""
        return self.matrix("start_a"), self.matrix("start_b")

    def matrix(self, key: str) -> reference.Array:
        """A or B at some time."""
        case = self.case
        return self.report[key].array(*((case.r, case.n_in) if key.endswith("a") else (case.n_out, case.r)))

    def output(self, name: str) -> reference.Array:
        """What came out, not to be written to; StudentError when something was raised or the shape is another."""
        if name not in self.outputs:
            self.outputs[name] = self.new_output(name)
        return self.outputs[name]

    def new_output(self, name: str) -> reference.Array:
        """The same, read anew."""
        done = self.report[name]
        try:
            if done["error"].values is not None:
                done.completed(f"the forward pass with your hook{self.where(name)}")
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
        if name not in self.rights:
            self.rights[name] = self.off(name) <= reference.TOLERANCE and self.dtype(name) == LAYER_DTYPE
        return self.rights[name]

    def off(self, name: str) -> float:
        """The largest error of a pass's output, as a share of its largest entry."""
        if name not in self.offs:
            expected, scale = self.expected(name)
            self.offs[name] = float(np.abs(self.output(name) - expected).max() / scale)
        return self.offs[name]

    def expected(self, name: str) -> tuple[reference.Array, np.float64]:
        """W x + b + (alpha / r) B A x, and its largest entry."""
        if name == "start":
            return formula(self.given(name))
        return right_output(self.seed, self.case, alike(name))

    def dtype(self, name: str) -> str:
        """The output's dtype; that of A, if it is kept in another one, was TODO 2's question."""
        found = self.report[name]["dtype"].text()
        return LAYER_DTYPE if found == self.report["kept_in"].text() else found

    def same(self, one: str, other: str) -> bool:
        """Whether two passes have the same output."""
        return reference.close(self.output(one), self.output(other))

    def acts(self, name: str) -> bool:
        """Whether a pass changes the layer's output at all."""
        if name not in self.acting:
            self.acting[name] = not reference.close(self.output(name), self.given(name).plain)
        return self.acting[name]

    def fit(self, name: str) -> tuple[float, float] | None:
        """(share of W x, factor of B A x) in an output that is made of W x, b and B A x; None for any other.

        A little noise on top, up to 5 % of the largest entry, is another mistake.
        """
        if name not in self.fits:
            self.fits[name] = self.new_fit(name)
        return self.fits[name]

    def new_fit(self, name: str) -> tuple[float, float] | None:
        """The same, worked out anew; of a right output it is known."""
        if not self.off(name) <= reference.TOLERANCE:
            return self.fit_of(self.output(name), name)
        p = self.given(name)
        factor = p.alpha / p.r
        return (1.0, factor) if factor * np.abs(p.update).max() > 1e-3 * np.abs(self.output(name)).max() else None

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


def alike(name: str) -> str:
    """The first pass that had the same x, A and B."""
    return name if name in ("pass_0", "zero") else "pass_1"


@functools.lru_cache(maxsize=64)
def new_given(seed: int, case: inputs.LayerCase, name: str) -> mistakes_hook.Pass:
    """What a pass has to work with, whoever's hook it is: A and B at the start are left out."""
    w, bias, a, b, x, _ = arrays(seed, case, 0 if name == "pass_0" else 1)
    return mistakes_hook.Pass(x, w, bias, a, b * 0 if name == "zero" else b, case.alpha, case.r, a, b)


@functools.lru_cache(maxsize=64)
def worked_out(seed: int, case: inputs.LayerCase, name: str) -> dict[str, reference.Array]:
    """What is worked out of a pass for every hook, the same for a whole class."""
    p = new_given(seed, case, name)
    return {"plain": p.plain, "low": p.low, "update": p.update}


@functools.lru_cache(maxsize=64)
def right_output(seed: int, case: inputs.LayerCase, name: str) -> tuple[reference.Array, np.float64]:
    """What comes out of a right hook in a pass, and the largest entry, the same for a whole class."""
    return formula(new_given(seed, case, name))


def formula(p: mistakes_hook.Pass) -> tuple[reference.Array, np.float64]:
    """W x + b + (alpha / r) B A x, and its largest entry."""
    expected = p.plain + p.alpha / p.r * p.update
    return expected, np.abs(expected).max()


Hooks = tuple[Hook, ...]


@functools.lru_cache(maxsize=4)
def hooks_of(report: Observation, seed: int) -> Hooks:
    """The hooks of all cases."""
    return tuple(Hook(report[case.name], seed, case) for case in inputs.layer_cases(seed, "todo3"))


def kept_array(report: Observation, key: str) -> reference.Array | None:
    """An array of any shape, or None."""
    return report[key].any_array() if key in report and isinstance(report[key].values, dict) else None
