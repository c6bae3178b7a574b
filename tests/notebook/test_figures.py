"""Every figure in the homework's text is computed here, from the model, the recorded data or a formula.

A figure is a number of three digits or more, one with a decimal point, or one with a unit. What is written in a formula
counts as well; code, links and text alternatives do not.
"""

import json
import math
import re
from pathlib import Path

import pytest
from runner import NOTEBOOK, read_cells

FOLDER = Path(__file__).parents[2] / "benchmarks" / "figures"
SST2 = json.loads((FOLDER / "sst2.json").read_text())
TINY = json.loads((FOLDER / "tiny.json").read_text())
UNIT = "%|points|GB|MB|kB|TB|bytes|bits|billion|million|tokens"
FIGURE = re.compile(
    rf"(?<![\w.,-])\d+(?:,\d{{3}})+(?:\.\d+)?|(?<![\w.,])\d+\.\d+|\d{{3,}}|(?<![\w.,])\d+(?= (?:{UNIT})\b)"
)
NOT_TEXT = re.compile(r"!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<code>.*?</code>|`[^`]*`|[Hh]\.\d+|e-\d+")
WIDTH, VOCABULARY, POSITIONS, BLOCKS = 768, 50257, 1024, 12
FUSED = 3 * WIDTH
HEAD = 2 * WIDTH
C_ATTN = WIDTH * FUSED + FUSED
FIRST = {
    "attention": (0.8406, 0.8830, 0.8865),
    "LoRA by hooks": (0.7546, 0.8314, 0.8578),
    "LoRA by PEFT": (0.7970, 0.8303, 0.8486),
}
"""Test accuracy of the first version after each epoch, as its author's notebook printed it."""


def gpt2_size():
    """Return how many parameters GPT-2 has with a head of two labels."""
    block = C_ATTN + WIDTH * WIDTH + WIDTH + 2 * 4 * WIDTH * WIDTH + 5 * WIDTH + 4 * WIDTH
    return (VOCABULARY + POSITIONS) * WIDTH + BLOCKS * block + 2 * WIDTH + HEAD


def lora_size(r=1, biases=2, head=True):
    """Return how many parameters train with LoRA of rank r in two layers."""
    return 2 * r * (WIDTH + FUSED) + biases * FUSED + head * HEAD


ATTENTION = 2 * C_ATTN + HEAD
LORA = lora_size()


def standard_error(p, n):
    """Return the standard error of an accuracy p on n rows."""
    return math.sqrt(p * (1 - p) / n)


def megabytes(n):
    """Return bytes as the text writes them: MB, or kB below one."""
    return f"{n / 1e6:.1f}" if n >= 1e6 else f"{n / 1e3:.1f}"


def counts(*numbers):
    """Return whole numbers as the text writes them."""
    return {f"{number:,}" for number in numbers}


def tiny(method):
    """Return the recorded test accuracy of a method in `tiny`."""
    return f"{TINY['runs'][method]['test']:.2f}"


SIZES = {"768", "2304"}
ERRORS = [standard_error(history[-1], SST2["test"]) for history in FIRST.values()]
TINY_ERRORS = [standard_error(TINY["runs"][method]["test"], TINY["sizes"]["test"]) for method in TINY["runs"]]
COMPUTED = {
    "profiles": {f"{gpt2_size() / 1e6:.0f}"},
    # GPT-3's size is the paper's; 16 bytes are a weight, its gradient and two averages of 4 bytes each.
    "part1": {"175", str(4 * 4), "32", f"{175e9 * 4 * 4 / 1e12:.1f}", "2021"},
    "data_text": counts(SST2["texts"], SST2["test"]),
    "split_text": {
        *counts(SST2["whole"], SST2["training"], SST2["test"]),
        f"{100 * SST2['random_inside_training']:.1f}",
        f"{100 * SST2['test_inside_training']:.1f}",
        f"{SST2['tokens']:.1f}",
        f"{SST2['test_tokens']:.1f}",
        f"{SST2['validation_tokens']:.1f}",
    },
    "space_why": {*counts(SST2["texts"], SST2["last_tokens"]), f"{SST2['tokens']:.1f}", "128"},
    "model_text": {"768"},
    "todo1_text": {*SIZES, *counts(ATTENTION)},
    "todo1_hints": counts(ATTENTION + C_ATTN, ATTENTION - C_ATTN, gpt2_size()),
    "training_text": {"16"},
    "lora_numbers": {*SIZES, *counts(WIDTH * FUSED, WIDTH + FUSED), str(WIDTH * FUSED // (WIDTH + FUSED))},
    "todo4_hints": {f"{math.sqrt(6 / 256):.4f}"},
    "todo6_text": {*SIZES, *counts(LORA), str(ATTENTION // LORA)},
    "todo6_hints": counts(lora_size(head=False), lora_size(biases=0), lora_size(biases=BLOCKS)),
    "train_lora_text": {*counts(LORA, ATTENTION, HEAD), "768", f"{4 / math.sqrt(WIDTH):.2f}"},
    "todo8_text": counts(LORA, lora_size(head=False), HEAD),
    "todo8_hints": counts(lora_size(head=False), LORA + HEAD, HEAD),
    "results_text": {f"{100 * standard_error(0.86, SST2['test']):.1f}", "872", "0.86"},
    "runs_text": {
        *map(tiny, TINY["runs"]),
        *counts(TINY["sizes"]["test"], TINY["sizes"]["train"]),
        f"{100 * min(TINY_ERRORS):.1f}",
        f"{100 * max(TINY_ERRORS):.1f}",
    },
    "results_reading": {
        str(ATTENTION // LORA),
        f"{gpt2_size() // LORA:,}",
        *map(megabytes, (8 * LORA, 8 * ATTENTION, 4 * LORA, 4 * ATTENTION, 4 * gpt2_size())),
        *(f"{value:.4f}" for history in FIRST.values() for value in history),
        *counts(SST2["test"]),
        f"{100 * min(ERRORS):.1f}",
        f"{100 * max(ERRORS):.1f}",
    },
    "save_text": {"16"},
    "quiz": {str(ATTENTION // LORA), *counts(ATTENTION)},
    "remember_text": {
        "16",
        "768",
        "2",
        *counts(SST2["training"]),
        f"{SST2['training_tokens']:.2f}",
        f"{SST2['training'] * SST2['training_tokens'] * WIDTH * 2 / 1e9:.2f}",
        f"{SST2['test'] * SST2['validation_tokens'] * WIDTH * 2 / 1e9:.2f}",
    },
    "remember_after": {"16"},
    "references": {"2013"},
}
"""Cell id -> the figures that its text states, as they are computed. The test set and the held-out set are as large."""


def figures(text):
    """Return the figures of a text."""
    text = NOT_TEXT.sub(" ", text).replace("{,}", ",").replace(r"\%", "%")
    return set(FIGURE.findall(text))


TEXTS = {cell["id"]: cell.source for cell in read_cells() if cell.cell_type == "markdown"}


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if figures(text) or name in COMPUTED])
def test_the_figures_of_a_text_are_the_computed_ones(name):
    assert figures(TEXTS[name]) == COMPUTED.get(name, set())


def test_a_wrong_or_a_forgotten_figure_would_be_found():
    text = TEXTS["results_reading"]
    assert figures(text.replace("288", "289")) != COMPUTED["results_reading"]
    assert figures(text + " It takes 1.3 GB and 16 bytes.") - COMPUTED["results_reading"] == {"1.3", "16"}


def test_the_sizes_are_those_of_the_library():
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification

    with torch.device("meta"):
        model = GPT2ForSequenceClassification(GPT2Config(num_labels=2, pad_token_id=0))
    assert sum(p.numel() for p in model.parameters()) == gpt2_size()
    trained = ("score.", "transformer.h.10.attn.c_attn.", "transformer.h.11.attn.c_attn.")
    assert sum(p.numel() for n, p in model.named_parameters() if n.startswith(trained)) == ATTENTION
    biases = [name for name, _ in model.named_parameters() if name.endswith(".bias")]
    of_others = [name for name in biases if not re.search(r"h\.1[01]\.attn\.c_attn", name)]
    assert f"{len(of_others)} other biases" in TEXTS["todo6_hints"]


def test_held_out_sentences_share_no_text_with_training_and_are_as_long_as_test_sentences():
    assert SST2["validation_inside_training"] == SST2["training_inside_validation"] == 0
    assert SST2["validation_tokens"] == pytest.approx(SST2["test_tokens"], abs=0.5)
    assert SST2["random_inside_training"] > 0.8


def test_the_cards_of_tiny_state_what_was_recorded():
    scores = [f"{TINY['runs'][method]['test']:.3f}" for method in ("head", "lora", "peft", "attention")]
    tiny_folder = NOTEBOOK.parent / "tiny"
    assert f"| {' | '.join(scores)} |" in (tiny_folder / "README.md").read_text()
    left_out = 4_000 - TINY["sizes"]["train"]
    assert f"| 4,000 | training; the notebook leaves out {left_out} that" in (tiny_folder / "DATA.md").read_text()


def test_the_first_version_stands_beside_test_accuracies_by_epoch():
    for method, history in FIRST.items():
        row = " | ".join([method, *(f"{value:.4f}" for value in history)])
        assert f"| {row} |" in TEXTS["results_reading"]


def test_the_picture_of_a_finished_run_is_small_and_has_a_long_text_alternative():
    ((alt, picture),) = re.findall(r"!\[([^\]]*)\]\(data:image/png;base64,([^)]*)\)", TEXTS["plan"])
    assert len(alt) > 100
    assert 4_000 < len(picture) < 16_000
