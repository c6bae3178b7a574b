"""What the visible checks say of a mistake is true of it, and names its cause where it can be told."""

import pytest

from tests.assignments import banks

FOURTH = banks.read("fourth_wrong", "fourth_correct")
WRONG = {entry.name: entry for entry in [*FOURTH, *banks.read("fifth_wrong")] if entry.loses}
CLUES = {
    "q1_the_attribute_of_the_module": ("requires_grad was set on a module", "frozen again"),
    "q1_a_misspelt_attribute": ("is it requires_grad, spelled so", "frozen, not trainable"),
    "q1_a_new_head": ("only requires_grad may change", "frozen"),
    "q6_by_the_number_of_entries": ("right for r=1, but not for r=2", "the head is missing"),
    "q6_the_head_is_forgotten": ("the head is missing", "right for r=1"),
    "q6_the_matrices_are_drawn_anew": ("only requires_grad may change", "frozen"),
    "q3_no_hook_at_all": ("returned nothing", "without calling"),
    "q3_a_global_scale": ("from a global variable", "rounded"),
    "q3_a_is_scaled_in_place": ("changes A or B themselves", "dropout"),
    "q3_torch_mm": ("any number of dimensions", "three arguments"),
    "q4_a_bound_of_r": ("in the bound", "A is transposed"),
    "q4_an_upper_bound_forgotten": ("not centred at zero", "not scaled"),
    "q5_a_hook_before_the_layer": ("runs before the layer", "0 forward hooks"),
    "q5_handles_in_a_global_list": ("of an earlier call", "nothing was returned"),
    "q7_alpha_changed_by_a_pattern": ("a pattern sets it", "default"),
    "q7_alpha_forgotten": ("PEFT's default", "pattern"),
    "r1_a_break_too_early": ("does the loop end too early", "a wrong name"),
    "r1_dimensions_of_two": ("never set", "turned round"),
    "r1_the_last_parameters_of_the_list": ("whole blocks train", "turned round"),
    "r3_a_scale_of_at_least_one": ("below 1 too", "right for r=1"),
    "r3_once_for_each_rank": ("or undone", "lacks"),
    "r4_a_random_global_seed": ("set the global seed", "the same A"),
    "r4_a_fork_without_a_seed": ("the same A", "global seed"),
    "r4_beta_for_uniform": ("crowd around zero", "normal"),
    "r4_calls_itself": ("attach_lora called inside attach_lora", "the scaling"),
    "r4_skipped_while_b_is_zero": ("left out while B is zero", "output is right"),
    "r5_a_lazy_generator": ("does nothing before it is asked", "no nn.Linear"),
    "r5_matrices_shared_by_the_layers": ("share lora_A", "is missing"),
    "r5_the_forward_method_replaced": ("LoRA still runs", "a hook is still there"),
    "r5_with_kwargs": ("with_kwargs=True", "compare the call"),
    "r7_by_position": ("a value without a name", "not found"),
    "r7_a_list_of_biases": ("one word, no list", "not found"),
    "r7_the_saved_module_as_a_text": ("each letter", "not found"),
    "q8_merged_first": ("LoRA is no longer in the model", "it froze"),
    "q8_the_weights_of_the_head_cleared": ("only requires_grad may change", "frozen"),
}
"""A wrong solution -> words of its message, and words that would be false of it."""


@pytest.mark.parametrize("name", CLUES)
def test_a_message_gives_the_cause_and_no_other(warm_notebook, name):
    (message,) = warm_notebook.judge(WRONG[name].cells).values()
    words, false = CLUES[name]
    assert words in message
    assert false not in message


MEMORY = {
    "q2_rows_that_overlap", "q2_a_product_of_a_parameter", "q2_the_transpose_of_a_parameter", "q2_a_module_in_between",
    "q2_two_slices_of_one_buffer", "q2_the_transpose_of_ones", "q2_one_number_expanded", "q2_two_views_of_one_memory",
}  # fmt: skip
"""A and B as they may lie in memory, or elsewhere on the layer."""


@pytest.mark.parametrize("entry", [entry for entry in FOURTH if entry.name in MEMORY], ids=lambda entry: entry.name)
def test_how_a_and_b_are_kept_is_a_question_of_todo_2_alone(warm_notebook, entry):
    assert warm_notebook.judge(entry.cells).keys() == entry.loses
