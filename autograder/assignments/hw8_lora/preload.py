"""Runs once in the zygote, as the module ``warm``: models that every probe needs and no secret is in.

Building a 12-layer model costs four times as much as copying one, and every submission's kernel is a fork that
shares these. The probes build their own where there is no zygote.
"""

import torch
from transformers import GPT2Config, GPT2ForSequenceClassification


def tiny(width: int) -> GPT2ForSequenceClassification:
    """A 12-layer model of this width without dropout; a probe writes its own weights into a copy."""
    config = GPT2Config(
        vocab_size=61, n_positions=16, n_embd=width, n_layer=12, n_head=2, num_labels=2, pad_token_id=60,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2ForSequenceClassification(config)


def real() -> GPT2ForSequenceClassification:
    """GPT-2's true shape on the meta device: names and sizes, no memory, no download."""
    with torch.device("meta"):
        return GPT2ForSequenceClassification(GPT2Config(num_labels=2, pad_token_id=50256))


TINY = {width: tiny(width) for width in (12, 16, 20, 24, 28)}
REAL = real()
