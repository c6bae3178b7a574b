"""The whole notebook runs: in the profile smoke, with older libraries, and stops at a wrong profile."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from runner import NOTEBOOK

TINY = NOTEBOOK.parent / "tiny"
SCRIPT = """
import json, sys
sys.path.insert(0, {folder!r})
import torch
torch.set_num_threads(1)
from runner import code_cells, execute
cells = code_cells()
if {last!r}:
    cells = cells[:[name for name, _ in cells].index({last!r}) + 1]
names = {{"__name__": "__main__"}}
errors = execute(cells, names)
numbers = {{name: names.get(name) for name in ("runs", "difference")}}
print(json.dumps(dict(numbers, errors=errors)))
"""


def run_notebook(tmp_path, profile="smoke", last=None, python=sys.executable, **variables):
    """Run every cell, or those up to `last`, in a fresh process; return errors by cell, and results."""
    environment = {**os.environ, "HW8_PROFILE": profile, "HW8_TINY_DIR": str(TINY), "OMP_NUM_THREADS": "1", **variables}
    environment["HF_HUB_OFFLINE"] = "1"
    # What fills the notebook's modules in is read from here, also where the tool is not installed.
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [python, "-W", "ignore", "-c", SCRIPT.format(folder=str(Path(__file__).parent), last=last)],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def errors_of(tmp_path, **settings):
    """Return {cell: error} after a run of the notebook."""
    return run_notebook(tmp_path, **settings)["errors"]


trained = pytest.mark.slow
"""With the profile tiny the notebook trains for a minute; `make bench` says how long."""


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """What the whole notebook did in the profile tiny."""
    return run_notebook(tmp_path_factory.mktemp("tiny"), profile="tiny")


def test_the_whole_notebook_runs_offline_in_the_smoke_profile(tmp_path):
    assert errors_of(tmp_path) == {}
    assert not list(tmp_path.iterdir())


def test_an_unknown_profile_is_refused_by_name(tmp_path):
    errors = errors_of(tmp_path, profile="tinny", last="profile")
    assert errors["profile"].startswith("ValueError: HW8_PROFILE is 'tinny'; choose")


def test_the_tiny_profile_without_its_folder_says_what_to_copy(tmp_path):
    errors = errors_of(tmp_path, profile="tiny", last="profile", HW8_TINY_DIR="nowhere")
    assert "copy the folder tiny/" in errors["profile"]


@trained
def test_in_the_tiny_profile_the_notebook_runs_to_its_end(tiny_run):
    assert tiny_run["errors"] == {}


@trained
def test_in_the_tiny_profile_the_head_alone_is_worst_and_whole_attention_best(tiny_run):
    score = {method: numbers["test"] for method, numbers in tiny_run["runs"].items() if "test" in numbers}
    assert 0.6 < score["head"] <= min(score["lora"], score["peft"]) <= max(score["lora"], score["peft"])
    assert max(score["lora"], score["peft"]) <= score["attention"]


@trained
def test_before_training_every_method_scores_the_same_and_only_four_see_the_test_set(tiny_run):
    assert len({numbers["before"] for numbers in tiny_run["runs"].values()}) == 1
    assert {method for method, numbers in tiny_run["runs"].items() if "test" in numbers} == {
        "head", "attention", "lora", "peft",
    }  # fmt: skip


@trained
def test_without_dropout_remembered_blocks_train_the_same_model(tiny_run):
    attention, remembered = tiny_run["runs"]["attention"], tiny_run["runs"]["remembered"]
    assert remembered["loss"] == pytest.approx(attention["loss"], abs=1e-3)
    assert remembered["validation"] == pytest.approx(attention["validation"], abs=0.01)


@trained
def test_merging_changes_the_logits_by_rounding_only(tiny_run):
    assert 0 <= tiny_run["difference"] < 1e-5


@pytest.mark.skipif(
    "HW8_OLDEST_PYTHON" not in os.environ, reason="`make test-oldest` runs it: it needs older libraries"
)
@pytest.mark.parametrize("profile", ["smoke", "tiny"])
def test_the_whole_notebook_runs_with_the_oldest_libraries(tmp_path, profile):
    done = run_notebook(tmp_path, profile=profile, python=os.environ["HW8_OLDEST_PYTHON"])
    assert done["errors"] == {}
