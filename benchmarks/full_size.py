"""Does the homework run at its full size here, in the sandbox, under the limits of the profile?

    python benchmarks/full_size.py                  the tiny profile's reviews: a minute or two on one core
    python benchmarks/full_size.py FOLDER           SST-2 and GPT-2's tokenizer
    python benchmarks/full_size.py FOLDER --sentences 6400 --gpu

The solved notebook is graded as a submission is, at GPT-2's true size: 124 million parameters with random weights, so
that nothing is to be downloaded and no accuracy means anything. FOLDER holds `sst2/train.parquet`,
`sst2/validation.parquet` (columns sentence, label) and `gpt2-tokenizer/` (vocab.json, merges.txt). Exit status 1 when a
cell of the homework's own fails or a point is missing. With --gpu each submission gets a graphics card, as in a course.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "grading")]
NAME = "hw8_lora"
TINY = ROOT / "source" / NAME / "tiny"


def random_model(folder, tokenizer):
    """Write GPT-2's shape with random weights, and its tokenizer, as the hub has them."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(8)
    folder.mkdir(parents=True)
    GPT2LMHeadModel(GPT2Config()).save_pretrained(folder)
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        if (tokenizer / file).exists():
            shutil.copyfile(tokenizer / file, folder / file)


def reviews(source, split):
    """Return all reviews of a split as a table of sentences and labels."""
    import pyarrow.csv
    import pyarrow.parquet

    if source is None:
        return pyarrow.csv.read_csv(
            TINY / f"{split}.csv", parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
        )
    return pyarrow.parquet.read_table(source / "sst2" / f"{split}.parquet")


def sample(table, target, rows):
    """Write so many rows of a table as a Parquet file, drawn once for all runs."""
    import pyarrow.parquet

    chosen = sorted(random.Random(8).sample(range(table.num_rows), min(rows, table.num_rows)))
    target.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.take(chosen), target)


def standing_in(pinned, folder):
    """The same declaration, with the digests of what stands in for its files, as far as there is a stand-in."""
    from autograder.classrun.fetched import digest_of_file

    found = {name: folder / pinned.repo / name for name in pinned.files}
    return replace(pinned, files={name: digest_of_file(path) for name, path in found.items() if path.exists()})


def stand_ins(source, folder, sentences):
    """Lay out random weights and a sample as `autograder fetch --from` expects the originals."""
    random_model(folder / "gpt2", source / "gpt2-tokenizer" if source else TINY)
    # As many as the test set has are held out of the training set, so it must be much the smaller one.
    for split, rows in (("train", sentences), ("validation", max(8, sentences // 6))):
        target = folder / "nyu-mll" / "glue" / "sst2" / f"{split}-00000-of-00001.parquet"
        sample(reviews(source, split), target, rows)


def settings_with(folder, stand_in, gpu):
    """Settings of the profile `full` with the stand-ins fetched, and the graphics cards if they are wanted."""
    from autograder.assignment import load_assignment
    from autograder.classrun.cards import CardPool
    from autograder.classrun.fetch import fetch_pinned
    from autograder.classrun.fetched import Fetched
    from autograder.classrun.settings import settings_of
    from autograder.kernel.gpu import NO_DRIVER, grants, load_driver

    settings = settings_of(
        load_assignment(ROOT / "grading" / NAME), ROOT / "source" / NAME / f"{NAME}.ipynb", profile="full"
    )
    profile = settings.assignment.profile("full")
    pinned = tuple(standing_in(one, stand_in) for one in profile.pinned)
    # On a processor that others use, several threads wait for each other most of the time.
    profile = replace(profile, pinned=pinned, threads=profile.threads if gpu else 1)
    declaration = replace(settings.assignment.declaration, profiles={"full": profile})
    settings = replace(settings, assignment=replace(settings.assignment, declaration=declaration))
    fetched = Fetched(folder / "fetched", profile)
    fetch_pinned(fetched, stand_in, lambda message: None)
    if gpu:
        load_driver()
        if not grants():
            sys.exit(NO_DRIVER)
    return replace(settings, fetched=fetched, cards=CardPool(grants()) if gpu else None, jobs=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--gpu", action="store_true")
    arguments = parser.parse_args()
    from autograder.classrun.grade import grade
    from autograder.models import Submission
    from autograder.observe import record as records
    from autograder.publish.feedback import run_notes
    from tests import builders

    with tempfile.TemporaryDirectory(prefix="full-size-") as name:
        Path(name).chmod(0o755)
        folder = Path(name)
        stand_ins(arguments.folder, folder / "standing-in", arguments.sentences)
        settings = settings_with(folder, folder / "standing-in", arguments.gpu)
        path = builders.hand_in(folder, "solved", builders.submission())
        (graded,) = grade([Submission("solved", NAME, path)], settings, folder / "records")
        record = graded.record
        print(f"{graded.total} points; {record.wall_s:.0f} s, {record.cpu_s:.0f} s of processor time,", end=" ")
        print(f"{record.peak_memory_bytes / 1e9:.1f} GB at most; limits {json.dumps(settings.limits)}")
        print(*run_notes(graded), sep="\n")
        _, notebook = records.read(records.path_of(folder / "records", "solved"))
        for cell in json.loads(notebook)["cells"] if notebook else ():
            for output in cell.get("outputs", ()):
                if "validation accuracy" in "".join(output.get("text", "")):
                    print("".join(output["text"]).strip())
    failed = [fault for fault in record.faults if fault.kind == "own_cell"]
    sys.exit(1 if failed or graded.undecided or graded.total != 100 else 0)


if __name__ == "__main__":
    main()
