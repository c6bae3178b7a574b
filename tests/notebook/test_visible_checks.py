"""The visible checks tell right from wrong, and say what is wrong."""

from types import SimpleNamespace

import mistakes
import pytest
from hw8_lora import mistakes_factor
from hw8_lora.checks import reasons
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


@pytest.mark.slow
@pytest.mark.parametrize("bank", ["first", "second", "third", "fourth", "fifth"])
def test_check_and_grade_agree_on_every_solution_of_a_bank(warm_notebook, bank):
    entries = banks.read(f"{bank}_wrong", f"{bank}_correct")
    found = {entry.name: refused(warm_notebook.judge(entry.cells)) for entry in entries}
    assert found == {entry.name: entry.loses | paid_before(entry) for entry in entries}


def refused(errors):
    """Return the TODOs whose check refuses; each has words of its own for it, and no other cell stops."""
    assert all(message.startswith(("AssertionError: TODO", "NotImplementedError: TODO")) for message in errors.values())
    return set(errors)


def paid_before(entry):
    """Return the TODOs whose check repeats what the grade takes points for once: TODO 3's mistake in TODO 4's hook."""
    return {"todo4"} if entry.name in ("p_x34_alpha_only", "p_x34_no_grad", "p_x34_tuple") else set()


LORA = [e for e in banks.ambiguous() if e.cells.keys() & {"solution_todo2_3", "solution_todo4", "solution_todo5"}]


@pytest.mark.parametrize("entry", LORA, ids=lambda entry: entry.name)
def test_an_ambiguous_form_of_todo_2_to_5_is_decided_as_the_hidden_tests_do(warm_notebook, entry):
    errors = warm_notebook.judge(entry.cells)
    assert refused(errors) == entry.loses, errors


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


UNSEEN = {"rounded", "at least one", "int(alpha)", "tripled"}
"""Factors that are another one, or the right one, for r = 3 and alpha = 7."""


def test_the_check_of_todo_3_names_the_factors_of_the_one_catalogue_in_its_words():
    given = SimpleNamespace(r=3, alpha=7)
    parts = [part for part in (*mistakes_factor.SPOKEN, mistakes_factor.NOTHING) if part.name not in UNSEEN]
    known = {text: value for value, text in reasons.FACTORS}
    assert [known[part.words] for part in parts] == pytest.approx([part.gives(given) for part in parts])
    assert len({round(value, 3) for value in known.values()}) == len(reasons.FACTORS)
