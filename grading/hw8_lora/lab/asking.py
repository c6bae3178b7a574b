"""What each model says of a sentence that somebody types."""

from typing import Any

import torch

from . import settings
from .data import collate, encode
from .models import new_model
from .training import trained


@torch.no_grad()
def praise(model: Any, sentence: str) -> float:
    """The probability that the model gives to praise."""
    batch = collate(encode([(sentence, 0)]))
    batch.pop("labels")
    return float(model.to(settings.DEVICE).eval()(**batch).logits.softmax(-1)[0, 1])


def ask(*sentences: str) -> None:
    """Print what every model says of each sentence: before training, and after it in each way."""
    models = {} if settings.SMOKE else {"before training": new_model(), **trained}
    for sentence in sentences if models else ():
        print(sentence)
        for method, model in models.items():
            print(f"    {method:16s}{praise(model, sentence):7.1%} praise")
