"""The visible checks tell right from wrong, and say what is wrong."""

import mistakes
import pytest
from runner import code_cells, stub

from tests.assignments import banks


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


WITHOUT_WORDS = {"n_t7_adalora": "AdaLoRA keeps bare matrices where the check looks into LoRA's layers"}
"""Wrong solutions at which the check stops with an exception that is not its own, and why it has no words for them."""


CAUGHT = [entry for entry in banks.wrong() if entry.name not in WITHOUT_WORDS]


@pytest.mark.slow
@pytest.mark.parametrize("entry", CAUGHT, ids=lambda entry: entry.name)
def test_a_wrong_solution_of_the_bank_is_caught(warm_notebook, entry):
    errors = warm_notebook.judge(entry.cells)
    for todo in entry.loses:
        assert errors[todo].startswith(f"AssertionError: TODO {todo[4:]}"), entry.why


@pytest.mark.slow
@pytest.mark.parametrize("entry", banks.right(), ids=lambda entry: entry.name)
def test_a_right_solution_of_the_bank_is_accepted(warm_notebook, entry):
    assert warm_notebook.judge(entry.cells) == {}, entry.why


@pytest.mark.parametrize("name", WITHOUT_WORDS)
def test_a_wrong_solution_that_the_check_has_no_words_for_stops_it(warm_notebook, name):
    (entry,) = [entry for entry in banks.wrong() if entry.name == name]
    errors = warm_notebook.judge(entry.cells)
    assert entry.loses == errors.keys()
    assert not any(message.startswith("AssertionError") for message in errors.values())


LORA = [e for e in banks.ambiguous() if e.cells.keys() & {"solution_todo2_3", "solution_todo4", "solution_todo5"}]


@pytest.mark.parametrize("entry", LORA, ids=lambda entry: entry.name)
def test_an_ambiguous_form_of_todo_2_to_5_is_decided_as_the_hidden_tests_do(warm_notebook, entry):
    errors = warm_notebook.judge(entry.cells)
    assert {name for name in errors if name.startswith("todo")} == entry.loses | follow(entry), errors


def follow(entry):
    """Return the TODOs whose visible check needs another: TODO 3's writes into the A and B of TODO 2."""
    return {"todo3"} if entry.name in ("n_a23_expanded", "n_a23_shared_memory") else set()


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


CHOICES = {f"solution_todo{todo}" for todo in (1, 6, 7, 8)}


@pytest.mark.parametrize(
    "entry", [e for e in banks.ambiguous() if CHOICES & e.cells.keys()], ids=lambda entry: entry.name
)
def test_an_ambiguous_form_of_todo_1_and_6_to_8_is_accepted_as_by_the_hidden_tests(warm_notebook, entry):
    assert warm_notebook.judge(entry.cells) == {}, entry.why


def test_lora_that_is_found_by_a_length_of_1_is_caught(warm_notebook):
    rule = f"'score' in n or 1 in p.shape or ({mistakes.BOTH} and 'bias' in n)"
    errors = warm_notebook.judge({"solution_todo6": mistakes.choose("train_lora_only", rule)})
    assert "LoRA's own matrices must train" in errors["todo6"]
