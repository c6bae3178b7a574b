"""TODO 4: A is Kaiming-uniform with a = sqrt(5), B is zero, the output is unchanged at first, the hook is TODO 3's.

Decided where the text is silent:

- Any source of random numbers will do: layers must differ, ``torch.manual_seed`` need not have an effect.
- ``attach_lora`` that returns nothing lacks the hook: the docstring says that it returns it. That costs the hook's
  points alone.
- A mistake of TODO 2 (how A and B are kept) or TODO 3 (what the hook computes) that is the same here was paid for
  there.
"""

import functools

import numpy as np
import pytest

from autograder.errors import StudentError
from autograder.models import Observation

from . import forgive, inputs, mistakes_start, reference
from .gradients import gradients_right, stuck_at_zero
from .hook import EVERY, WORKING, Hooks, hooks_of
from .hook_properties import assert_pretrained_layer, assert_returned, everywhere
from .naming import listed
from .signs import reason

LABELS = ("first", "second", "other_seed")
INITIALISED = [(case, f"{case.name}_{label}") for case in inputs.INIT_CASES for label in LABELS]


Forgiven = frozenset[str]
"""Names of the matrices that TODO 4 keeps in exactly the wrong way in which TODO 2 kept them."""


@functools.lru_cache(maxsize=64)
def matrix(report: Observation, key: str, case: inputs.LayerCase, forgiven: Forgiven) -> reference.Array:
    """A or B of one layer, trainable and under its name; not to be written to.

    A wrong name or a plain tensor was already paid for in TODO 2 if it is the same there.
    """
    report.completed("`attach_lora`")
    name = f"lora_{key.upper()}"
    shape = (case.r, case.n_in) if key == "a" else (case.n_out, case.r)
    assert key in report, f"no {key.upper()} of shape {'(r, in)' if key == 'a' else '(out, r)'} was found"
    found = report[key]
    kind = found["kind"].text()
    registered = found["name"].text() == name and kind == "parameter"
    elsewhere = f"no nn.Parameter layer.{name} of the right shape (found a {kind} under '{found['name'].text()}')"
    assert registered or name in forgiven, elsewhere
    assert found["trainable"].flag() or name in forgiven, f"layer.{name} does not require a gradient: it never trains"
    kept = not found["transposed"].flag() or name in forgiven
    assert kept, f"layer.{name} is transposed: A is (r, in_features), B is (out_features, r)"
    return found["value"].array(*shape)


KEPT = ("name", "kind", "trainable", "transposed")


@pytest.fixture(autouse=True)
def pretrained_layers_are_kept(observed: Observation, seed: int) -> None:
    """Nothing is earned where W or its bias was destroyed."""
    assert_layers_kept(observed, seed)


@functools.lru_cache(maxsize=4)
def assert_layers_kept(observed: Observation, seed: int) -> None:
    """The same, found out once for all tests."""
    for hook in hooks_of(observed["hooks"], seed):
        assert_pretrained_layer(hook.report, seed, hook.case)


@pytest.fixture
def forgiven(observed: Observation, observations: dict[str, Observation], seed: int) -> Forgiven:
    """What was paid for in TODO 2."""
    if "todo2" not in observations or "error" in observations["todo2"]:
        return frozenset()
    return kept_alike(observed, observations["todo2"], seed)


@functools.lru_cache(maxsize=4)
def kept_alike(observed: Observation, todo2: Observation, seed: int) -> Forgiven:
    """The names of the matrices that all layers of both TODOs keep in one way."""
    reports = [todo2[case.name] for case in inputs.layer_cases(seed, "todo2")]
    names = set()
    for key in ("a", "b"):
        before = [kept(report["where"], key) for report in reports]
        after = [kept(observed[label], key) for _, label in INITIALISED]
        if before[0] is not None and all(way == before[0] for way in before + after):
            names.add(f"lora_{key.upper()}")
    return frozenset(names)


def kept(report: Observation, key: str) -> list[object] | None:
    """How one matrix is kept, or None where it was not found."""
    return [report[key][part].values for part in KEPT] if key in report else None


@functools.lru_cache(maxsize=4)
def drawn(observed: Observation, forgiven: Forgiven) -> list[mistakes_start.Drawn]:
    """A of every size, all draws together; AssertionError where it holds nothing that was drawn.

    Worked out once for all tests, and not to be changed.
    """
    found = []
    for case in inputs.INIT_CASES:
        draws = [matrix(observed[f"{case.name}_{label}"], "a", case, forgiven) for label in LABELS]
        for a in draws:
            assert np.isfinite(a).all(), "A holds numbers that are not finite: torch.empty must be filled"
            assert np.any(a != 0), zero_a(observed, forgiven)
            assert not np.all(a == 1), "A is still the ones of TODO 2: it has to be drawn at random"
        found.append(mistakes_start.Drawn(np.stack(draws), case.n_in, case.n_out, case.r, case.alpha))
    return found


@functools.lru_cache(maxsize=4)
def pieces(observed: Observation, forgiven: Forgiven) -> list[str]:
    """What is wrong with parts of A."""
    return mistakes_start.pieces(drawn(observed, forgiven))


def zero_a(observed: Observation, forgiven: Forgiven) -> str:
    """What an A of zeros means; nothing of a cause where not every A is one."""
    first = [(case, observed[f"{case.name}_first"]) for case in inputs.INIT_CASES]
    if any(np.any(matrix(report, "a", case, forgiven)) for case, report in first):
        return "A is all zeros for some sizes, and not for others: every entry has to be drawn, whatever r and in are"
    swapped = "A is all zeros and B is not: B must be zero and A random (are they swapped?)"
    both = "A and B are both zero: no gradient can ever reach either of them (is A filled in place, or only a copy?)"
    return swapped if any(np.any(matrix(report, "b", case, forgiven)) for case, report in first) else both


@pytest.mark.points("todo4", 2)
def test_b_starts_at_zero(observed: Observation, forgiven: Forgiven) -> None:
    drawn(observed, forgiven)
    for case, label in INITIALISED:
        b = matrix(observed[label], "b", case, forgiven)
        assert np.all(b == 0), kind_of_b(b)


def kind_of_b(b: reference.Array) -> str:
    """How B is not zero."""
    if np.all(b == 1):
        return "B is still the ones of TODO 2; it must be all zeros"
    small = np.abs(b).max() < 0.05
    return f"B must be all zeros, exactly{': small numbers are none' if small else ''}"


@pytest.mark.points("todo4", 1)
def test_a_is_random_with_both_signs_and_rows_of_its_own(observed: Observation, forgiven: Forgiven) -> None:
    found = drawn(observed, forgiven)
    wrong = pieces(observed, forgiven)
    assert not wrong, wrong[0]
    # Half of what the mean of a one-sided uniform law is away; for n draws the mean's standard error is 1/sqrt(n).
    centred = all(abs(d.a.mean()) < 0.5 * d.a.std() for d in found)
    if not centred:
        raise AssertionError(mistakes_start.cause(found) or "A is not centred at zero: it needs both signs")


@pytest.mark.points("todo4", 3)
def test_a_is_kaiming_uniform(observed: Observation, forgiven: Forgiven) -> None:
    """A right A fails with a probability below 1e-8 in all.

    For each of three sizes, n >= 8,640 draws in units of their bound, U(-1, 1): the largest misses the outer 30 / n
    with probability (1 - 30 / n)^n < e^-30 < 1e-13. Each of three moments is off by seven standard errors with
    probability 2 exp(-24.5 / (1 + 7 m / (3 s sqrt(n)))) at most, by Bernstein's inequality: m bounds the distance of
    what is averaged from its mean, s is its standard deviation. 7 m / (3 s sqrt(n)) is 0.044, 0.057 and 0.076, so that
    each is below 3e-10. Nine moments: below 3e-9. That two of 68 rows agree, or a row is zero, is below 1e-100.
    """
    found = drawn(observed, forgiven)
    right = all(mistakes_start.same_law((d.a / d.right).ravel(), normal=False) for d in found)
    if not right or pieces(observed, forgiven):
        law = "A is not uniform within 1 / sqrt(in), as Kaiming's rule with a = sqrt(5) makes it"
        raise AssertionError(mistakes_start.cause(found) or law)


@pytest.mark.points("todo4", 2)
def test_every_layer_gets_its_own_draw_and_the_global_seed_is_left_alone(
    observed: Observation, forgiven: Forgiven
) -> None:
    drawn(observed, forgiven)
    for case in inputs.INIT_CASES:
        reports = [observed[f"{case.name}_{label}"] for label in LABELS]
        draws = [matrix(report, "a", case, forgiven) for report in reports]
        shared = any(
            report["shared_a"].flag() or report["shared_b"].flag() for report in reports if "shared_b" in report
        )
        owned = "layers of one shape share A or B (a cache, a global or a default argument?): each needs its own"
        assert not shared, owned
        assert not any(report["reseeded"].flag() for report in reports), (
            "attach_lora must not change PyTorch's global seed"
        )
        always = np.array_equal(draws[0], draws[1]) and np.array_equal(draws[0], draws[2])
        assert not always, "A is the same at every call: it must be drawn anew, and no seed be set inside"
        assert not np.array_equal(draws[0], draws[1]), (
            "two layers get the same A: is a seed set inside, or the state of the random numbers put back?"
        )
        assert not np.array_equal(draws[0], draws[2]), "A ignores the global seed: do not seed inside"


@pytest.fixture
def found(observed: Observation, observations: dict[str, Observation], seed: int) -> Hooks:
    """The hooks, unless TODO 3's make the very same mistake: then there are none to judge.

    The matrices of TODO 2 left as they are earn nothing here, whatever the hook does.
    """
    assert_started(observed)
    now = hooks_of(observed["hooks"], seed)
    seen = "todo3" in observations and "error" not in observations["todo3"]
    return () if seen and forgive.same_mistake(now, hooks_of(observations["todo3"], seed)) else now


@functools.lru_cache(maxsize=4)
def assert_started(observed: Observation) -> None:
    """A and B are there, and not those of TODO 2."""
    for case, label in INITIALISED:
        observed[label].completed("`attach_lora`")
        values = [observed[label][key]["value"].array(*shape) for key, shape in
                  (("a", (case.r, case.n_in)), ("b", (case.n_out, case.r))) if key in observed[label]]  # fmt: skip
        assert values, "no A of shape (r, in) and B of shape (out, r) was found"
        assert not all(np.all(value == 1) for value in values), "A and B are still the ones of TODO 2"


@pytest.mark.points("todo4", 2)
def test_the_output_is_unchanged_at_injection(found: Hooks) -> None:
    still = tuple(h for h in usable(found) if not (np.any(h.matrix("start_a")) or np.any(h.matrix("start_b"))))
    assert not still, dead(still, found)
    for hook in usable(found):
        zero = "B is not zero, so the output changes at injection"
        assert not hook.acts("start"), zero if hook.matrix("start_b").any() else reason(found, CHANGED)


def dead(still: Hooks, found: Hooks) -> str:
    """Where A and B are both zero, so that nothing can ever learn."""
    where = "" if len(still) == len(found) else f" where r is {listed(map(str, sorted(hook.case.r for hook in still)))}"
    return f"A and B are both zero{where}: no gradient can ever reach either of them"


CHANGED = "the output changed although B is zero"
HERE = " (in the hook of TODO 4)"


def usable(found: Hooks) -> Hooks:
    """The hooks that can be run."""
    try:
        return everywhere(found) if found else ()
    except (AssertionError, StudentError) as error:
        raise AssertionError(f"{error}{HERE}") from error


@pytest.mark.points("todo4", 2)
def test_the_hook_computes_what_todo_3_asks_for(found: Hooks) -> None:
    for hook in usable(found):
        assert_returned(found)
        right = all(hook.right(name) for name in EVERY)
        assert right, reason(found, "the hook does not compute W x + b + (alpha / r) B A x") + HERE


@pytest.mark.points("todo4", 3)
def test_gradients_reach_a_b_and_the_input_through_this_hook(found: Hooks) -> None:
    for hook in usable(found):
        for name in WORKING:
            wrong = gradients_right(hook, name) if hook.acts(name) else "the hook does not act: nothing can learn"
            assert wrong is None, reason(found, str(wrong)) + HERE
        stuck = stuck_at_zero(hook)
        assert stuck is None, f"{stuck}{HERE}"
