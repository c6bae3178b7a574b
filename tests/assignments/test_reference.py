"""The trusted mathematics against trusted libraries."""

import numpy as np
import pytest
import torch
from hw8_lora import inputs, mistakes_hook, mistakes_start, probes_models, reference
from hw8_lora.mistakes_factor import FACTOR, SPOKEN

from autograder.inside.parameters import logits


@pytest.mark.parametrize("width", [12, 28])
def test_our_gpt2_computes_what_transformers_computes(width: int) -> None:
    ids = inputs.token_ids(3, "todo5")
    model = probes_models.tiny_gpt2(inputs, 3, width).eval()
    with torch.no_grad():
        expected = logits(model, torch.from_numpy(ids))[0].numpy()
    assert reference.close(reference.plain_logits(3, width, "todo5"), expected)


def test_gradients_are_those_of_autograd() -> None:
    case = inputs.layer_cases(1, "todo3")[0]
    w, bias = (torch.from_numpy(m).double() for m in inputs.layer_weights(1, case))
    a, b, x, g = (torch.from_numpy(m).double() for m in inputs.layer_pass(1, case, 0))
    for tensor in (a, b, x):
        tensor.requires_grad_(True)
    h = x @ w + bias + case.alpha / case.r * (x @ a.T @ b.T)
    h.backward(g)
    arrays = [t.detach().numpy() for t in (x, w, bias, a, b)]
    assert np.allclose(reference.lora_output(*arrays, case.alpha / case.r), h.detach().numpy())
    found = reference.lora_gradients(arrays[0], arrays[1], arrays[3], arrays[4], case.alpha / case.r, g.numpy())
    for gradient, tensor in zip(found, (a, b, x), strict=True):
        assert np.allclose(gradient, tensor.grad.numpy())


def test_the_kaiming_bound_is_what_pytorch_draws_within() -> None:
    a = torch.nn.init.kaiming_uniform_(torch.empty(64, 500), a=5**0.5)
    bound = reference.kaiming_bound(500)
    assert bound * 0.999 < a.abs().max() <= bound
    assert bound == pytest.approx(1 / 500**0.5)


@pytest.mark.parametrize("seed", range(50))
def test_layer_cases_tell_every_known_mistake_of_scaling_from_every_other(seed: int) -> None:
    cases = inputs.layer_cases(seed, "todo3")
    assert sorted(c.r for c in cases) == [1, 2, 3, 4, 6]
    assert all(c.n_in != c.n_out and c.r not in (c.n_in, c.n_out) for c in cases)
    assert any(c.r > min(c.n_in, c.n_out) for c in cases)
    assert {len(c.x_shape) for c in cases} == {2, 3, 4}
    factors = [tuple(round(part.gives(given(case)), 6) for case in cases) for part in (FACTOR, *SPOKEN)]
    assert len(set(factors)) == len(factors)


def given(case: inputs.LayerCase) -> mistakes_hook.Pass:
    """A pass of which only alpha and r matter."""
    nothing = np.zeros((1, 1))
    return mistakes_hook.Pass(
        nothing, nothing, nothing, nothing, nothing, case.alpha, case.r, start_a=nothing, start_b=nothing
    )


def test_init_cases_tell_every_known_width_from_every_other() -> None:
    sizes = [mistakes_start.Drawn(np.zeros(1), c.n_in, c.n_out, c.r, c.alpha) for c in inputs.INIT_CASES]
    # A uniform law shows its bound to 30 / n; a normal one its deviation to seven standard errors, 5 %.
    for laws, apart in ((mistakes_start.UNIFORM, 0.01), (mistakes_start.NORMAL, 0.1)):
        widths = [np.array([law.gives(size) for size in sizes]) for law in laws]
        for i, one in enumerate(widths):
            for j in range(i):
                assert np.abs(one / widths[j] - 1).max() > apart, (laws[i].name, laws[j].name)


@pytest.mark.parametrize("seed", range(200))
def test_a_right_start_looks_uniform_and_no_part_of_it_wrong(seed: int) -> None:
    random = np.random.RandomState(seed)
    drawn = [
        mistakes_start.Drawn(random.uniform(-1, 1, (3, c.r, c.n_in)) / np.sqrt(c.n_in), c.n_in, c.n_out, c.r, c.alpha)
        for c in inputs.INIT_CASES
    ]
    assert all(mistakes_start.same_law((d.a / d.right).ravel(), normal=False) for d in drawn)
    assert not mistakes_start.pieces(drawn)


def test_a_seed_gives_the_same_inputs_in_any_order_of_calls() -> None:
    case = inputs.layer_cases(9, "todo3")[0]
    first = inputs.layer_pass(9, case, 1)[0]
    inputs.gpt2_weights(9, 12)
    inputs.layer_pass(9, case, 0)
    assert np.array_equal(inputs.layer_pass(9, case, 1)[0], first)
