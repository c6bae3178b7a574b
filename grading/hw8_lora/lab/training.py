"""Train what requires a gradient, measure, and keep what is finished in ``results/``."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from . import settings
from .data import Example, batches

runs: dict[str, dict[str, Any]] = {}
"""Method -> the numbers of its run."""
trained: dict[str, Any] = {}
"""Method -> its model."""
shared: list[torch.Tensor] = []
"""The frozen tensors of all finished models, once each."""
Epoch = Callable[..., float]
"""train_epoch(model, examples, optimizer, schedule, scaler, epoch): trains, and returns the mean loss."""


def rate(step: int, steps: int) -> float:
    """The factor of the learning rate: up in the first 6 %, then down to 0 along a line."""
    warm_up = max(1, round(0.06 * steps))
    return min((step + 1) / warm_up, max(0.0, (steps - step) / max(1, steps - warm_up)))


@torch.no_grad()
def accuracy(model: Any, examples: Sequence[Example]) -> float:
    """The fraction of the examples that the model labels correctly."""
    model.eval()
    right = 0
    with settings.autocast():
        for batch in batches(examples):
            labels = batch.pop("labels")
            right += int((model(**batch).logits.argmax(-1) == labels).sum().item())
    return right / len(examples)


def train(model: Any, lr: float, data: dict[str, list[Example]], train_epoch: Epoch) -> dict[str, Any]:
    """Train what requires a gradient, go back to the best epoch; losses, accuracies and seconds."""
    chosen = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(chosen.values(), lr=lr)
    steps = settings.EPOCHS * math.ceil(len(data["train"]) / settings.BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    scaler = torch.amp.GradScaler(settings.DEVICE.type, enabled=settings.half() is torch.float16)
    before = accuracy(model, data["validation"])
    history: dict[str, Any] = {"before": before, "loss": [], "validation": [], "epoch_s": []}
    best: dict[str, torch.Tensor] = {}
    for epoch in range(settings.EPOCHS):
        start = time.perf_counter()
        loss = train_epoch(model, data["train"], optimizer, schedule, scaler, epoch)
        score = accuracy(model, data["validation"])
        if score > max(history["validation"], default=-1):
            best = {name: p.detach().clone() for name, p in chosen.items()}
        history["loss"].append(loss)
        history["validation"].append(score)
        history["epoch_s"].append(time.perf_counter() - start)
        print(lines(history)[-1])
    model.load_state_dict(best, strict=False)
    return history


def lines(history: dict[str, Any]) -> list[str]:
    """A line of text for the start, and one per epoch."""
    columns = zip(history["loss"], history["validation"], history["epoch_s"], strict=True)
    before = f"before training: validation accuracy {history['before']:.4f}"
    return [before, *(f"epoch {i}/{settings.EPOCHS}  loss {loss:.4f}  validation accuracy {score:.4f}  {seconds:.1f} s"
            for i, (loss, score, seconds) in enumerate(columns, 1))]  # fmt: skip


def show_run(method: str, note: str = "") -> None:
    """Print a finished run anew, which also removes the progress bars from the saved notebook."""
    from IPython.display import clear_output

    clear_output(wait=True)
    print(*lines(runs[method]), sep="\n")
    print(f"{method}: {runs[method]['parameters']:,} trained parameters, {runs[method]['seconds']:.1f} s {note}")


def run(method: str, model: Any, lr: float, data: dict[str, list[Example]], train_epoch: Epoch,
        made_by: Sequence[Any] = ()) -> None:  # fmt: skip
    """Train the model (or load the finished run) and keep it under the method's name.

    ``made_by`` are the functions that made the model: with other code the run is another.
    """
    model.to(settings.DEVICE)
    if settings.DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    numbers, tensors = places(method, key_of(model, lr, len(data["train"]), (*made_by, train_epoch)))
    if numbers.exists() and tensors.exists():
        model.load_state_dict(torch.load(tensors, map_location=settings.DEVICE, weights_only=True), strict=False)
        runs[method], trained[method] = json.loads(numbers.read_text()), share_frozen(model)
        return show_run(method, f"(finished earlier: {numbers})")
    start = time.perf_counter()
    result = train(model, lr, data, train_epoch)
    result["seconds"] = time.perf_counter() - start
    result["parameters"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    result["peak_bytes"] = torch.cuda.max_memory_allocated() if settings.DEVICE.type == "cuda" else None
    runs[method], trained[method] = result, share_frozen(model)
    torch.save({name: p.detach().cpu() for name, p in model.named_parameters() if p.requires_grad}, tensors)
    numbers.write_text(json.dumps(result))
    return show_run(method)


def final_test(examples: Sequence[Example]) -> None:
    """Measure the finished models on the test set: the only time that it is looked at."""
    for method in ("head", "attention", "lora", "peft"):
        if method in trained and "test" not in runs[method]:
            runs[method]["test"] = accuracy(trained[method], examples)


@torch.no_grad()
def share_frozen(model: Any) -> Any:
    """The model with its frozen tensors replaced by equal ones of earlier models: five take the room of one."""
    earlier = list(shared)
    for p in model.parameters():
        if not p.requires_grad:
            equal = (s for s in earlier if s.shape == p.shape and s.device == p.device and torch.equal(s, p))
            found = next(equal, None)
            if found is None:
                shared.append(p.data)
            else:
                p.data = found
    return model


def places(method: str, key: str) -> tuple[Path, Path]:
    """Where the numbers of a run and the tensors that it trained are kept."""
    name = f"{settings.PROFILE}-{method}-{key}"
    return settings.RESULTS / f"{name}.json", settings.RESULTS / f"{name}.pt"


def key_of(model: Any, lr: float, size: int, functions: Sequence[Any]) -> str:
    """What a run depends on, in eight digits: sizes, where the trained tensors start, and the code that made them."""
    chosen = {name: p for name, p in model.named_parameters() if p.requires_grad}
    words = [settings.PROFILE, settings.EPOCHS, settings.BATCH_SIZE, lr, size, sorted(chosen)]
    words += [code_of(function) for function in functions]
    digest = hashlib.sha256(json.dumps(words).encode())
    for _, parameter in sorted(chosen.items()):
        digest.update(parameter.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:8]


def code_of(function: Any) -> str:
    """A function's code as Python runs it, with the code of functions inside it; comments don't count."""
    code = getattr(function, "__code__", function)
    if not hasattr(code, "co_code"):
        return type(function).__name__
    inner = [code_of(value) if hasattr(value, "co_code") else repr(value) for value in code.co_consts]
    return json.dumps([code.co_code.hex(), code.co_names, code.co_varnames, inner])
