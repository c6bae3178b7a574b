"""What the notebook needs besides the exercises: sizes, data, training, figures. It holds them in its folded cell."""

from .asking import ask
from .data import batches, collate, encode, load_reviews, tokenizer
from .figures import draw_epochs, draw_lora, draw_sizes, human, show_table
from .models import Remembering, new_model
from .settings import BATCH_SIZE, DEVICE, EPOCHS, MODEL, PROFILE, RATES, SEED, SMOKE, autocast, start
from .split import hold_out, parts_of, whole_texts
from .training import accuracy, final_test, run, runs, share_frozen, trained

__all__ = [
    "BATCH_SIZE",
    "DEVICE",
    "EPOCHS",
    "MODEL",
    "PROFILE",
    "RATES",
    "SEED",
    "SMOKE",
    "Remembering",
    "accuracy",
    "ask",
    "autocast",
    "batches",
    "collate",
    "draw_epochs",
    "draw_lora",
    "draw_sizes",
    "encode",
    "final_test",
    "hold_out",
    "human",
    "load_reviews",
    "new_model",
    "parts_of",
    "run",
    "runs",
    "share_frozen",
    "show_table",
    "start",
    "tokenizer",
    "trained",
    "whole_texts",
]  # fmt: skip
