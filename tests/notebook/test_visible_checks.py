"""The visible checks tell right from wrong, and say what is wrong."""

import json
from pathlib import Path

import mistakes
import pytest
from runner import code_cells, stub

BANK = Path(__file__).parents[3] / "shared" / "bank"
needs_bank = pytest.mark.skipif(not BANK.is_dir(), reason="the calibration bank is not beside this checkout")


def bank(name):
    """Return the entries of a file of the bank, or none."""
    return json.loads((BANK / name).read_text()) if BANK.is_dir() else []


def test_the_reference_solution_passes_every_check(warm_notebook):
    assert warm_notebook.judge({}) == {}


@pytest.mark.parametrize(("todo", "cell", "source", "words"), mistakes.WRONG)
def test_a_mistake_is_caught_with_a_message_that_names_it(warm_notebook, todo, cell, source, words):
    errors = warm_notebook.judge({cell: source})
    assert errors[f"todo{todo}"].startswith(f"AssertionError: TODO {todo}")
    assert words in errors[f"todo{todo}"]


@pytest.mark.parametrize(("cell", "source"), mistakes.RIGHT)
def test_a_right_solution_in_another_form_is_accepted(warm_notebook, cell, source):
    assert warm_notebook.judge({cell: source}) == {}


def test_every_todo_has_at_least_five_different_messages_here():
    words = {(todo, words) for todo, _, _, words in mistakes.WRONG}
    assert all(sum(todo == k for todo, _ in words) >= 5 for k in range(1, 9))


@needs_bank
@pytest.mark.slow
@pytest.mark.parametrize("entry", bank("wrong.json"), ids=lambda entry: entry["id"])
def test_a_wrong_solution_of_the_bank_is_caught(warm_notebook, entry):
    errors = warm_notebook.judge(entry["cells"])
    for todo in entry["fails"]:
        assert errors[f"todo{todo}"].startswith(f"AssertionError: TODO {todo}"), entry["why"]


@needs_bank
@pytest.mark.slow
@pytest.mark.parametrize("entry", bank("correct.json"), ids=lambda entry: entry["id"])
def test_a_right_solution_of_the_bank_is_accepted(warm_notebook, entry):
    assert warm_notebook.judge(entry["cells"]) == {}, entry["why"]


def test_an_untouched_notebook_stops_at_each_todo_by_name(warm_notebook):
    stubs = {name: stub(source) for name, source in code_cells() if name.startswith("solution_")}
    errors = warm_notebook.judge(stubs)
    assert set(errors) == {f"todo{k}" for k in range(1, 9)}
    assert all(message.startswith("NotImplementedError") for message in errors.values())


@pytest.mark.parametrize("broken", [1, 2, 4, 5, 6, 8])
def test_an_unsolved_todo_does_not_break_the_checks_of_others(warm_notebook, broken):
    cell = "solution_todo2_3" if broken == 2 else f"solution_todo{broken}"
    errors = warm_notebook.judge({cell: stub(dict(code_cells())[cell])})
    assert set(errors) == ({"todo2", "todo3"} if broken == 2 else {f"todo{broken}"})


AMBIGUOUS = Path(__file__).parents[1] / "assignments" / "banks" / "second_ambiguous.json"
CHOICES = {f"solution_todo{todo}" for todo in (1, 6, 7, 8)}


@pytest.mark.parametrize(
    "entry",
    [entry for entry in json.loads(AMBIGUOUS.read_text()) if CHOICES & entry["cells"].keys()],
    ids=lambda entry: entry["id"],
)
def test_a_form_on_which_the_text_was_silent_is_accepted_as_by_the_hidden_tests(warm_notebook, entry):
    assert warm_notebook.judge(entry["cells"]) == {}, entry["why"]


def test_lora_that_is_found_by_a_length_of_1_is_caught(warm_notebook):
    rule = f"'score' in n or 1 in p.shape or ({mistakes.BOTH} and 'bias' in n)"
    errors = warm_notebook.judge({"solution_todo6": mistakes.choose("train_lora_only", rule)})
    assert "LoRA's own matrices must train" in errors["todo6"]
