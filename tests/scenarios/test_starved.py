"""The small class of starved.py: on one processor, beside spinning processes, everybody keeps their points."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.builders import ROOT
from tests.scenarios import starved


@pytest.mark.slow
def test_right_work_loses_nothing_to_spinning_neighbours_and_endless_work_is_ended() -> None:
    command = [sys.executable, "-m", "tests.scenarios.starved", "--small"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nobody was wronged" in done.stdout


def test_a_point_that_was_lost_to_the_machine_is_told() -> None:
    class_ = starved.SMALL.submissions()
    assert {"spinner0", "neighbour0", "loop", "sleep"} <= class_.keys()
    assert starved.wronged_points("neighbour0", "todo2", 10.0, 0.0)
    assert starved.wronged_points("spinner0", "todo2", 10.0, 0.0)
    assert starved.wronged_points("loop", "todo1", 10.0, 10.0)
    assert not starved.wronged_points("spinner0", "todo2", 10.0, None)
    assert not starved.wronged_points("loop", "todo1", 10.0, 0.0)
