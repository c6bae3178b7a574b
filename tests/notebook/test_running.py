"""The whole notebook runs: in the profile smoke, with older libraries, and stops at a wrong profile."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runner import code_cells

SCRIPT = """
import json, sys
sys.path.insert(0, {folder!r})
import torch
torch.set_num_threads(1)
from runner import code_cells, execute
cells = code_cells()
if {last!r}:
    cells = cells[:[name for name, _ in cells].index({last!r}) + 1]
print(json.dumps(execute(cells, {{"__name__": "__main__"}})))
"""


def run_all(tmp_path, profile="smoke", last=None, **variables):
    """Run every cell, or those up to `last`, in a fresh process; return the errors by cell."""
    environment = {**os.environ, "HW8_PROFILE": profile, "OMP_NUM_THREADS": "1", **variables}
    script = SCRIPT.format(folder=str(Path(__file__).parent), last=last)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_whole_notebook_runs_offline_in_the_smoke_profile(tmp_path):
    assert run_all(tmp_path, HF_HUB_OFFLINE="1") == {}
    assert not list(tmp_path.iterdir())


def test_after_its_imports_the_notebook_takes_about_a_second_of_cpu(warm_notebook):
    start = time.process_time()
    namespace = dict(warm_notebook.namespace)
    from runner import execute

    assert execute([(name, source) for name, source in code_cells() if name != "setup"], namespace) == {}
    assert time.process_time() - start < 2.0


def test_an_unknown_profile_is_refused_by_name(tmp_path):
    errors = run_all(tmp_path, profile="tinny", last="profile")
    assert errors["profile"].startswith("ValueError: HW8_PROFILE is 'tinny'; choose")


def test_the_tiny_profile_without_its_folder_says_what_to_copy(tmp_path):
    errors = run_all(tmp_path, profile="tiny", last="profile")
    assert "copy the folder tiny/" in errors["profile"]


@pytest.mark.skipif(
    "HW8_OLD_LIBRARIES" not in os.environ,
    reason="set HW8_OLD_LIBRARIES to a folder with transformers 4.47 and peft 0.14",
)
def test_the_whole_notebook_runs_with_the_oldest_libraries(tmp_path):
    assert run_all(tmp_path, PYTHONPATH=os.environ["HW8_OLD_LIBRARIES"]) == {}
