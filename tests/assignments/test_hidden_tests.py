"""The hidden tests against right and wrong solutions: who loses points, how many, and what is said.

Covers grading/hw8_lora/assignment.py, grading/hw8_lora/explain.py, grading/hw8_lora/forgive.py,
grading/hw8_lora/freezing.py, grading/hw8_lora/gradients.py, grading/hw8_lora/harm.py, grading/hw8_lora/hook.py,
grading/hw8_lora/hook_properties.py, grading/hw8_lora/inputs.py, grading/hw8_lora/mistakes*.py,
grading/hw8_lora/mutants*.py, grading/hw8_lora/options.py, grading/hw8_lora/preload.py, grading/hw8_lora/probes*.py,
grading/hw8_lora/properties.py, grading/hw8_lora/signs.py and grading/hw8_lora/test_todo*.py.
"""

import functools
from pathlib import Path

import pytest
from hw8_lora.mutants import BY_NAME, MUTANTS
from hw8_lora.properties import PROPERTIES, Property

from autograder.assignment import load_assignment
from autograder.authoring.mutants import Mutant
from autograder.errors import UsageError
from autograder.models import Score
from tests.assignments import banks
from tests.assignments.judged import Judged, concerned, judged, kinds, lost, messages, scores_of
from tests.assignments.scale import DESTROYERS, LADDERS, ORDER, REFUSED
from tests.builders import GRADING, MAX_SCORES

REFUSED_ONES = [Mutant(f"refused: {name}", cells, {"todo7"}) for name, cells, _ in REFUSED]
NAMED = {name for row in (*((b, w) for _, b, w in ORDER), *((name,) for _, name in DESTROYERS)) for name in row}
NAMED |= {row.mutant for row in PROPERTIES}
"""Entries of the banks that a test below speaks of, and the ambiguous forms; test_banks.py judges all of them."""


@functools.cache
def entries() -> tuple[Mutant, ...]:
    """Everything to be judged."""
    of_banks = [entry for entry in banks.wrong() + banks.right() if entry.name in NAMED]
    return (Mutant("perfect", {}), *BY_NAME.values(), *REFUSED_ONES, *of_banks, *banks.ambiguous())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Every hidden test's outcome for every solution, from one run of the judge."""
    return judged(entries(), tmp_path_factory.mktemp("records"), 1000, concerned)


@pytest.fixture(scope="module")
def scores(outcomes: Judged) -> dict[str, list[Score]]:
    return scores_of(entries(), outcomes)


@pytest.mark.parametrize("mutant", entries(), ids=lambda mutant: mutant.name)
def test_exactly_the_wrong_todos_lose_points_and_it_is_said_why(mutant: Mutant, scores: dict[str, list[Score]]) -> None:
    found = scores[mutant.name]
    assert lost(found) == mutant.loses, messages(found)
    assert {score.grade_id for score in found if score.points is not None} == {*concerned(mutant)}
    assert all(score.messages for score in found if score.points != score.max_score)
    assert mutant.says in messages(found)


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
    entry = Mutant("idle", cells)
    scored = scores_of([entry], judged([entry], tmp_path, 5))["idle"]
    assert [s.points for s in scored] == [0] * 8


def test_messages_hold_no_array_and_no_path(scores: dict[str, list[Score]]) -> None:
    said = [messages(found) for found in scores.values()]
    assert any(said)
    assert not [m for m in said if "array(" in m or "tensor([" in m or "site-packages" in m or "/autograder/" in m]


def test_an_assignment_without_hidden_tests_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no hidden tests for 'hw9'"):
        load_assignment(GRADING.parent / "hw9")


@pytest.mark.parametrize("row", PROPERTIES, ids=lambda row: f"{row.todo}: {row.text}")
def test_every_property_of_the_text_has_a_hidden_test_that_a_wrong_solution_fails(
    row: Property, outcomes: Judged
) -> None:
    assert kinds(outcomes[row.mutant])[row.todo, row.test] == "failed"


def test_every_hidden_test_judges_a_property_of_the_text(outcomes: Judged) -> None:
    assert {*kinds(outcomes["perfect"])} == {(row.todo, row.test) for row in PROPERTIES}


def test_every_hidden_test_fails_a_mutant_that_a_release_grades(outcomes: Judged) -> None:
    failed = {test for mutant in MUTANTS for test, kind in kinds(outcomes[mutant.name]).items() if kind == "failed"}
    assert failed == {*kinds(outcomes["perfect"])}


def points(scores: dict[str, list[Score]], name: str, todo: str) -> float:
    """What a solution earns in a TODO."""
    (found,) = [score.points for score in scores[name] if score.grade_id == todo]
    assert found is not None
    return found


@pytest.mark.parametrize("pair", ORDER, ids=lambda pair: f"{pair[0]}: {pair[1]} above {pair[2]}")
def test_points_rank_solutions_as_the_scale_says(pair: tuple[str, str, str], scores: dict[str, list[Score]]) -> None:
    todo, better, worse = pair
    assert points(scores, better, todo) > points(scores, worse, todo)


@pytest.mark.parametrize(("todo", "names"), LADDERS)
def test_what_is_nearly_right_earns_more_than_what_is_wrong(
    todo: int, names: list[str], scores: dict[str, list[Score]]
) -> None:
    earned = [points(scores, name, f"todo{todo}") for name in names]
    assert earned == sorted(set(earned), reverse=True)
    assert earned[0] >= 0.6 * MAX_SCORES[f"todo{todo}"]
    assert earned[-1] <= 0.3 * MAX_SCORES[f"todo{todo}"]


@pytest.mark.parametrize(("todo", "name"), DESTROYERS)
def test_destroyed_pretrained_weights_earn_nothing(todo: str, name: str, scores: dict[str, list[Score]]) -> None:
    assert points(scores, name, todo) == 0


@pytest.mark.parametrize(("name", "earned"), [(f"refused: {name}", earned) for name, _, earned in REFUSED])
def test_what_peft_refuses_earns_what_it_says(name: str, earned: float, scores: dict[str, list[Score]]) -> None:
    assert points(scores, name, "todo7") == earned
