"""What the notebook needs besides the exercises: sizes, data, training, figures. It holds them in its folded cell."""

from .data import batches, collate, encode, load_reviews, tokenizer
from .figures import draw_epochs, draw_lora, draw_sizes, human, show_table
from .models import Remembering, new_model
from .settings import BATCH_SIZE, DEVICE, EPOCHS, MODEL, PROFILE, RATES, SEED, SMOKE, autocast, start
from .training import accuracy, run, runs, trained

__all__ = [
    "BATCH_SIZE", "DEVICE", "EPOCHS", "MODEL", "PROFILE", "RATES", "SEED", "SMOKE", "Remembering", "accuracy",
    "autocast", "batches",
    "collate", "draw_epochs", "draw_lora", "draw_sizes", "encode", "human", "load_reviews", "new_model", "run", "runs",
    "show_table", "start", "tokenizer", "trained",
]  # fmt: skip
