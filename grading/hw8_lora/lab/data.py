"""Reviews as batches of token numbers."""

import csv
import functools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GPT2TokenizerFast

from . import settings
from .settings import MODEL
from .split import apart, hold_out

Rows = list[tuple[str, int]]
"""(sentence, label) of each review."""
Example = dict[str, Any]
"""{"ids": token numbers, "label": 0 or 1}."""


def read_csv(path: Path) -> Rows:
    """The rows of a file of the profile tiny."""
    with open(path, newline="", encoding="utf-8") as file:
        return [(row["sentence"], int(row["label"])) for row in csv.DictReader(file)]


def load_reviews() -> dict[str, Rows]:
    """The reviews of "train", "validation" and "test"."""
    if settings.PROFILE == "tiny":
        train, validation, test = (read_csv(settings.TINY / f"{name}.csv") for name in ("train", "validation", "test"))
        return {"train": apart(train, validation), "validation": validation, "test": test}
    from datasets import load_dataset

    sst2 = load_dataset("nyu-mll/glue", "sst2")
    tables = (sst2[name] for name in ("train", "validation"))
    rows, test = (list(zip(table["sentence"], table["label"], strict=True)) for table in tables)
    train, validation = hold_out(rows, len(test))
    return {"train": train, "validation": validation, "test": test}


@functools.cache
def tokenizer() -> Any:
    """GPT-2's tokenizer; it has no padding token of its own."""
    found = GPT2TokenizerFast.from_pretrained(MODEL)
    found.pad_token = found.eos_token
    return found


def encode(rows: Rows) -> list[Example]:
    """The rows as token numbers, without the space at their end."""
    texts = [sentence.strip() for sentence, _ in rows]
    ids = tokenizer()(texts, truncation=True, max_length=settings.MAX_TOKENS)["input_ids"]
    return [{"ids": i, "label": label} for i, (_, label) in zip(ids, rows, strict=True)]


def collate(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    """The examples as one right-padded batch: ids and mask (B, T), labels (B,)."""
    rows = [torch.tensor(example["ids"]) for example in examples]
    pad = nn.utils.rnn.pad_sequence
    batch = {
        "input_ids": pad(rows, batch_first=True, padding_value=tokenizer().pad_token_id),
        "attention_mask": pad([torch.ones_like(row) for row in rows], batch_first=True),
        "labels": torch.tensor([example["label"] for example in examples]),
    }
    return {key: value.to(settings.DEVICE) for key, value in batch.items()}


def batches(examples: Sequence[Example], seed: int | None = None) -> Iterator[dict[str, torch.Tensor]]:
    """Batches of sentences of similar length; in a random order when there is a seed."""
    size, order = settings.BATCH_SIZE, list(range(len(examples)))
    rng = random.Random(seed)
    window = len(order) if seed is None else 50 * size
    if seed is not None:
        rng.shuffle(order)
    # Sorting inside windows, not overall, keeps the batches different in every epoch.
    order = [i for start in range(0, len(order), window)
             for i in sorted(order[start:start + window], key=lambda i: len(examples[i]["ids"]))]  # fmt: skip
    groups = [order[start : start + size] for start in range(0, len(order), size)]
    if seed is not None:
        rng.shuffle(groups)
    for group in groups:
        yield collate([examples[i] for i in group])
