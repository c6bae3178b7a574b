"""Run the homework at GPT-2's true size on a processor: random weights, the real tokenizer, a sample of SST-2.

    python benchmarks/true_size.py DATA               about five minutes on one core

DATA holds sst2/train.parquet, sst2/validation.parquet and gpt2-tokenizer/. The solution notebook runs in the profile
`full`; only what it would download is replaced. Accuracies mean nothing here: the weights are random. Checked are
that no cell fails, that the counts of parameters are right, and that finished models share what they did not train.
"""

import argparse
import contextlib
import importlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "source" / "hw8_lora" / "hw8_lora.ipynb"
GRADING = NOTEBOOK.parents[2] / "grading" / "hw8_lora"
COUNTS = {"head": 1_536, "attention": 3_545_088, "lora": 12_288, "peft": 12_288, "remembered": 3_545_088}
SIZE = 124_441_344


def reading_from(folder: Path, original: Any) -> Any:
    """from_pretrained as it was, with the folder in place of the name "gpt2"."""

    def from_pretrained(name: Any, *rest: Any, **options: Any) -> Any:
        return original(folder if name == "gpt2" else name, *rest, **options)

    return from_pretrained


def replace_downloads(data: Path, folder: Path, training: int, test: int) -> None:
    """Let the libraries find, in place of a download, a random GPT-2 and a sample of SST-2."""
    import datasets
    import pandas
    import torch

    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(8)
    transformers.GPT2LMHeadModel(transformers.GPT2Config()).save_pretrained(folder)
    transformers.GPT2TokenizerFast.from_pretrained(data / "gpt2-tokenizer").save_pretrained(folder)
    for kind in (transformers.GPT2ForSequenceClassification, transformers.GPT2TokenizerFast):
        kind.from_pretrained = reading_from(folder, kind.from_pretrained)
    sizes = {"train": training, "validation": test}
    tables = {name: pandas.read_parquet(data / "sst2" / f"{name}.parquet") for name in sizes}
    sampled = {name: table.sample(sizes[name], random_state=8) for name, table in tables.items()}
    parts = {name: datasets.Dataset.from_pandas(table, preserve_index=False) for name, table in sampled.items()}
    datasets.load_dataset = lambda *names: datasets.DatasetDict(parts)


def run_cells() -> dict[str, Any]:
    """What the notebook's cells define; SystemExit with the name of the first that fails."""
    import nbformat

    from autograder.assignment import load_assignment
    from autograder.embedded import with_modules

    modules = load_assignment(GRADING).declaration.modules
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in with_modules(nbformat.read(NOTEBOOK, as_version=4), GRADING, modules).cells:
        if cell.cell_type == "code":
            start, printed = time.process_time(), io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(compile(cell.source, cell["id"], "exec"), namespace)
            except Exception as error:
                raise SystemExit(f"cell {cell['id']}: {type(error).__name__}: {error}") from error
            taken = time.process_time() - start
            if taken > 1:
                print(f"{cell['id']:20s}{taken:7.1f} s of CPU", file=sys.stderr, flush=True)
    return namespace


def wrong(namespace: dict[str, Any]) -> list[str]:
    """What is not as it must be after a run, in sentences."""
    found = {method: numbers["parameters"] for method, numbers in namespace["runs"].items()}
    off = {method: n for method, n in COUNTS.items() if found.get(method) != n}
    problems = [f"{method} trained {found.get(method)}, expected {n}" for method, n in off.items()]
    if namespace["MODEL_SIZE"] != SIZE:
        problems.append(f"the model has {namespace['MODEL_SIZE']} parameters, expected {SIZE}")
    tensors = {p.data_ptr(): p.numel() for model in namespace["trained"].values() for p in model.parameters()}
    if sum(tensors.values()) > 1.1 * SIZE:
        problems.append(f"finished models hold {sum(tensors.values()):,} numbers, expected little more than one GPT-2")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with sst2/ and gpt2-tokenizer/")
    parser.add_argument("--training", type=int, default=160, help="how many texts of the training set")
    parser.add_argument("--test", type=int, default=24, help="how many of GLUE's validation sentences")
    arguments = parser.parse_args()
    for needed in ("sst2/train.parquet", "sst2/validation.parquet", "gpt2-tokenizer"):
        if not (arguments.data / needed).exists():
            parser.error(f"{arguments.data / needed} is not there; DATA holds SST-2 as parquet files and the tokenizer")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(HW8_PROFILE="full", HW8_RESULTS_DIR=f"{folder}/results", TQDM_DISABLE="1", HF_HUB_OFFLINE="1")
        replace_downloads(arguments.data, Path(folder) / "gpt2", arguments.training, arguments.test)
        namespace = run_cells()
        problems = wrong(namespace)
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"every cell ran; {SIZE:,} parameters, trained: {COUNTS}")


if __name__ == "__main__":
    main()
