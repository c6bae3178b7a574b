"""The training loop where it matters: a skipped step in 16 bits, and how much finished models keep in memory."""

import types
import warnings

import pytest
import torch
from hw8_lora import lab
from hw8_lora.checks.small import small_model
from runner import code_cells

EXAMPLES = [{"ids": [1, 2, 3 + i], "label": i % 2} for i in range(64)]
OVERFLOWS = 2.0**127
"""A scale of the loss with which no gradient is finite, as in 16 bits at the first step."""


@pytest.fixture
def notebook(warm_notebook, monkeypatch):
    """The names of the notebook, its training cell run again with the course's own modules."""
    namespace = dict(warm_notebook.namespace, hw8=lab)
    exec(dict(code_cells())["train_function"], namespace)
    monkeypatch.setattr(lab.data, "tokenizer", lambda: types.SimpleNamespace(pad_token_id=0))
    monkeypatch.setattr(lab.training, "shared", [])
    return namespace


def parts(parameters):
    """Return optimiser, schedule and a scaler whose first step is skipped."""
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    return optimizer, schedule, torch.amp.GradScaler("cpu", init_scale=OVERFLOWS, backoff_factor=2.0**-120)


def test_a_skipped_first_step_moves_the_schedule_only_when_the_weights_move(notebook):
    model = small_model()
    with torch.no_grad():
        model.score.weight.mul_(1e4)  # large gradients
    optimizer, schedule, scaler = parts(model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notebook["train_epoch"](model, EXAMPLES, optimizer, schedule, scaler, 0)
    assert scaler.get_scale() < OVERFLOWS
    assert schedule.last_epoch == 1


def test_a_schedule_that_moves_with_a_skipped_step_warns():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer, schedule, scaler = parts([weight])
    scaler.scale(weight.sum() * 1e30).backward()
    scaler.step(optimizer)
    scaler.update()
    with pytest.warns(UserWarning, match="lr_scheduler.step"):
        schedule.step()


def storages(*models):
    """Return the addresses of all tensors that hold the models' parameters."""
    return {p.data_ptr() for model in models for p in model.parameters()}


def test_finished_models_share_what_none_of_them_trained(notebook):
    models = [small_model() for _ in range(5)]
    for model in models:
        for name, p in model.named_parameters():
            p.requires_grad = name == "score.weight"
    apart = len(storages(*models))
    kept = [lab.share_frozen(model) for model in models]
    assert len(storages(*kept)) <= len(list(models[0].parameters())) + 4
    assert apart == 5 * len(list(models[0].parameters()))


def test_a_frozen_tensor_with_other_values_is_not_shared(notebook):
    first, second = small_model().requires_grad_(False), small_model().requires_grad_(False)
    with torch.no_grad():
        second.score.weight.add_(1)
    lab.share_frozen(first)
    assert not torch.equal(lab.share_frozen(second).score.weight, first.score.weight)
