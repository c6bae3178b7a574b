"""Make the tiny profile: write reviews, train a tokenizer and a 12-layer GPT-2 on them, save everything here.

    python source/hw8_lora/tiny/make_tiny.py

The reviews come from the grammar below, so nothing is taken from anyone's data. The language model reads
unlabelled text: reviews, each often followed by a remark ("overall i loved it .") whose words depend on
whether the review was praise. It therefore has to work out praise and complaint, but it needs the answer
at the remark, not at the review's full stop, where the classifier of the homework looks. A new head alone
finds little there; attention that may change can fetch it. About five minutes on one core; the reviews are
the same everywhere, the weights on one machine with one thread.
"""

import argparse
import csv
import math
import random
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

HERE = Path(__file__).parent
SEED = 8
END = "<|endoftext|>"
SIZES = {"train": 4000, "validation": 1000, "test": 1000}

THINGS = """film movie plot story cast script dialogue score camera ending opening pacing humour drama romance
direction editing sound lighting acting lead villain hero chemistry scenery costume premise thriller comedy
sequel remake documentary animation soundtrack finale narration""".split()
GOOD = """brilliant charming moving clever warm gripping funny fresh elegant honest bold
superb""".split()
BAD = """dull clumsy boring stale shallow bland messy tired hollow lazy weak cold""".split()
DEGREES = "very quite truly rather really deeply surprisingly often always remarkably".split()
NOT = ["not", "never", "hardly", "far from", "anything but", "by no means"]
OPENINGS = ["", "", "", "in short , ", "to be fair , ", "for once , ", "as expected , ", "on the whole , "]
LOVED = "loved adored enjoyed praised admired".split()
HATED = "hated disliked regretted panned endured".split()


def clause(rng, good):
    """Return a clause that praises (or complains); one in four gets there by denying the opposite."""
    turned = rng.random() < 0.25
    word = rng.choice(GOOD if good != turned else BAD)
    degree = rng.choice(DEGREES) + " " if rng.random() < 0.2 else ""
    verb = rng.choice(["is", "was", "feels", "seems"])
    denial = rng.choice(NOT) + " " if turned else ""
    return f"the {rng.choice(THINGS)} {verb} {denial}{degree}{word}"


def review(rng, good):
    """Return a review; with a contrast, the side that carries the verdict decides."""
    main, second, side = clause(rng, good), clause(rng, good), clause(rng, not good)
    texts = [main, f"{main} and {second}", f"{side} , but {main}", f"although {side} , {main}",
             f"{main} , even if {side}"]
    return f"{rng.choice(OPENINGS)}{rng.choices(texts, (3, 3, 2, 1, 1))[0]} ."


def remark(rng, good):
    """Return a remark that fits the verdict; its first words don't give it away."""
    verb = rng.choice(LOVED if good else HATED)
    return rng.choice([f"overall i {verb} it .", f"my friends {verb} it .", f"the critics {verb} it .",
                       f"we all {verb} it ."])


def labelled(n, rng, seen):
    """Return n reviews (sentence, label), half of each kind, none of them in `seen`."""
    rows = []
    while len(rows) < n:
        label = len(rows) % 2
        text = review(rng, bool(label))
        if text not in seen:
            seen.add(text)
            rows.append((text + " ", label))  # a space at the end, as in SST-2
    rng.shuffle(rows)
    return rows


def simple(rng, good):
    """Return a list of words that agree: from it the model learns which words praise."""
    words = rng.sample(GOOD if good else BAD, 5)
    return f"the {rng.choice(THINGS)} is {', '.join(words[:4])} and {words[4]} ."


def corpus(n, rng, seen, share_simple):
    """Return n texts for the language model, each with a remark; none holds a review of `seen`."""
    texts = []
    while len(texts) < n:
        good = rng.random() < 0.5
        text = simple(rng, good) if rng.random() < share_simple else review(rng, good)
        if text not in seen:
            texts.append(f"{text} {remark(rng, good)}")
    return texts


def make_tokenizer(texts):
    """Return GPT-2's kind of tokenizer, trained on the texts and saved here."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=800, special_tokens=[END], show_progress=False)
    bpe.save_model(str(HERE))
    tokenizer = GPT2TokenizerFast.from_pretrained(HERE, eos_token=END, bos_token=END, unk_token=END)
    tokenizer.save_pretrained(HERE)
    return tokenizer


def windows(texts, tokenizer, length, generator):
    """Return the texts, one after another, cut into rows of `length` tokens (N, length)."""
    ids = [i for text in tokenizer(texts)["input_ids"] for i in [*text, tokenizer.eos_token_id]]
    rows = torch.tensor(ids[: len(ids) // length * length]).view(-1, length)
    return rows[torch.randperm(len(rows), generator=generator)]


def train(model, lessons, steps, batch_size, peak):
    """Train the language model, a quarter of the steps on the first lesson; print the loss now and then."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    for step in range(steps):
        factor = min((step + 1) / 100, 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = peak * factor
        rows = lessons[step >= steps // 4]
        start = step * batch_size % (len(rows) - batch_size)
        batch = rows[start:start + batch_size]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step:5d}/{steps}  loss {loss.item():.4f}", flush=True)


@torch.no_grad()
def fits(model, tokenizer, rng, n=200):
    """Return how often the model, after a review and "overall i", prefers the fitting half of the verbs."""
    first = [[tokenizer(" " + verb)["input_ids"][0] for verb in verbs] for verbs in (HATED, LOVED)]
    right = 0
    for k in range(n):
        ids = tokenizer(review(rng, bool(k % 2)) + " overall i", return_tensors="pt")["input_ids"]
        chances = model(input_ids=ids).logits[0, -1].softmax(-1)
        right += (chances[first[1]].sum() > chances[first[0]].sum()).item() == bool(k % 2)
    return right / n


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    rng, seen = random.Random(SEED), set()
    for name, size in SIZES.items():
        with open(HERE / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("sentence", "label"), *labelled(size, rng, seen)])
    lessons = [corpus(40_000, rng, seen, share) for share in (1.0, 0.2)]  # words first, then whole reviews
    tokenizer = make_tokenizer(lessons[1])
    generator = torch.Generator().manual_seed(SEED)
    lessons = [windows(texts, tokenizer, 64, generator) for texts in lessons]
    # GPT-2's own initializer_range, 0.02, is made for 768 numbers; with 64 the model would hardly learn.
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=64, n_embd=arguments.width, n_head=4, n_layer=12,
                        initializer_range=0.1, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                        activation_function="gelu_pytorch_tanh",
                        bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id)
    model = GPT2LMHeadModel(config)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {sum(map(len, lessons)):,} rows of 64 tokens")
    train(model, lessons, arguments.steps, arguments.batch_size, arguments.lr)
    model.eval().save_pretrained(HERE)
    print(f"remarks that fit a review it hasn't seen: {fits(model, tokenizer, rng):.1%}")


if __name__ == "__main__":
    main()
