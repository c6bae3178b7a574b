"""What does full size cost on this machine's graphics card?

    python benchmarks/gpu.py                     an epoch of each loop, at GPT-2's shape with random weights
    python benchmarks/gpu.py --sentences 6400 --json gpu.json

Without a graphics card it says so in one line and exits 1. The sentences are those of FOLDER (`--data FOLDER`, with
`sst2/train.parquet` and `gpt2-tokenizer/`), else the tiny profile's, which are a little longer. Seconds are wall time
of one epoch after a short warm-up, scaled to 53,879 sentences; memory is what PyTorch had allocated at most. A
submission at full size trains five times, three epochs each; of its other cells nothing is counted.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
TRAININGS, EPOCHS = 5, 3
DEVICE = "cuda"


def refusal():
    """The reason why there is nothing to measure here, or nothing."""
    try:
        import torch
    except ImportError:
        return "PyTorch is not installed"
    if not torch.version.cuda:
        return f"PyTorch {torch.__version__} has no CUDA"
    return "" if torch.cuda.is_available() else "no graphics card can be used (nvidia-smi tells more)"


def first_version(model, tokenizer, rows):
    """Train as the first version did on a card: all sentences padded to 128 tokens, 32 bits, batches of 16."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
    model.train()
    for start in range(0, len(rows), 16):
        part = rows[start : start + 16]
        texts = [text for text, _ in part]
        batch = tokenizer(texts, padding="max_length", truncation=True, max_length=128, return_tensors="pt")
        labels = torch.tensor([label for _, label in part])
        loss = model(**{name: value.to(DEVICE) for name, value in batch.items()}, labels=labels.to(DEVICE)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        # It read every loss for its progress bar, which waits for the card.
        loss.item()


def ours(namespace, model, half):
    """Train one epoch with the notebook's function, in ``half`` precision or in 32 bits (None)."""
    import torch

    namespace["HALF"] = half
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    scaler = torch.amp.GradScaler(DEVICE, enabled=half is torch.float16)
    namespace["train_epoch"](model, optimizer, schedule, scaler, 0)


def measured(function):
    """Wall seconds and peak bytes of a call, the card's work included."""
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    function()
    torch.cuda.synchronize()
    return time.perf_counter() - start, torch.cuda.max_memory_allocated()


def variants(namespace, tokenizer, rows):
    """Name -> what trains one epoch, all on the same model, with the layers of TODO 1 trainable."""
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification

    model = GPT2ForSequenceClassification(GPT2Config(num_labels=2, pad_token_id=tokenizer.eos_token_id)).to(DEVICE)
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith(("score", "transformer.h.10.attn.c_attn", "transformer.h.11.attn.c_attn"))
    return {
        "first version, fp32": lambda: first_version(model, tokenizer, rows),
        "ours, fp32": lambda: ours(namespace, model, None),
        "ours, 16 bits": lambda: ours(namespace, model, half_of(torch)),
    }


def half_of(torch):
    """The 16-bit type that the notebook would choose on this card."""
    return torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=6400)
    parser.add_argument("--data", type=Path, help="folder with sst2/ and gpt2-tokenizer/")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if why := refusal():
        sys.exit(f"nothing is measured: {why}")
    import torch
    import train

    if arguments.data:
        train.SHARED = arguments.data
    namespace = train.notebook_namespace()
    rows, tokenizer, source = train.sentences(arguments.sentences)
    tokenizer.pad_token = tokenizer.eos_token
    namespace.update(tokenizer=tokenizer, BATCH_SIZE=32, device=torch.device(DEVICE))
    namespace["data"] = {"train": namespace["encode"](rows[:320])}
    loops = variants(namespace, tokenizer, rows)
    loops["ours, 16 bits"]()
    namespace["data"] = {"train": namespace["encode"](rows)}
    figures = {}
    for name, loop in loops.items():
        seconds, peak = measured(loop)
        epoch_s = seconds * train.EPOCH / len(rows)
        figures[name] = {"epoch_s": epoch_s, "peak_bytes": peak, "per_hour": 3600 / (epoch_s * TRAININGS * EPOCHS)}
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {len(rows)} sentences of {source}")
    print(f"{'':22s}{'s per epoch':>12s}{'GB at most':>12s}{'submissions per hour':>22s}")
    for name, row in figures.items():
        print(f"{name:22s}{row['epoch_s']:12.1f}{row['peak_bytes'] / 1e9:12.2f}{row['per_hour']:22.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
