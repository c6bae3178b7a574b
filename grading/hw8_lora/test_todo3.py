"""TODO 3: the hook turns W x into W x + (alpha / r) B A x, with the current A and B, in every mode of PyTorch's.

Decided where the text is silent:

- Whatever can be called is a hook: a function, a module with ``forward(module, input, output)``, an object.
- Views of A and B that are taken when attaching follow every change in place, as an optimiser makes it: they are
  current. Moving the model to another device is not asked for.
- How A and B are kept (their dtype, memory or names) is TODO 2's question, and costs nothing here.
"""

import pytest

from autograder.models import Observation

from .gradients import gradients_right, stuck_at_zero
from .hook import SAME_AGAIN, WORKING, Hooks, hooks_of
from .hook_properties import acting, assert_returned, everywhere
from .signs import reason


@pytest.fixture
def found(observed: Observation, seed: int) -> Hooks:
    """The hooks of all cases."""
    return hooks_of(observed, seed)


def holds(claim: bool, found: Hooks, otherwise: str) -> None:
    """The claim, or the reason why it does not hold."""
    if not claim:
        raise AssertionError(reason(found, otherwise))


@pytest.mark.points("todo3", 3)
def test_the_update_is_b_a_x_with_any_factor(found: Hooks) -> None:
    fits = all(hook.fit(name) for hook in acting(found) for name in WORKING)
    holds(fits, found, "what the hook adds is not B A x times some number")


@pytest.mark.points("todo3", 3)
def test_w_x_and_its_bias_are_kept(found: Hooks) -> None:
    everywhere(found)
    assert_returned(found)
    for hook in acting(found):
        kept = not hook.acts("zero") or (hook.right("start") and hook.acts("start"))
        holds(kept, found, "the output is not W x + b with the update on top")
        unchanged = all(
            (hook.report[name]["x"].array(*hook.case.x_shape) == hook.given(name).x).all() for name in WORKING
        )
        holds(unchanged, found, "the hook changes its input x")


@pytest.mark.points("todo3", 2)
def test_the_update_is_multiplied_by_alpha_over_r(found: Hooks) -> None:
    exact = all(hook.right(name) for hook in everywhere(found) for name in WORKING)
    holds(exact, found, "the output is not W x + b + (alpha / r) B A x")


@pytest.mark.points("todo3", 3)
def test_the_hook_follows_b_and_is_the_same_in_every_mode(found: Hooks) -> None:
    for hook in acting(found):
        holds(
            not hook.same("zero", "pass_1"),
            found,
            "the update does not change with B: compute it inside the hook from layer.lora_B",
        )
        holds(all(hook.same(name, "pass_1") for name in SAME_AGAIN), found, "the same x, A and B give another output")
        for key, value in (("end_a", hook.given("pass_1").a), ("end_b", hook.given("pass_1").b)):
            holds(bool((hook.matrix(key) == value).all()), found, "the hook changes A or B themselves")


@pytest.mark.points("todo3", 4)
def test_gradients_reach_a_b_and_the_input(found: Hooks) -> None:
    for hook in acting(found):
        for name in WORKING:
            wrong = gradients_right(hook, name)
            holds(wrong is None, found, str(wrong))
        stuck = stuck_at_zero(hook)
        assert stuck is None, stuck
