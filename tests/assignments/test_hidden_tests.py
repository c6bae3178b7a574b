"""The hidden tests against right and wrong solutions: ours, and the calibration bank where it is at hand."""

import json
from pathlib import Path

import pytest

from autograder.assignment import load
from autograder.errors import UsageError
from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.models import Outcome, Score
from autograder.observe import record as records
from tests import builders
from tests.assignments.mutants import CORRECT, MUTANTS
from tests.builders import GRADING, MAX_SCORES, SHARED, observe_in_process, record

Entry = tuple[str, dict[str, str], set[int]]


def entries() -> list[Entry]:
    """Everything to be judged: name, cells, TODOs that must lose points."""
    ours = [("perfect", {}, set()), *MUTANTS, *((name, cells, set()) for name, cells in CORRECT)]
    files = [SHARED / "bank" / f"{kind}.json" for kind in ("wrong", "correct")]
    rows = [row for file in files if file.is_file() for row in json.loads(file.read_text())]
    return [*ours, *((row["id"], row["cells"], set(row.get("fails", ()))) for row in rows)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Every hidden test's outcome for every entry, from one run of the judge."""
    folder: Path = tmp_path_factory.mktemp("records")
    for number, (_, cells, _) in enumerate(entries()):
        # Another seed for each, so that no verdict hangs on lucky inputs.
        seed = 1000 + number
        student = f"s{number}"
        records.save(record(student, observe_in_process(cells, seed), seed=seed), folder / student)
    return judge(builders.assignment(), [folder / f"s{number}" for number in range(len(entries()))])


@pytest.fixture(scope="module")
def scores(outcomes: list[Outcome]) -> dict[str, list[Score]]:
    return score_class(outcomes, MAX_SCORES)


@pytest.mark.parametrize("number", range(len(entries())), ids=[name for name, _, _ in entries()])
def test_exactly_the_wrong_todos_lose_points(number: int, scores: dict[str, list[Score]]) -> None:
    lost = {int(s.grade_id[4:]): s.messages for s in scores[f"s{number}"] if s.points != s.max_score}
    assert set(lost) == entries()[number][2], lost
    assert None not in [s.points for s in scores[f"s{number}"]]
    assert all(lost.values())


def test_every_hidden_test_fails_some_wrong_solution(outcomes: list[Outcome]) -> None:
    ours = {f"s{number}" for number in range(len(MUTANTS) + 1)}
    every = {(o.grade_id, o.test) for o in outcomes}
    failing = {(o.grade_id, o.test) for o in outcomes if o.kind == "failed" and o.student in ours}
    assert every == failing


def test_a_function_that_does_nothing_earns_nothing(tmp_path: Path) -> None:
    arguments = {
        "solution_todo2_3": "layer, r, lora_alpha, in_features, out_features",
        "solution_todo5": "model, r, lora_alpha",
    }
    names = {
        "solution_todo1": "train_attention_only", "solution_todo2_3": "attach_lora", "solution_todo4": "attach_lora",
        "solution_todo5": "attach_lora_to_gpt2", "solution_todo6": "train_lora_only",
        "solution_todo7": "make_lora_config", "solution_todo8": "train_head",
    }  # fmt: skip
    arguments["solution_todo4"] = arguments["solution_todo2_3"]
    arguments["solution_todo7"] = ""
    cells = {cell: f"def {name}({arguments.get(cell, 'model')}):\n    pass\n" for cell, name in names.items()}
    records.save(record("idle", observe_in_process(cells, 5), seed=5), tmp_path / "idle")
    scored = score_class(judge(builders.assignment(), [tmp_path / "idle"]), MAX_SCORES)["idle"]
    assert [s.points for s in scored] == [0] * 8


def test_messages_hold_no_array_and_no_path(outcomes: list[Outcome]) -> None:
    messages = [o.message for o in outcomes if o.message]
    assert messages
    assert not [m for m in messages if "array(" in m or "tensor([" in m or "site-packages" in m or "/autograder/" in m]


def test_an_assignment_without_hidden_tests_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no hidden tests for 'hw9'"):
        load(GRADING.parent / "hw9")
