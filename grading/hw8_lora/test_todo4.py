"""TODO 4: A is Kaiming-uniform with a = sqrt(5), B is zero, and so the output is unchanged at first."""

import math

import numpy as np
import pytest

from autograder.errors import StudentError
from autograder.models import Observation

from . import inputs, reference

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
    kind = found["kind"].text()
    elsewhere = f"no nn.Parameter layer.{name} of the right shape (found a {kind} under '{found['name'].text()}')"
    assert registered or name in forgiven, elsewhere
    assert found["trainable"].flag() or name in forgiven, f"layer.{name} does not require a gradient"
    kept = not found["transposed"].flag() or name in forgiven
    assert kept, f"layer.{name} is transposed: A is (r, in_features), B is (out_features, r)"
    return found["value"].array(*shape)


KEPT = ("name", "kind", "trainable", "transposed")


@pytest.fixture
def forgiven(observed: Observation, observations: dict[str, Observation], seed: int) -> set[str]:
    """Names of the matrices that TODO 4 keeps in exactly the wrong way in which TODO 2 kept them."""
    if "todo2" not in observations or "error" in observations["todo2"]:
        return set()
    reports = [observations["todo2"][case.name] for case in inputs.layer_cases(seed, "todo2")]
    names = set()
    for key in ("a", "b"):
        before = [kept(report["where"], key) for report in reports]
        after = [kept(observed[label], key) for _, label in INITIALISED]
        if before[0] is not None and all(way == before[0] for way in before + after):
            names.add(f"lora_{key.upper()}")
    return names


def kept(report: Observation, key: str) -> list[object] | None:
    """How one matrix is kept, or None where it was not found."""
    return [report[key][part].values for part in KEPT] if key in report else None


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
    normal = "A is not uniformly distributed (normal instead of uniform?)"
    assert abs((a**4).mean() / (a**2).mean() ** 2 - 3) > 0.6, normal
    assert largest <= bound * (1 + 1e-5), f"A is too wide: {known_width(largest, case)}"
    assert largest >= reached, f"A is too narrow: {known_width(largest, case)}"
    # Six standard errors of the mean and of the variance of a uniform distribution (kurtosis 1.8).
    assert abs(a.mean()) <= 6 * bound / math.sqrt(3 * n), "A is not centred at zero"
    spread = abs(a.var() / (bound**2 / 3) - 1)
    assert spread <= 6 * math.sqrt(0.8 / n), "A is not uniformly distributed between its bounds"
    rows = {row.tobytes() for row in a}
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
        if carried_over(report, observations, seed, case):
            continue
        assert report["callable"].flag(), "attach_lora must return the hook function here too"
        report.completed("the forward pass with your hook", error="hook_error")
        weight, bias = (part.astype(np.float64) for part in inputs.layer_weights(seed, case))
        x = inputs.layer_pass(seed, case, 0)[2].astype(np.float64)
        found = report["output"].array(*case.x_shape[:-1], case.n_out)
        assert reference.close(found, x @ weight + bias), "the output changed although B is zero"


def hook_failure(report: Observation, *, error: str) -> str | None:
    """How a hook failed on a layer whose B is zero: not callable, or what it raised."""
    if not report["callable"].flag():
        return "not callable"
    return None if report[error].values is None else report[error]["type"].text()


def carried_over(report: Observation, observations: dict[str, Observation], seed: int, here: inputs.LayerCase) -> bool:
    """Whether TODO 3's hook does the same wrong thing where B is zero and x has as many dimensions.

    Then it is paid for once, there.
    """
    before = observations.get("todo3")
    if before is None or "error" in before:
        return False
    for case in inputs.layer_cases(seed, "todo3"):
        if len(case.x_shape) != len(here.x_shape):
            continue
        if case.name not in before or before[case.name]["error"].values is not None:
            return False
        if not same_failure(report, before[case.name], seed, case):
            return False
    return True


def same_failure(report: Observation, before: Observation, seed: int, case: inputs.LayerCase) -> bool:
    """Both hooks are not callable, both raise the same error, or both give a wrong output."""
    now = hook_failure(report, error="hook_error")
    if not before["callable"].flag():
        return now == "not callable"
    if "pass_zero" not in before:
        return False
    if before["pass_zero"]["error"].values is not None or now is not None:
        return hook_failure_in_pass(before) == now
    weight, bias = (part.astype(np.float64) for part in inputs.layer_weights(seed, case))
    x = inputs.layer_pass(seed, case, 0)[2].astype(np.float64)
    try:
        found = before["pass_zero"]["output"].array(*case.x_shape[:-1], case.n_out)
    except StudentError:
        return True
    return not reference.close(found, x @ weight + bias)


def hook_failure_in_pass(before: Observation) -> str | None:
    """What TODO 3's pass with B = 0 raised."""
    error = before["pass_zero"]["error"]
    return None if error.values is None else error["type"].text()
