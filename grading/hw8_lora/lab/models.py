"""The classifier, always with the same head, and the one whose first blocks are remembered."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2ForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from . import settings
from .data import tokenizer
from .settings import MODEL


def new_model() -> Any:
    """A fresh classifier with two labels; its head is the same every time."""
    torch.manual_seed(settings.SEED)
    if settings.SMOKE:
        config = GPT2Config(vocab_size=400, n_positions=32, n_embd=24, n_head=2, n_layer=12, num_labels=2,
                            pad_token_id=0, bos_token_id=0, eos_token_id=0, use_cache=False)  # fmt: skip
        return GPT2ForSequenceClassification(config).eval()
    model = GPT2ForSequenceClassification.from_pretrained(MODEL, num_labels=2)
    model.config.pad_token_id = tokenizer().pad_token_id
    model.config.use_cache = False  # the cache serves text generation
    return model


class Remembering(nn.Module):
    """A classifier that runs its blocks 0 to 9 once per sentence and remembers what they return."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model
        self.memory: dict[tuple[int, ...], torch.Tensor] = {}

    @torch.no_grad()
    def first_blocks(self, ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """What enters block 10, one tensor (length, C) per sentence, for ids and mask (B, T)."""
        transformer = self.model.transformer.eval()  # without dropout
        states = transformer(ids, attention_mask=mask, output_hidden_states=True).hidden_states[-3]
        transformer.train(self.training)
        lengths = mask.sum(1).tolist()
        return [row[:n].to(settings.half() or torch.float32) for row, n in zip(states, lengths, strict=True)]

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None) -> Any:
        """Logits, and the loss where there are labels, as the classifier itself gives them."""
        ends = attention_mask.sum(1) - 1  # (B,)
        keys = [tuple(ids[: end + 1]) for ids, end in zip(input_ids.tolist(), ends.tolist(), strict=True)]
        if any(key not in self.memory for key in keys):
            self.memory.update(zip(keys, self.first_blocks(input_ids, attention_mask), strict=True))
        hidden = nn.utils.rnn.pad_sequence([self.memory[key] for key in keys], batch_first=True).float()  # (B, T, C)
        logits = last_blocks(self.model, hidden)[torch.arange(len(keys), device=ends.device), ends]  # (B, 2)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def last_blocks(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """The logits (B, T, 2) at every token; attention looks back only, so right padding changes nothing."""
    for block in model.transformer.h[-2:]:
        hidden = block(hidden)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden  # older versions return a tuple
    logits: torch.Tensor = model.score(model.transformer.ln_f(hidden))
    return logits
