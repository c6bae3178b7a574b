"""TODO 4: A is Kaiming-uniform with a = sqrt(5), B is zero, and so the output is unchanged at first."""

import math

import numpy as np
import pytest

from autograder.assignments.hw8_lora import inputs, reference
from autograder.models import Observation

LABELS = ("first", "second", "other_seed")
INITIALISED = [(case, f"{case.name}_{label}") for case in inputs.INIT_CASES for label in LABELS]


def matrix(report: Observation, key: str, case: inputs.LayerCase, forgiven: set[str]) -> reference.Array:
    """A or B of one layer, trainable and under its name.

    A wrong name or a plain tensor was already paid for in TODO 2 if it is the same there.
    """
    report.completed("`attach_lora`")
    name = f"lora_{key.upper()}"
    shape = (case.r, case.n_in) if key == "a" else (case.n_out, case.r)
    assert key in report, f"no {key.upper()} of shape {'(r, in)' if key == 'a' else '(out, r)'} was found"
    found = report[key]
    registered = found["name"].text() == name and found["kind"].text() == "parameter"
    assert registered or name in forgiven, f"layer.{name} must be an nn.Parameter on the layer, as in TODO 2"
    assert found["trainable"].flag() or name in forgiven, f"layer.{name} does not require a gradient"
    kept = not found["transposed"].flag() or name in forgiven
    assert kept, f"layer.{name} is transposed: A is (r, in_features), B is (out_features, r)"
    return found["value"].array(*shape)


@pytest.fixture
def forgiven(observations: dict[str, Observation], seed: int) -> set[str]:
    """Names whose registration already failed in TODO 2."""
    names = set()
    for name, key in (("lora_A", "r"), ("lora_B", "out")):
        for case in inputs.layer_cases(seed, "todo2"):
            report = observations.get("todo2", Observation({}, {}, ""))
            stored = report[case.name][name] if case.name in report else None
            shape = (case.r, case.n_in) if key == "r" else (case.n_out, case.r)
            if stored is not None and not registered_in_todo2(stored, shape, report[case.name]):
                names.add(name)
    return names


def registered_in_todo2(stored: Observation, shape: tuple[int, int], report: Observation) -> bool:
    """Whether TODO 2 got kind, shape and trainability of this matrix right."""
    if stored["kind"].text() == "missing" and report["error"].values is not None:
        return True
    if stored["kind"].text() != "parameter" or not stored["trainable"].flag():
        return False
    rows = report["parameters"].parameters()
    return any(found == shape for name, (found, _) in rows.items() if name.startswith("lora_"))


def assert_a_not_degenerate(a: reference.Array) -> None:
    """A is neither zero nor constant: otherwise every rank learns the same, or nothing."""
    assert np.any(a != 0), "A is all zeros; B must be zero and A random (are they swapped?)"
    assert np.ptp(a) > 0, "A is constant: is it still the ones of TODO 2?"


@pytest.mark.points("todo4", 5)
def test_b_starts_at_zero(observed: Observation, forgiven: set[str]) -> None:
    for case, label in INITIALISED:
        b = matrix(observed[label], "b", case, forgiven)
        a = matrix(observed[label], "a", case, forgiven)
        both = "A and B are both zero: no gradient can ever reach either of them"
        assert np.any(a != 0) or np.any(b != 0), both
        assert np.all(b == 0), "B must be all zeros"
        assert_a_not_degenerate(a)


@pytest.mark.points("todo4", 6)
def test_a_is_kaiming_uniform(observed: Observation, forgiven: set[str]) -> None:
    for case, label in INITIALISED:
        a = matrix(observed[label], "a", case, forgiven)
        assert_a_not_degenerate(a)
        assert_kaiming_uniform(a, case)


def assert_kaiming_uniform(a: reference.Array, case: inputs.LayerCase) -> None:
    """A looks like n draws of U(-bound, bound); a correct A fails with a probability below 1e-6."""
    bound, n = reference.kaiming_bound(case.n_in), a.size
    largest = np.abs(a).max()
    # The chance that n uniform draws all miss the outer share q is (1 - q)**n; float32 may round up by 1e-6.
    reached = bound * (1 - 14 / n)
    assert largest <= bound * (1 + 1e-5), f"A is too wide: {known_width(largest, case)}"
    assert largest >= reached, f"A is too narrow: {known_width(largest, case)}"
    # Six standard errors of the mean and of the variance of a uniform distribution (kurtosis 1.8).
    assert abs(a.mean()) <= 6 * bound / math.sqrt(3 * n), "A is not centred at zero"
    spread = abs(a.var() / (bound**2 / 3) - 1)
    assert spread <= 6 * math.sqrt(0.8 / n), "A is not uniformly distributed (normal instead of uniform?)"
    rows = np.unique(a, axis=0)
    assert len(rows) == case.r, "the rows of A are copies of each other"


def known_width(largest: float, case: inputs.LayerCase) -> str:
    """The usual mistake that gives this width."""
    ratio = largest / reference.kaiming_bound(case.n_in)
    known = {
        "a = 0 (the default) instead of a = sqrt(5)": math.sqrt(6),
        "fan_in = r: initialised transposed, or with mode='fan_out'": math.sqrt(case.n_in / case.r),
        "Xavier instead of Kaiming": math.sqrt(6 * case.n_in / (case.n_in + case.r)),
        "another nonlinearity than leaky_relu, which ignores a": math.sqrt(3),
        "a = 5 instead of sqrt(5)": math.sqrt(6 / 26),
    }
    for message, expected in known.items():
        if abs(ratio / expected - 1) < 0.03:
            return message
    return f"it reaches {ratio:.2f} times the bound of Kaiming-uniform with a = sqrt(5)"


@pytest.mark.points("todo4", 2)
def test_every_layer_gets_its_own_draw_and_the_global_seed_is_left_alone(
    observed: Observation, forgiven: set[str]
) -> None:
    for case in inputs.INIT_CASES:
        draws = [matrix(observed[f"{case.name}_{label}"], "a", case, forgiven) for label in LABELS]
        for a in draws:
            assert_a_not_degenerate(a)
        assert not np.array_equal(draws[0], draws[1]), "two layers get the same A: do not seed inside"
        assert not np.array_equal(draws[0], draws[2]), "A ignores the global seed: do not seed inside"
        for label in LABELS:
            reseeded = observed[f"{case.name}_{label}"]["reseeded"].flag()
            assert not reseeded, "attach_lora must not change PyTorch's global seed"


@pytest.mark.points("todo4", 2)
def test_the_output_is_unchanged_at_injection(
    observed: Observation, observations: dict[str, Observation], forgiven: set[str], seed: int
) -> None:
    for case, label in INITIALISED:
        report = observed[label]
        assert_a_not_degenerate(matrix(report, "a", case, forgiven))
        b = matrix(report, "b", case, forgiven)
        assert np.all(b == 0), "B is not zero, so the output changes at injection"
        if not hook_works(report) and hook_failed_before(observations):
            continue
        assert report["callable"].flag(), "attach_lora must return the hook function here too"
        report.completed("the forward pass with your hook", error="hook_error")
        weight, bias = (part.astype(np.float64) for part in inputs.layer_weights(seed, case))
        x = inputs.layer_pass(seed, case, 0)[2].astype(np.float64)
        found = report["output"].array(*case.x_shape[:-1], case.n_out)
        assert reference.close(found, x @ weight + bias), "the output changed although B is zero"


def hook_works(report: Observation) -> bool:
    """Whether TODO 4's hook could be called at all."""
    return report["callable"].flag() and report["hook_error"].values is None


def hook_failed_before(observations: dict[str, Observation]) -> bool:
    """Whether TODO 3's hook was unusable too: a hook carried over is paid for once, there."""
    if "todo3" not in observations:
        return False
    return any(
        case["error"].values is None and (not case["callable"].flag() or raised(case))
        for _, case in observations["todo3"].items()
        if "callable" in case
    )


def raised(case: Observation) -> bool:
    """Whether a forward pass of TODO 3 raised."""
    return "pass_0" in case and case["pass_0"]["error"].values is not None
