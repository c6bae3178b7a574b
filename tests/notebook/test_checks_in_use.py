"""Checks as students use them: beside names of their own, again, out of order, and before everything is solved."""

import mistakes
import pytest
from runner import code_cells, stub

CELLS = dict(code_cells())
CHECKS = [f"todo{k}" for k in range(1, 9)]
SOLVED = [(name, source) for name, source in code_cells() if name.startswith("solution_") or name in CHECKS]
EVERYDAY = (
    "call", "require", "short", "snapshot", "measure", "listing", "attached", "matrices", "pick", "moved", "names",
    "layers", "config", "count", "before", "after", "model", "layer", "run", "small_model", "opened", "data",
)  # fmt: skip
"""Names of helpers that students write, among them those that the checks or the notebook had of their own."""


def named(*names):
    """Return (id, source) of these cells, which may come twice: those that come again are told apart."""
    return [(f"{name}, again" if name in names[:i] else name, CELLS[name]) for i, name in enumerate(names)]


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_helper_of_the_students_own_breaks_no_check(warm_notebook, name):
    own = ("own", f"def {name}(*arguments, **keywords):\n    raise RuntimeError('the helper of the student')\n")
    assert warm_notebook.run_in_a_fork([own, *SOLVED, own, *named(*CHECKS[:1], *CHECKS[3:])]) == {}


def test_a_check_leaves_no_name_behind(warm_notebook):
    compare = ("compare", "new = set(globals()) - before - {'before'}\nassert not new, new")
    cells = [("before", "before = set(globals())"), *SOLVED]
    functions = "{'train_attention_only', 'attach_lora', 'attach_lora_to_gpt2', 'train_lora_only', 'make_lora_config', "
    functions += "'train_head'}"
    compare = ("compare", compare[1].replace("{'before'}", "{'before'} - " + functions))
    assert warm_notebook.run_in_a_fork([*cells, compare]) == {}


def test_every_check_can_be_run_twice(warm_notebook):
    assert (
        warm_notebook.run_in_a_fork([*SOLVED, *[(f"{name}, again", CELLS[name]) for name in CHECKS if name != "todo2"]])
        == {}
    )


def test_the_check_of_todo_2_tells_that_the_function_of_todo_4_is_there(warm_notebook):
    errors = warm_notebook.run_in_a_fork(named("solution_todo2_3", "solution_todo4", "todo4", "todo2", "todo3"))
    assert errors.keys() == {"todo2"}
    assert "it is that of TODO 4's cell" in errors["todo2"]


def test_going_back_to_todo_2_is_told_by_the_check_and_by_the_cells_after_todo_4(warm_notebook):
    cells = named("solution_todo2_3", "solution_todo4", "todo4", "solution_todo2_3", "todo4", "gradient")
    errors = warm_notebook.run_in_a_fork(cells)
    assert errors.keys() == {"todo4, again", "gradient"}
    assert "this is the attach_lora of TODO 2 and 3" in errors["todo4, again"]
    assert "run the cell of TODO 4 (again)" in errors["gradient"]


def test_what_needs_the_good_start_says_which_function_is_there(warm_notebook):
    good = ("good", "check.good_start(attach_lora)")
    assert warm_notebook.run_in_a_fork([*named("solution_todo2_3", "solution_todo4"), good]) == {}
    errors = warm_notebook.run_in_a_fork([*named("solution_todo2_3"), good])
    assert "attach_lora is that of TODO 2 and 3 now" in errors["good"]


def test_an_attach_lora_that_is_not_there_is_not_there_afterwards(warm_notebook):
    still = ("still", "assert 'attach_lora' not in globals()")
    assert warm_notebook.run_in_a_fork([*named("solution_todo5", "todo5"), still]) == {}


def test_an_attach_lora_that_is_there_is_the_same_afterwards(warm_notebook):
    keep, still = ("keep", "mine = attach_lora"), ("still", "assert attach_lora is mine")
    assert warm_notebook.run_in_a_fork([*named("solution_todo4"), keep, *named("solution_todo5", "todo5"), still]) == {}


GLOBAL = {
    "solution_todo1": mistakes.choose("train_attention_only", f"'score' in n or {mistakes.BOTH}"),
    "solution_todo5": mistakes.inject(),
    "solution_todo6": mistakes.choose(
        "train_lora_only", f"'lora_' in n or 'score' in n or ({mistakes.BOTH} and 'bias' in n)"
    ),
    "solution_todo8": "def train_head(model):\n    model.score.weight.requires_grad_(True)\n",
}
"""Solutions that are right as they stand, and wrong when they use the notebook's model instead of their argument."""


@pytest.mark.parametrize("cell", GLOBAL)
def test_a_function_that_uses_the_notebooks_own_model_is_refused(warm_notebook, cell):
    wrong = GLOBAL[cell].replace("(model", "(given", 1)
    todo = cell.removeprefix("solution_")
    before = [("model", "model = hw8.new_model()"), *named("solution_todo2_3", "solution_todo7")]
    assert warm_notebook.run_in_a_fork([*before, (cell, GLOBAL[cell]), (todo, CELLS[todo])]) == {}
    assert warm_notebook.run_in_a_fork([*before, (cell, wrong), (todo, CELLS[todo])]).keys() == {todo}


CLUES = [  # (todo, solution, words of the message, words that must not be there)
    (1, "def train_attention_only(model):\n    for p in model.parameters():\n        p.requires_grad(False)\n",
     "'bool' object is not callable", "wants a word"),
    (5, mistakes.inject(sizes="out_features=72, in_features=24").replace("r, lora_alpha, ", "r=r, alpha=4, ", 1),
     "attach_lora(layer, r, lora_alpha", "LoraConfig"),
    (5, mistakes.inject().replace("attach_lora(layer", "add_lora(layer"), "has that cell been run", "Conv1D"),
    (4, "def attach_lora(layer, r, lora_alpha, in_features, out_features):\n    raise ValueError('hm')\n",
     "ValueError: hm", "which name"),
]  # fmt: skip


@pytest.mark.parametrize(("todo", "source", "words", "other"), CLUES)
def test_a_clue_is_given_only_where_it_fits(warm_notebook, todo, source, words, other):
    errors = warm_notebook.run_in_a_fork([("own", source), *named(f"todo{todo}")])
    assert words in errors[f"todo{todo}"]
    assert other not in errors[f"todo{todo}"]


def test_a_function_that_was_never_defined_is_named(warm_notebook):
    errors = warm_notebook.run_in_a_fork([*named("todo6"), ("stub", stub(CELLS["solution_todo6"])), *named("todo1")])
    assert errors["todo6"] == "NameError: name 'train_lora_only' is not defined"
