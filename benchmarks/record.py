"""Record the figures that the homework's text states, for tests/notebook/test_figures.py to compare with the text.

    python benchmarks/record.py sst2 DATA TOKENIZER   SST-2 as two parquet files (train, validation), GPT-2's tokenizer
    python benchmarks/record.py tiny                  the notebook in `tiny`: figures, and the picture in its text
    python benchmarks/record.py picture               that picture again, from the recorded figures
    python benchmarks/record.py full                  the notebook in `full`: needs the download, better a GPU

The others write benchmarks/figures/<name>.json. A run of the notebook takes the solution notebook from source/ and a
folder of its own for results, so that nothing finished earlier is read.
"""

import argparse
import base64
import contextlib
import importlib
import io
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "source" / "hw8_lora" / "hw8_lora.ipynb"
GRADING = ROOT / "grading" / "hw8_lora"
FIGURES = Path(__file__).parent / "figures"
METHODS = {"head": "#6b6b6b", "attention": "#b34700", "lora": "#0072b2", "peft": "#00795a"}


def namespace_of(profile: str) -> dict[str, Any]:
    """What the notebook's code cells define when they are run in a profile."""
    import nbformat

    from autograder.assignment import load_assignment
    from autograder.embedded import with_modules

    os.environ.update(HW8_PROFILE=profile, HW8_TINY_DIR=str(NOTEBOOK.parent / "tiny"), TQDM_DISABLE="1")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    modules = load_assignment(GRADING).declaration.modules
    for cell in with_modules(nbformat.read(NOTEBOOK, as_version=4), GRADING, modules).cells:
        if cell.cell_type == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell["id"], "exec"), namespace)
            print(f"{cell['id']} done", file=sys.stderr)
    return namespace


def share_inside(texts: Iterable[str], others: Iterable[str], parts_of: Any) -> float:
    """The share of the texts that stand word for word in one of the others."""
    wanted = {" ".join(text.split()) for text in texts}
    found: set[str] = set()
    for other in {" ".join(text.split()) for text in others}:
        found |= parts_of(other) & wanted
    return statistics.mean(" ".join(text.split()) in found for text in texts)


def of_sst2(data: Path, tokenizer_folder: Path) -> dict[str, float]:
    """The figures of SST-2: its texts, their lengths, and what either way of holding out shares with training."""
    import datasets
    import pandas

    os.environ["HW8_PROFILE"] = "smoke"
    sys.path.insert(0, str(GRADING.parent))
    from hw8_lora import lab

    tokenizer = importlib.import_module("transformers").GPT2TokenizerFast.from_pretrained(tokenizer_folder)
    tables = {name: pandas.read_parquet(data / f"{name}.parquet") for name in ("train", "validation")}
    rows = list(zip(tables["train"]["sentence"], tables["train"]["label"], strict=True))
    test = list(tables["validation"]["sentence"])
    at_random = datasets.Dataset.from_dict({"text": [text for text, _ in rows]}).train_test_split(0.2, seed=8)
    training, validation = ([text for text, _ in part] for part in lab.hold_out(rows, len(test)))

    def ids(texts: Iterable[str]) -> Any:
        return tokenizer([text.strip() for text in texts])["input_ids"]

    def mean_length(texts: Iterable[str]) -> float:
        return statistics.mean(map(len, ids(texts)))

    every = ids(text for text, _ in rows)
    return {
        "texts": len(rows),
        "test": len(test),
        "tokens": statistics.mean(map(len, every)),
        "longest": max(map(len, every)),
        "last_tokens": len({one[-1] for one in every}),
        "whole": len(lab.whole_texts(rows)),
        "training": len(training),
        "training_tokens": mean_length(training),
        "validation_tokens": mean_length(validation),
        "test_tokens": mean_length(test),
        "random_inside_training": share_inside(at_random["test"]["text"], at_random["train"]["text"], lab.parts_of),
        "test_inside_training": share_inside(test, at_random["train"]["text"], lab.parts_of),
        "validation_inside_training": share_inside(validation, training, lab.parts_of),
        "training_inside_validation": share_inside(training, validation, lab.parts_of),
    }


def of_runs(profile: str) -> dict[str, Any]:
    """What the notebook measured in a profile, by method."""
    with tempfile.TemporaryDirectory() as results:
        os.environ["HW8_RESULTS_DIR"] = results
        notebook = namespace_of(profile)
    kept = ("before", "validation", "test", "parameters")
    runs = {method: {key: notebook["runs"][method][key] for key in kept} for method in METHODS}
    sizes = {name: len(rows) for name, rows in notebook["data"].items()}
    return {"sizes": sizes, "torch": notebook["torch"].__version__, "runs": runs}


def picture(runs: Mapping[str, Any], n: int) -> str:
    """A small picture of finished runs, as the address of an image: accuracy by epoch, and on the n test rows."""
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(5.6, 2.4), layout="constrained", facecolor="white")
    epochs, bars = figure.subplots(1, 2)
    for (method, colour), mark in zip(METHODS.items(), "s^ox", strict=True):
        values = [runs[method]["before"], *runs[method]["validation"]]
        epochs.plot(range(len(values)), values, color=colour, marker=mark, label=method)
    epochs.set(xlabel="epoch", ylabel="validation accuracy", xticks=range(len(values)))
    epochs.legend(fontsize=8)
    tests = [runs[method]["test"] for method in METHODS]
    error = [(p * (1 - p) / n) ** 0.5 for p in tests]
    bars.errorbar(tests, list(METHODS), xerr=error, fmt="o", color="black", capsize=4)
    bars.set(xlabel="test accuracy, standard error")
    bars.invert_yaxis()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    small = io.BytesIO()
    Image.open(file).convert("RGB").quantize(32).save(small, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()


def show_in_text(runs: Mapping[str, Any], n: int) -> None:
    """Put the picture into the notebook's text, in the place of the one that is there."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if "base64," in "".join(cell["source"]))
    before, _, rest = "".join(cell["source"]).partition("](data:image/png;base64,")
    cell["source"] = (before + f"]({picture(runs, n)})" + rest.partition(")")[2]).splitlines(keepends=True)
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["sst2", "tiny", "full", "picture"])
    parser.add_argument("folders", nargs="*", type=Path, help="for sst2: the data and the tokenizer")
    arguments = parser.parse_args()
    if arguments.what == "sst2" and len(arguments.folders) != 2:
        parser.error("sst2 needs two folders: the data (train.parquet, validation.parquet) and GPT-2's tokenizer")
    if arguments.what != "picture":
        figures = of_sst2(*arguments.folders) if arguments.what == "sst2" else of_runs(arguments.what)
        (FIGURES / f"{arguments.what}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(figures, indent=1))
    if arguments.what in ("tiny", "picture"):
        figures = json.loads((FIGURES / "tiny.json").read_text(encoding="utf-8"))
        show_in_text(figures["runs"], figures["sizes"]["test"])


if __name__ == "__main__":
    main()
