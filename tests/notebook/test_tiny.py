"""The tiny profile's files: small, complete, and made by the script beside them."""

import csv
import importlib.util
import random
import re
from pathlib import Path

import pytest

TINY = Path(__file__).parents[2] / "source" / "hw8_lora" / "tiny"


@pytest.fixture(scope="module")
def maker():
    """The script that made the files, as a module."""
    spec = importlib.util.spec_from_file_location("make_tiny", TINY / "make_tiny.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name):
    """Return the rows (sentence, label) of a committed file."""
    with open(TINY / f"{name}.csv", newline="", encoding="utf-8") as file:
        return [(row["sentence"], int(row["label"])) for row in csv.DictReader(file)]


def test_the_committed_reviews_are_what_the_script_writes(maker):
    rng, seen = random.Random(maker.SEED), set()
    for name, size in maker.SIZES.items():
        assert maker.labelled(size, rng, seen) == rows(name)


def test_no_review_is_in_two_parts_and_both_labels_are_equally_frequent():
    parts = {name: rows(name) for name in ("train", "validation", "test")}
    texts = [text for part in parts.values() for text, _ in part]
    assert len(texts) == len(set(texts))
    assert all(sum(label for _, label in part) * 2 == len(part) for part in parts.values())


def test_reviews_end_in_a_space_as_in_sst2():
    assert all(text.endswith(". ") for text, _ in rows("test"))


def test_no_single_word_tells_the_label():
    shown = {}
    for text, label in rows("train"):
        for word in set(re.findall(r"\w+", text)):
            shown.setdefault(word, []).append(label)
    shares = [sum(labels) / len(labels) for labels in shown.values() if len(labels) >= 50]
    assert min(shares) > 0.1
    assert max(shares) < 0.9


def test_the_model_is_a_12_layer_gpt2_under_10_mb_that_loads_offline(maker):
    from transformers import GPT2ForSequenceClassification, GPT2TokenizerFast

    assert (TINY / "model.safetensors").stat().st_size < 10e6
    model = GPT2ForSequenceClassification.from_pretrained(TINY, num_labels=2)
    tokenizer = GPT2TokenizerFast.from_pretrained(TINY)
    assert len(model.transformer.h) == 12
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.decode(tokenizer("the plot is dull .")["input_ids"]) == "the plot is dull ."


def test_the_language_model_understands_reviews_that_it_has_not_seen(maker):
    import torch
    from transformers import GPT2LMHeadModel, GPT2TokenizerFast

    torch.set_num_threads(1)
    model = GPT2LMHeadModel.from_pretrained(TINY).eval()
    assert maker.fits(model, GPT2TokenizerFast.from_pretrained(TINY), random.Random(5), n=100) > 0.75


def test_a_few_steps_of_training_repeat_bit_for_bit(maker):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

    def trained():
        torch.manual_seed(maker.SEED)
        texts = maker.corpus(60, random.Random(1), set(), 0.2)
        rows = maker.windows(texts, GPT2TokenizerFast.from_pretrained(TINY), 64, torch.Generator().manual_seed(1))
        model = GPT2LMHeadModel(GPT2Config(vocab_size=800, n_positions=64, n_embd=16, n_head=2, n_layer=2))
        maker.train(model, [rows, rows], 6, 4, 2e-3)
        return model.state_dict()

    torch.set_num_threads(1)
    first, second = trained(), trained()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_model_and_data_have_cards():
    model_card, data_card = (TINY / "README.md").read_text(), (TINY / "DATA.md").read_text()
    assert "make_tiny.py" in model_card
    assert "make_tiny.py" in data_card
    assert "licence" in model_card.lower()
