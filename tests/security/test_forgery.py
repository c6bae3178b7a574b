"""A forged observation is worth nothing, and its twin shows what it would be worth without the seal."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from autograder.assignments import load
from autograder.classrun import run
from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.models import Score
from autograder.observe import record as records
from autograder.observe import wire
from autograder.observe.execute import Deadlines, Observer
from tests import builders
from tests.builders import MAX_SCORES, NAME, ROOT

SEED = 3
KIT = """
import builtins, json, marshal, sys, types
import torch
from safetensors.torch import save
kernel = get_ipython().kernel
made, better = {}, {}
def flat(value, path, tensors):
    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().contiguous().clone()
        return {"tensor": path}
    if isinstance(value, dict):
        return {k: flat(v, f"{path}/{k}", tensors) for k, v in value.items()}
    return [flat(v, f"{path}/{i}", tensors) for i, v in enumerate(value)] if isinstance(value, (list, tuple)) else value
def forged(stream, ident, parent):
    for name, code in marshal.loads(parent["buffers"][0]).items() if not made else ():
        made[name] = sys.modules[name] = types.ModuleType(name)
        made[name].__name__ = f"probe_{name}"
        sys.modules[f"probe_{name}"] = made[name]
        exec(code, vars(made[name]))
    made["probes"].PRELOAD = made["preload"]
    content, tensors = dict(parent["content"]), {}
    exec(ANSWERS[content["todo"]], better)
    report = made["probes"].PROBES[content["todo"]](better, made["inputs"], content["seed"])
    buffers = [json.dumps(flat(report, "", tensors)).encode(), save(tensors) if tensors else b""]
    kernel.session.send(stream, "probe_reply", content, parent, ident=ident, buffers=buffers)
better.update(get_ipython().user_ns)
kernel.shell_handlers["probe_request"] = forged
"""
"""Somebody's whole solution, run behind the back of a notebook whose functions are empty."""


def graded(folder: Path) -> tuple[list[Score], list[str]]:
    """Scores of an empty notebook that carries the kit, and the faults of its run."""
    notebook = builders.release_notebook()
    answers = builders.perfect_answers()
    by_todo = {todo: answers[cell] for cell, todos in builders.SOLUTION_CELLS.items() for todo in todos}
    first = next(i for i, cell in enumerate(notebook.cells) if cell.id == "solution_todo1")
    notebook.cells.insert(first, new_code_cell(f"ANSWERS = {by_todo!r}\n{KIT}"))
    deadlines = Deadlines(probe_s=10.0, submission_s=60.0, interrupt_s=2.0)
    settings = run.settings(NAME, ROOT / "source" / NAME / f"{NAME}.ipynb", deadlines=deadlines)
    kernel = run.kernel(settings, folder)
    observer = Observer(notebook, load(NAME), seed=SEED, kernel=kernel, folder=folder, deadlines=deadlines)
    observed = observer.run()
    saved = builders.record("kit", observed.observations, seed=SEED, faults=tuple(observed.faults))
    records.save(saved, folder / "kit")
    return score_class(judge(load(NAME), [folder / "kit"]), MAX_SCORES)["kit"], [f.kind for f in observed.faults]


def test_SECURITY_a_kit_that_answers_for_the_probe_agent_earns_nothing(tmp_path: Path) -> None:
    scores, faults = graded(tmp_path)
    assert [score.points for score in scores] == [None] * 8
    assert set(faults) == {"tampered"}
    assert all("was replaced or its reply forged" in score.messages[0] for score in scores)


def test_twin_without_the_seal_the_kit_has_full_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = wire.decode_reply
    monkeypatch.setattr(wire, "decode_reply", lambda *a, key, **k: honest(*a, **k))
    monkeypatch.setattr(wire, "is_from_agent", lambda message, **k: True)
    scores, faults = graded(tmp_path)
    assert [score.points for score in scores] == list(MAX_SCORES.values())
    assert faults == []
