"""TODO 1, 6, 7 and 8: wrong solutions lose points by the scale, and their messages name what is wrong."""

import json

import pytest
from hw8_lora import probes
from hw8_lora.naming import in_words

from autograder.assignment import load_assignment
from autograder.judge.run import judge
from autograder.judge.score import score_class
from autograder.models import Outcome, Score
from autograder.observe import record as records
from autograder.observe.record import NOTEBOOK
from tests.assignments import banks
from tests.assignments.mutants_peft import MUTANTS, ORDER, PROPERTIES, RIGHT
from tests.builders import GRADING, MAX_SCORES, observe_in_process, record, submission

TODOS = (1, 6, 7, 8)


def ambiguous() -> list[tuple[str, dict[str, str]]]:
    """Forms on which the text was silent: all those of these TODOs were decided to be right."""
    wanted = {f"solution_todo{todo}" for todo in TODOS}
    return [(entry.name, entry.cells) for entry in banks.ambiguous() if wanted & entry.cells.keys()]


ENTRIES = [(name, cells) for name, cells, _, _ in MUTANTS] + RIGHT + ambiguous()


def concerned(cells: dict[str, str]) -> set[str]:
    """The TODOs whose cells are replaced; with a configuration also what is done to its model."""
    found = {f"todo{todo}" for todo in TODOS if f"solution_todo{todo}" in cells}
    return found | ({"todo8"} if "todo7" in found else set())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Every hidden test's outcome for every solution, each with a seed of its own."""
    folder = tmp_path_factory.mktemp("records")
    for number, (_, cells) in enumerate(ENTRIES):
        place = folder / f"s{number}"
        observed = observe_in_process(cells, 5000 + number, concerned(cells))
        records.save(record(place.name, observed, seed=5000 + number), place)
        sources = [{"source": cell.source, "outputs": []} for cell in submission(cells).cells]
        (place / NOTEBOOK).write_text(json.dumps({"cells": sources}), encoding="utf-8")
    return judge(load_assignment(GRADING), [folder / f"s{number}" for number in range(len(ENTRIES))])


@pytest.fixture(scope="module")
def scores(outcomes: list[Outcome]) -> dict[str, list[Score]]:
    """The scores by the name of the solution."""
    found = score_class(outcomes, MAX_SCORES)
    return {name: found[f"s{number}"] for number, (name, _) in enumerate(ENTRIES)}


def lost(scores: list[Score]) -> dict[int, Score]:
    """The TODOs that were judged and are not full."""
    judged = [score for score in scores if score.points is not None]
    return {int(score.grade_id[4:]): score for score in judged if score.points != score.max_score}


@pytest.mark.parametrize(("name", "fails", "words"), [(n, f, w) for n, _, f, w in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_a_mutant_loses_points_where_it_is_wrong_and_is_told_so(
    name: str, fails: set[int], words: str, scores: dict[str, list[Score]]
) -> None:
    found = lost(scores[name])
    assert set(found) == fails
    assert words in "\n".join(message for score in found.values() for message in score.messages)


@pytest.mark.parametrize("name", [name for name, _ in [*RIGHT, *ambiguous()]])
def test_a_right_solution_keeps_every_point(name: str, scores: dict[str, list[Score]]) -> None:
    assert not lost(scores[name])
    cells = dict(ENTRIES)[name]
    assert {score.grade_id for score in scores[name] if score.points is not None} == concerned(cells)


@pytest.mark.parametrize(("todo", "names"), ORDER)
def test_what_is_nearly_right_earns_more_than_what_is_wrong(
    todo: int, names: list[str], scores: dict[str, list[Score]]
) -> None:
    points = [scores[name][todo - 1].points or 0 for name in names]
    assert points == sorted(points, reverse=True)
    assert len(set(points)) == len(points)
    assert points[0] >= 0.6 * MAX_SCORES[f"todo{todo}"]
    assert points[-1] <= 0.3 * MAX_SCORES[f"todo{todo}"]


@pytest.mark.parametrize(("text", "test", "name"), PROPERTIES, ids=[row[0] for row in PROPERTIES])
def test_a_property_of_the_text_has_a_hidden_test_and_a_mutant(
    text: str, test: str, name: str, outcomes: list[Outcome]
) -> None:
    student = f"s{[entry for entry, _ in ENTRIES].index(name)}"
    grade_id = f"todo{name[0]}"
    assert text.startswith(f"TODO {name[0]}")
    assert [o.kind for o in outcomes if (o.student, o.grade_id, o.test) == (student, grade_id, test)] == ["failed"]


def test_every_hidden_test_of_these_todos_stands_for_a_property(outcomes: list[Outcome]) -> None:
    wanted = {f"todo{todo}" for todo in TODOS}
    assert {(o.grade_id, o.test) for o in outcomes if o.grade_id in wanted} == {
        (f"todo{text[5]}", test) for text, test, _ in PROPERTIES
    }


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"score.weight"}, "the head (`score.weight`)"),
        ({f"transformer.h.{i}.attn.c_attn.bias" for i in range(12)}, "`attn.c_attn.bias` of all 12 blocks"),
        ({f"transformer.h.{i}.ln_1.{k}" for i in (0, 1, 2) for k in ("weight", "bias")}, "`ln_1` of blocks 0 to 2"),
        ({"transformer.h.3.ln_1.bias", "score.weight"}, "`ln_1.bias` of block 3 and the head (`score.weight`)"),
        (set(), ""),
    ],
)  # fmt: skip
def test_parameters_are_told_by_layers_and_blocks(names: set[str], words: str) -> None:
    assert in_words(names) == words


def test_todo8_is_nobodys_mistake_where_no_peft_model_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise RuntimeError("PEFT fails here")

    monkeypatch.setattr(probes, "get_peft_model", refuse)
    with pytest.raises(RuntimeError, match="no PEFT model could be made"):
        observe_in_process({}, 3, only=["todo8"])
