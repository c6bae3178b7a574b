"""The training loop where it matters: a skipped step in 16 bits, and how much finished models keep in memory."""

import types
import warnings

import pytest
import torch
from runner import code_cells

OVERFLOWS = 2.0**127
"""A scale of the loss with which no gradient is finite, as in 16 bits at the first step."""


@pytest.fixture
def notebook(warm_notebook):
    """The names of the notebook with its training cells run again, so that they see what a test changes."""
    namespace = dict(warm_notebook.namespace)
    for name, source in code_cells():
        if name in ("encode", "batches", "train_function", "accuracy_function", "share_function"):
            exec(source, namespace)
    namespace["tokenizer"] = types.SimpleNamespace(pad_token_id=0)
    namespace["data"] = {"train": [{"ids": [1, 2, 3 + i], "label": i % 2} for i in range(64)]}
    return namespace


def parts(parameters):
    """Return optimiser, schedule and a scaler whose first step is skipped."""
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    return optimizer, schedule, torch.amp.GradScaler("cpu", init_scale=OVERFLOWS, backoff_factor=2.0**-120)


def test_a_skipped_first_step_moves_the_schedule_only_when_the_weights_move(notebook):
    model = notebook["small_model"]()
    optimizer, schedule, scaler = parts(model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notebook["train_epoch"](model, optimizer, schedule, scaler, 0)
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
    models = [notebook["small_model"]() for _ in range(5)]
    for model in models:
        for name, p in model.named_parameters():
            p.requires_grad = name == "score.weight"
    apart = len(storages(*models))
    kept = [notebook["share_frozen"](model) for model in models]
    assert len(storages(*kept)) <= len(list(models[0].parameters())) + 4
    assert apart == 5 * len(list(models[0].parameters()))


def test_a_frozen_tensor_with_other_values_is_not_shared(notebook):
    first, second = notebook["small_model"]().requires_grad_(False), notebook["small_model"]().requires_grad_(False)
    with torch.no_grad():
        second.score.weight.add_(1)
    notebook["share_frozen"](first)
    assert not torch.equal(notebook["share_frozen"](second).score.weight, first.score.weight)
