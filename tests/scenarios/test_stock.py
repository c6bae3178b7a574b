"""The twin of the hostile class: what some of its acts are worth where asserts in the student's kernel decide."""

import os
import sys
from pathlib import Path

import pytest

from tests.scenarios import hostile, stock

FULL_MARKS = {
    "strips assertions from the syntax tree", "strips raise statements from the syntax tree",
    "empties cells with assertions before they are parsed", "comments assertions out after parsing",
    "compiles without assertions", "gives the shell a compiler that knows no assertions",
    "makes exec swallow what is raised", "runs no grade cell", "runs no code at all, and says that it went well",
    "answers every execution with ok", "returns an object that agrees with everything",
    "returns an object with a __torch_function__ that agrees", "returns an object that numpy takes for any array",
    "leaves objects that agree as attributes of its arguments",
}  # fmt: skip
"""Acts that were seen to earn 10 of 10 points for an empty function under nbgrader 0.9.6."""


@pytest.mark.slow
def test_twin_stock_nbgrader_gives_full_marks_to_an_empty_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    found = stock.scores(tmp_path, {act.replace(" ", "_"): hostile.HOSTILE[act] for act in FULL_MARKS})
    assert found.pop("untouched") == 0
    assert found == {act.replace(" ", "_"): 10 for act in FULL_MARKS}
