"""Runs once in the warm parent, before the first submission: models that every probe needs and no secret is in.

Building a 12-layer model costs four times as much as copying one, and every submission's kernel is a fork that
shares these.
"""

import copy
import random
import warnings

import torch
from peft import LoraConfig, get_peft_model
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


def rehearse() -> None:
    """Train one step, plain and adapted, so that what PyTorch and PEFT set up on first use is shared by every fork.

    Without it each submission pays for the first backward pass of a process. The generators are put back.
    """
    state, python_state = torch.get_rng_state(), random.getstate()
    ids = torch.zeros(2, 3, dtype=torch.long)
    config = LoraConfig(r=1, target_modules=["c_fc"], fan_in_fan_out=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (copy.deepcopy(TINY[12]), get_peft_model(copy.deepcopy(TINY[12]), config)):
            optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
            model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids[:, 0]).loss.backward()
            optimizer.step()
    torch.set_rng_state(state)
    random.setstate(python_state)


rehearse()
