"""TODO 5: LoRA is injected into c_attn of the last two blocks, one hook each, and can be removed again.

Decided where the text is silent or strict beyond need:

- The two handles may come back in any collection, a tuple or a dict too.
- Who writes A, B and hook without ``attach_lora`` is judged by what the model computes then.
- A function that removes the hooks of its own last call first does what is asked of this model, and is right.
- Freezing parameters here changes nothing: TODO 6 decides that.
"""

import functools

import numpy as np
import pytest

from autograder.errors import StudentError
from autograder.models import Observation

from . import inputs, mistakes_layers, reference
from .harm import Sums, equal_sums, given_tensors


class Call:
    """One call of ``attach_lora_to_gpt2``."""

    def __init__(self, report: Observation, seed: int, r: int, alpha: int) -> None:
        self.report, self.r, self.alpha = report, r, alpha
        self.seed, self.width = seed, inputs.widths(seed)[0]
        self.rows = report["parameters"].parameters()

    @functools.cached_property
    def adapted(self) -> list[str]:
        """Modules that were given LoRA parameters."""
        return sorted({name.rpartition(".")[0] for name in self.rows if "lora_" in name.rpartition(".")[2]})

    @functools.cached_property
    def attached(self) -> list[dict[str, object]]:
        """What the stand-in for ``attach_lora`` was called with."""
        calls = self.report["calls"].values or []
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise self.report["calls"].malformed("a list of calls")
        return calls

    @functools.cached_property
    def hooked(self) -> dict[str, object]:
        """[forward hooks, pre-hooks] by module."""
        return {name: counts.values for name, counts in self.report["hooks"].items()}

    def sizes(self, layer: str) -> tuple[int, int]:
        """(in, out) of a layer's weight; c_attn's for a module that has none."""
        shapes = inputs.gpt2_shapes(self.width)
        n_in, n_out = (*shapes.get(f"{layer}.weight", ()), 0, 0)[:2]
        return (n_in, n_out) if n_out else (self.width, 3 * self.width)


@pytest.fixture
def calls(observed: Observation, seed: int) -> list[Call]:
    """The calls, once it is clear that each injected something and left the pretrained weights alone."""
    return sound_calls(observed, seed)


@functools.lru_cache(maxsize=4)
def sound_calls(observed: Observation, seed: int) -> list[Call]:
    """The same, found out once for all tests."""
    found = []
    for number, (r, alpha) in enumerate(inputs.lora_arguments(seed)):
        report = observed[f"call_{number}"]
        report.completed("`attach_lora_to_gpt2`")
        call = Call(report, seed, r, alpha)
        assert_weights_kept(call)
        assert call.attached or call.adapted, nothing_words(call)
        elsewhere = "attach_lora was called for a module that is not in the model that was passed in: was it copied?"
        assert not any(row.get("layer") == "?" for row in call.attached), elsewhere
        found.append(call)
    return found


def nothing_words(call: Call) -> str:
    """Why nothing is injected."""
    if call.hooked:
        return "hooks are registered, but attach_lora was called for no layer: register what attach_lora(...) returns"
    return "attach_lora was called for no layer: nothing is injected (c_attn is a Conv1D, and no nn.Linear)"


def assert_weights_kept(call: Call) -> None:
    """Every pretrained parameter is there and holds its values."""
    weights = inputs.gpt2_weights(call.seed, call.width)
    kept = {name: shape for name, (shape, _) in call.rows.items() if name in weights}
    changed = "the model's own parameters were replaced, renamed or reordered: LoRA only adds to them"
    own = [name for name in call.rows if ".lora_" not in name]
    assert kept == {name: w.shape for name, w in weights.items()}, changed
    sums = call.report["checksums"].array(len(own), 3)
    pretrained = [number for number, name in enumerate(own) if name in weights]
    expected = given_sums(call.seed, call.width)
    same = equal_sums(sums[pretrained], np.array([expected[own[number]] for number in pretrained]))
    wrong = [own[number] for number, kept in zip(pretrained, same, strict=True) if not kept]
    assert not wrong, f"the values of {wrong[0]} changed: pretrained weights are destroyed where LoRA only adds to them"


@functools.lru_cache(maxsize=16)
def given_sums(seed: int, width: int) -> dict[str, Sums]:
    """The fingerprints of the weights that the model came with, the same for a whole class."""
    return {name: tensor.sums for name, tensor in given_tensors(inputs.gpt2_weights(seed, width)).items()}


@pytest.mark.points("todo5", 5)
def test_the_last_two_c_attn_are_chosen_and_nothing_else(calls: list[Call]) -> None:
    for call in calls:
        assert_places([str(row.get("layer")) for row in call.attached] or call.adapted, "LoRA was injected into")
        assert not call.attached or len(call.adapted) != 1, (
            f"only {call.adapted[0]} has A and B of its own at the end: each of the two layers needs its own"
        )
        assert_places(call.adapted, "A and B were put on")
    for call in calls:
        hooked = [name for name, counts in call.hooked.items() if counts]
        if set(hooked) - set(inputs.TARGETS):
            assert_places(hooked, "hooks were registered on")


def assert_places(names: list[str], what: str) -> None:
    """The modules are the two targets, each once."""
    shown = ", ".join(name or "the model itself" for name in names[:3]) + (", ..." if len(names) > 3 else "")
    if set(names) != set(inputs.TARGETS):
        cause = mistakes_layers.cause_of_places(names)
        expected = "expected c_attn of the last two blocks, h.10 and h.11"
        raise AssertionError(f"{what} {shown or 'no module'}; {expected}{': ' + cause if cause else ''}")
    assert len(names) == 2, f"{what} a layer {len(names)} times in all; each of the two layers needs it once"


@pytest.mark.points("todo5", 3)
def test_rank_alpha_and_sizes_are_passed_on(calls: list[Call]) -> None:
    scales, sizes = [], []
    for call in calls:
        for row in call.attached:
            n_in, n_out = call.sizes(str(row.get("layer")))
            wanted = mistakes_layers.Injected(call.r, call.alpha, n_in, n_out)
            scales.append((wanted, pair(row, "r", "lora_alpha")))
            sizes.append((wanted, pair(row, "in_features", "out_features")))
        if not call.attached:
            assert_own_shapes(call)
    if any(found != (wanted.n_in, wanted.n_out) for wanted, found in sizes):
        cause = mistakes_layers.cause_of_arguments(mistakes_layers.SIZES, sizes)
        raise AssertionError(
            cause or "in_features and out_features are not those of the layer: read its weight's shape"
        )
    if any(found != (wanted.r, wanted.alpha) for wanted, found in scales):
        cause = mistakes_layers.cause_of_arguments(mistakes_layers.SCALES, scales)
        raise AssertionError(cause or "r and lora_alpha must reach attach_lora unchanged")


def pair(row: dict[str, object], *keys: str) -> tuple[float, float]:
    """Two numbers that attach_lora was given; StudentError when one was none."""
    first, second = (row.get(key) for key in keys)
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        raise StudentError(f"{keys[0]} and {keys[1]} must be numbers")
    return first, second


def assert_own_shapes(call: Call) -> None:
    """A and B of a student who does without ``attach_lora``."""
    for layer in call.adapted:
        n_in, n_out = call.sizes(layer)
        a, b = (call.rows.get(f"{layer}.{name}", ((), False))[0] for name in ("lora_A", "lora_B"))
        assert a == (call.r, n_in), "A does not have the shape (r, in_features)"
        assert b == (n_out, call.r), "B does not have the shape (out_features, r)"


@functools.cache
def expected_logits(layers: tuple[str, ...], stand_in: bool, seed: int, r: int, alpha: int) -> reference.Array:
    """Logits of the model whose chosen weights hold the update, of the stand-in or of the student's own LoRA."""
    width = inputs.widths(seed)[0]
    shapes = inputs.gpt2_shapes(width)
    updates = {}
    for layer in layers:
        n_in, n_out = shapes[f"{layer}.weight"]
        if stand_in:
            updates[layer] = inputs.update_matrix(seed, layer, n_in, n_out).astype(np.float64)
        else:
            a, b = (m.astype(np.float64) for m in inputs.peft_matrices(seed, layer, width, r))
            updates[layer] = alpha / r * (b @ a).T
    weights = reference.merged(inputs.gpt2_weights(seed, width), updates)
    return reference.gpt2_logits(weights, inputs.token_ids(seed, "todo5"))


def plain_logits(seed: int) -> reference.Array:
    """Logits of the model without any update."""
    return reference.plain_logits(seed, inputs.widths(seed)[0], "todo5")


@pytest.mark.points("todo5", 4)
def test_each_layer_runs_the_hook_that_was_made_for_it(calls: list[Call], seed: int) -> None:
    for call in calls:
        layers = tuple(sorted({str(row.get("layer")) for row in call.attached} or call.adapted))
        assert_hooked_once(call, layers)
        linear = all(len(inputs.gpt2_shapes(call.width).get(f"{layer}.weight", ())) == 2 for layer in layers)
        call.report.completed("the forward pass of the injected model", error="error_active")
        assert linear, (
            "a hook runs on a module that is no linear layer: W x + b + (alpha / r) B A x is a linear layer's"
        )
        active = expected_logits(layers, bool(call.attached), seed, call.r, call.alpha)
        for label, expected in (("silent", plain_logits(seed)), ("active", active))[call is not calls[0] :]:
            found = call.report[f"logits_{label}"].array(*expected.shape)
            wrong = "a layer runs the hook that was made for another one: each uses its own A and B"
            other = "the injected model does not compute W x + b + (alpha / r) B A x in its layers"
            assert reference.close(found, expected), wrong if call.attached and label == "active" else other


def assert_hooked_once(call: Call, layers: tuple[str, ...]) -> None:
    """Exactly one forward hook on each of the chosen layers and none elsewhere."""
    found, expected = call.hooked, {layer: [1, 0] for layer in layers}
    if found == expected:
        return
    where = [name or "the model itself" for name in sorted(found)]
    registered = call.report["registered"].number() or 0
    if not found:
        backward = "the hooks are registered for the backward pass; use register_forward_hook"
        assert not call.report["backward"].number(), backward
        gone = "no hook is on a module of the model at the end: were they removed again, or registered for all modules?"
        never = "a hook was built but never registered with register_forward_hook"
        raise AssertionError(gone if registered else never)
    assert not any(isinstance(n, list) and n[1] for n in found.values()), (
        "a hook is registered with register_forward_pre_hook, which runs before the layer; use register_forward_hook"
    )
    missing = sorted(expected.keys() - found.keys())
    assert not missing, (
        f"no hook is registered on {missing[0]}, for which one was made (found hooks on {', '.join(where)})"
    )
    extra = sorted(found.keys() - expected.keys())
    assert not extra, f"a hook is registered on {extra[0]}, for which none was made"
    raise AssertionError("a layer has more than one hook, so that its update is added more than once")


def no_handles(call: Call, count: float) -> str:
    """What was returned in the place of handles."""
    inside = call.report["handles"]
    if inside["callable"].number() == count:
        return "the hook functions are returned, not the handles that register_forward_hook returns"
    returned, first = call.report["returned"].text(), inside["first"].text()
    return f"a {returned} of {first} is returned, not one of the handles that register_forward_hook returns"


@pytest.mark.points("todo5", 3)
def test_the_returned_handles_remove_the_hooks(calls: list[Call], seed: int) -> None:
    counts = [(call.report["handles"]["count"].number() or 0, wanted_handles(call)) for call in calls]
    for call, (count, wanted) in zip(calls, counts, strict=True):
        removable = call.report["handles"]["removable"].number() or 0
        returned = call.report["returned"].text()
        assert returned != "NoneType", "nothing is returned: return the list of the two hook handles"
        earlier = "the handles of earlier calls come back too: a default argument or a global list keeps them"
        assert not (count > wanted == counts[0][0] and call is not calls[0] and removable == count), earlier
        assert removable or returned not in ("list", "tuple", "dict") or not count, no_handles(call, count)
        several = (
            f"{removable:g} hook handles are returned for {wanted} layer{'s' * (wanted != 1)}: return one for each, to "
            "remove LoRA again"
        )
        one = f"a single handle is returned for {wanted} hooks: return all of them in a list"
        assert returned != "RemovableHandle", one
        assert removable == count == wanted, several
        assert call.hooked, (
            "no forward hook is on a module of the model when the function returns, for the handles to remove"
        )
        assert call.report["hooks_left"].number() == 0, "hooks are left after calling remove() on every handle"
        if call is calls[0]:
            found = call.report["logits_removed"].array(*plain_logits(seed).shape)
            assert reference.close(found, plain_logits(seed)), "after removing the hooks the model is not what it was"


def wanted_handles(call: Call) -> int:
    """One for every layer that was chosen."""
    return len({str(row.get("layer")) for row in call.attached} or call.adapted)
