"""How much faster is an epoch of the homework than in its first version?

    python benchmarks/train.py                      640 sentences once: about four minutes on one core
    python benchmarks/train.py --sentences 128 --repeats 2

One run, one machine, the same sentences, the same model (GPT-2's real shape with random weights: speed does
not depend on their values), the layers of TODO 1 trainable. The first version padded each sentence to 128
tokens and trained in 32 bits, 16 sentences at a time. Ours is the notebook's own `train_epoch`, in 32 bits
and in bfloat16; "remembered" is its optional last section, in an epoch after the first, when what the frozen
blocks return is kept. Few sentences make few batches to group by length, and so a smaller gain. The variants
alternate; the smallest CPU time of each counts, scaled to an epoch of 57,624 sentences. SST-2 and GPT-2's
tokenizer are read from ../shared when they are there, else the tiny profile's data and tokenizer stand in
(its sentences are a little longer).
"""

import argparse
import contextlib
import io
import json
import os
import random
import sys
import time
from pathlib import Path

os.environ["HW8_PROFILE"] = "smoke"
os.environ["TQDM_DISABLE"] = "1"
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
TINY = ROOT / "source" / "hw8_lora" / "tiny"
EPOCH = 57_624  # what is left of SST-2 to train on, benchmarks/figures/sst2.json


def notebook_namespace():
    """Return the names that the notebook's cells up to the training function define, and those of its last section."""
    import nbformat

    cells = nbformat.read(ROOT / "source" / "hw8_lora" / "hw8_lora.ipynb", 4).cells
    namespace = {"__name__": "benchmark"}
    ids = [cell["id"] for cell in cells]
    if not {"accuracy_function", "remember", "remember_run"} <= set(ids):
        raise SystemExit("the notebook's cells have other names; the benchmark reads those up to accuracy_function")
    needed = [*ids[: ids.index("accuracy_function") + 1], "remember", "remember_run"]
    for cell in cells:
        if cell.cell_type == "code" and cell["id"] in needed:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell["id"], "exec"), namespace)
    return namespace


def sentences(n):
    """Return n rows (sentence, label), the tokenizer, and where they come from."""
    from transformers import GPT2TokenizerFast

    if (SHARED / "sst2" / "train.parquet").exists():
        import pandas

        table = pandas.read_parquet(SHARED / "sst2" / "train.parquet")
        rows = list(zip(table["sentence"], table["label"].astype(int), strict=True))
        folder, source = SHARED / "gpt2-tokenizer", "SST-2"
    else:
        import csv

        with open(TINY / "train.csv", encoding="utf-8") as file:
            rows = [(row["sentence"], int(row["label"])) for row in csv.DictReader(file)]
        folder, source = TINY, "the tiny profile's reviews"
    return random.Random(8).sample(rows, n), GPT2TokenizerFast.from_pretrained(folder), source


def first_version(model, tokenizer, rows):
    """Train as the first version did: all sentences padded to 128 tokens, 32 bits, batches of 16."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
    model.train()
    for start in range(0, len(rows), 16):
        part = rows[start : start + 16]
        batch = tokenizer(
            [text for text, _ in part], padding="max_length", truncation=True, max_length=128, return_tensors="pt"
        )
        loss = model(**batch, labels=torch.tensor([label for _, label in part])).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def ours(namespace, model, half):
    """Train one epoch with the notebook's function, in `half` precision or in 32 bits (None)."""
    import torch

    namespace["HALF"] = half
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    namespace["train_epoch"](model, optimizer, schedule, scaler, 0)


def remember(namespace, remembering, half):
    """Let the frozen blocks' outputs be kept for every sentence, in `half` precision."""
    import torch

    namespace["HALF"] = half
    with torch.no_grad(), namespace["autocast"]():
        for batch in namespace["batches"](namespace["data"]["train"]):
            remembering(**batch)


def measure(variants, repeats):
    """Return {name: (CPU seconds, wall seconds)} of the fastest of `repeats` alternating runs."""
    best = {}
    for _ in range(repeats):
        for name, function in variants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            taken = (time.process_time() - cpu, time.perf_counter() - wall)
            best[name] = min(best.get(name, taken), taken)
            print(f"  {name}: {taken[0]:.1f} s of CPU", file=sys.stderr, flush=True)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=640)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification

    torch.set_num_threads(arguments.threads)
    namespace = notebook_namespace()
    rows, tokenizer, source = sentences(arguments.sentences)
    tokenizer.pad_token = tokenizer.eos_token
    model = GPT2ForSequenceClassification(GPT2Config(num_labels=2, pad_token_id=tokenizer.eos_token_id))
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith(("score", "transformer.h.10.attn.c_attn", "transformer.h.11.attn.c_attn"))
    namespace.update(tokenizer=tokenizer, BATCH_SIZE=32, device=torch.device("cpu"))
    namespace["data"] = {"train": namespace["encode"](rows)}
    variants = {
        "first version, fp32": lambda: first_version(model, tokenizer, rows),
        "ours, fp32": lambda: ours(namespace, model, None),
        "ours, bf16": lambda: ours(namespace, model, torch.bfloat16),
    }
    remembering = namespace["Remembering"](model)
    remember(namespace, remembering, torch.bfloat16)
    variants["remembered, bf16"] = lambda: ours(namespace, remembering, torch.bfloat16)
    best = measure(variants, arguments.repeats)
    base = best["first version, fp32"][0]
    print(f"{len(rows)} sentences of {source}, {arguments.threads} thread(s), torch {torch.__version__}")
    print(f"{'':22s}{'CPU s per epoch':>16s}{'wall s per epoch':>18s}{'times faster':>14s}")
    for name, (cpu, wall) in best.items():
        scale = EPOCH / len(rows)
        print(f"{name:22s}{cpu * scale:16,.0f}{wall * scale:18,.0f}{base / cpu:14.1f}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps(
                {
                    name: {"cpu_s": cpu, "wall_s": wall, "times_faster": base / cpu}
                    for name, (cpu, wall) in best.items()
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
