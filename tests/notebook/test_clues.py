"""What the visible checks say of a mistake is true of it, and names its cause where it can be told."""

import pytest

from tests.assignments import banks

WRONG = {entry.name: entry for entry in banks.read("fourth_wrong")}
CLUES = {
    "q1_the_attribute_of_the_module": ("requires_grad was set on a module", "frozen again"),
    "q1_a_new_head": ("only requires_grad may change", "frozen"),
    "q6_by_the_number_of_entries": ("right for r=1, but not for r=2", "the head is missing"),
    "q6_the_head_is_forgotten": ("the head is missing", "right for r=1"),
    "q6_the_matrices_are_drawn_anew": ("only requires_grad may change", "frozen"),
    "q3_no_hook_at_all": ("returned nothing", "without calling"),
    "q3_torch_mm": ("any number of dimensions", "three arguments"),
    "q4_a_bound_of_r": ("in the bound", "A is transposed"),
    "q5_a_hook_before_the_layer": ("runs before the layer", "0 forward hooks"),
    "q5_handles_in_a_global_list": ("of an earlier call", "nothing was returned"),
    "q7_alpha_changed_by_a_pattern": ("a pattern sets it", "default"),
    "q7_alpha_forgotten": ("PEFT's default", "pattern"),
    "q8_the_weights_of_the_head_cleared": ("only requires_grad may change", "frozen"),
}
"""A wrong solution -> words of its message, and words that would be false of it."""


@pytest.mark.parametrize("name", CLUES)
def test_a_message_gives_the_cause_and_no_other(warm_notebook, name):
    (message,) = warm_notebook.judge(WRONG[name].cells).values()
    words, false = CLUES[name]
    assert words in message
    assert false not in message
