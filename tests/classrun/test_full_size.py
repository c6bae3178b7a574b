"""The solved notebook at GPT-2's true size, in the sandbox, under the limits of its profile, with random weights."""

import os
import subprocess
import sys

import pytest

from tests.builders import ROOT


@pytest.mark.slow
def test_the_solved_notebook_runs_at_full_size_without_a_network() -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / "full_size.py"), "--sentences", "24"]
    done = subprocess.run(command, env=os.environ | {"PYTHONWARNINGS": "ignore"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("100.0 points; ")
    (measured,) = (line for line in done.stdout.splitlines() if line.startswith("measured: "))
    assert [name for name in ("head", "attention", "lora", "peft") if f"{name} test" not in measured] == []
    assert "3,545,088 trained parameters" in done.stdout
