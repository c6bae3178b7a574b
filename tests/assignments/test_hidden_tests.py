"""The hidden tests against right and wrong solutions of ours, and the ambiguous forms."""

import functools
from pathlib import Path

import pytest

from autograder.assignment import load_assignment
from autograder.errors import UsageError
from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.models import Outcome, Score
from autograder.observe import record as records
from tests import builders
from tests.assignments import banks, mutants_lora
from tests.assignments.mutants import CORRECT, MUTANTS
from tests.assignments.properties import DESTROYERS, ORDER, PROPERTIES, Property
from tests.builders import GRADING, MAX_SCORES, observe_in_process, record

Entry = tuple[str, dict[str, str], set[int]]
OURS = {name for name, _, _ in MUTANTS} | {name for name, _, _, _ in mutants_lora.MUTANTS}


NAMED = {name for row in (*((b, w) for _, b, w in ORDER), *((name,) for _, name in DESTROYERS)) for name in row}
NAMED |= {row.mutant for row in PROPERTIES}
"""Entries of the banks that a test below speaks of, and the ambiguous forms; test_banks.py judges all of them."""


@functools.cache
def entries() -> list[Entry]:
    """Everything to be judged: name, cells, TODOs that must lose points."""
    ours = [("perfect", {}, set()), *MUTANTS, *((name, cells, set()) for name, cells in CORRECT)]
    ours += [(name, cells, fails) for name, cells, fails, _ in mutants_lora.MUTANTS]
    rows = [*(entry for entry in banks.wrong() + banks.right() if entry.name in NAMED), *banks.ambiguous()]
    return [*ours, *((entry.name, entry.cells, set(entry.fails)) for entry in rows)]


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


def test_every_hidden_test_of_todo_2_to_5_fails_some_wrong_solution(outcomes: list[Outcome]) -> None:
    todos = ("todo2", "todo3", "todo4", "todo5")  # test_choices has the others
    ours = {f"s{number}" for number, (name, _, _) in enumerate(entries()) if name in OURS}
    every = {(o.grade_id, o.test) for o in outcomes if o.grade_id in todos}
    failing = {(o.grade_id, o.test) for o in outcomes if o.kind == "failed" and o.student in ours}
    assert every <= failing


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
        load_assignment(GRADING.parent / "hw9")


@pytest.mark.parametrize("mutant", mutants_lora.MUTANTS, ids=lambda mutant: str(mutant[0]))
def test_the_message_names_the_mistake(mutant: mutants_lora.Mutant, scores: dict[str, list[Score]]) -> None:
    name, _, _, words = mutant
    number = [entry[0] for entry in entries()].index(name)
    messages = [message for score in scores[f"s{number}"] for message in score.messages]
    assert any(words in message for message in messages), messages


@pytest.mark.parametrize("row", PROPERTIES, ids=lambda row: f"{row.todo}: {row.text}")
def test_every_property_of_the_text_has_a_hidden_test_that_a_mutant_fails(
    row: Property, outcomes: list[Outcome]
) -> None:
    number = [entry[0] for entry in entries()].index(row.mutant)
    kinds = {(o.grade_id, o.test): o.kind for o in outcomes if o.student == f"s{number}"}
    assert kinds[row.todo, row.test] == "failed"


def test_every_hidden_test_of_todo_2_to_5_judges_a_property_of_the_text(outcomes: list[Outcome]) -> None:
    judged = {(row.todo, row.test) for row in PROPERTIES}
    assert {(o.grade_id, o.test) for o in outcomes if o.grade_id in ("todo2", "todo3", "todo4", "todo5")} == judged


@pytest.mark.parametrize("pair", ORDER, ids=lambda pair: f"{pair[0]}: {pair[1]} above {pair[2]}")
def test_points_rank_solutions_as_the_scale_says(pair: tuple[str, str, str], scores: dict[str, list[Score]]) -> None:
    todo, better, worse = pair
    names = [entry[0] for entry in entries()]
    points = [
        next(score.points for score in scores[f"s{names.index(name)}"] if score.grade_id == todo)
        for name in (better, worse)
    ]
    assert None not in points
    assert points[0] > points[1], points  # type: ignore[operator]


@pytest.mark.parametrize(("todo", "name"), DESTROYERS)
def test_destroyed_pretrained_weights_earn_nothing(todo: str, name: str, scores: dict[str, list[Score]]) -> None:
    number = [entry[0] for entry in entries()].index(name)
    assert [score.points for score in scores[f"s{number}"] if score.grade_id == todo] == [0]
