"""What the notebook's folded cell does after training: the test set is looked at once, and models answer a sentence."""

import types

import pytest
import torch
from hw8_lora import lab
from hw8_lora.checks.small import small_model

EXAMPLES = [{"ids": [1, 2, 3 + i], "label": i % 2} for i in range(8)]


@pytest.fixture
def finished(monkeypatch):
    """A model for each of the four methods and for one that is not tested."""
    methods = ("head", "attention", "lora", "peft", "remembered")
    monkeypatch.setattr(lab.training, "runs", {method: {} for method in methods})
    monkeypatch.setattr(lab.training, "trained", {method: small_model() for method in methods})
    monkeypatch.setattr(lab.asking, "trained", lab.training.trained)
    monkeypatch.setattr(lab.data, "tokenizer", lambda: types.SimpleNamespace(pad_token_id=0))
    return lab.training.runs


def test_the_four_methods_are_tested_once_each(finished, monkeypatch):
    looks = []
    monkeypatch.setattr(lab.training, "accuracy", lambda model, examples: looks.append(len(examples)) or 0.5)
    lab.final_test(EXAMPLES)
    lab.final_test(EXAMPLES)
    assert {method for method, numbers in finished.items() if "test" in numbers} == {
        "head",
        "attention",
        "lora",
        "peft",
    }
    assert looks == [8] * 4


def test_every_model_says_how_sure_it_is_of_praise(finished, monkeypatch, capsys):
    monkeypatch.setattr(lab.settings, "SMOKE", False)
    monkeypatch.setattr(lab.asking, "new_model", small_model)
    monkeypatch.setattr(lab.asking, "encode", lambda rows: [{"ids": [5, 6], "label": label} for _, label in rows])
    lab.ask("the plot is dull .")
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "the plot is dull ."
    assert [line.split("%")[1] for line in lines] == [" praise"] * 6
    logits = small_model()(input_ids=torch.tensor([[5, 6]])).logits
    assert f"{logits.softmax(-1)[0, 1].item():.1%}" in lines[0]


def test_in_smoke_nobody_answers(monkeypatch, capsys):
    monkeypatch.setattr(lab.settings, "SMOKE", True)
    lab.ask("the plot is dull .")
    assert capsys.readouterr().out == ""
