"""What the homework's text asks for, which hidden test judges it, and a wrong solution that the test fails.

The solutions are mutants of this folder, or entries of the banks beside the tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """One property of the text."""

    todo: str
    text: str
    test: str
    mutant: str


REGISTERED = "test_a_and_b_are_trainable_parameters_of_the_layer"
SHAPED = "test_a_is_r_by_in_and_b_is_out_by_r"
OWN = "test_every_layer_has_an_a_and_a_b_of_its_own"
ALONE = "test_nothing_else_is_registered_on_the_layer"
BAX = "test_the_update_is_b_a_x_with_any_factor"
KEPT = "test_w_x_and_its_bias_are_kept"
SCALED = "test_the_update_is_multiplied_by_alpha_over_r"
FOLLOWS = "test_the_hook_follows_b_and_is_the_same_in_every_mode"
GRADIENTS = "test_gradients_reach_a_b_and_the_input"
RANDOM = "test_a_is_random_with_both_signs_and_rows_of_its_own"
KAIMING = "test_a_is_kaiming_uniform"
DRAW = "test_every_layer_gets_its_own_draw_and_the_global_seed_is_left_alone"
UNCHANGED = "test_the_output_is_unchanged_at_injection"
HOOK_4 = "test_the_hook_computes_what_todo_3_asks_for"
GRADIENTS_4 = "test_gradients_reach_a_b_and_the_input_through_this_hook"
PLACES = "test_the_last_two_c_attn_are_chosen_and_nothing_else"
PASSED_ON = "test_rank_alpha_and_sizes_are_passed_on"
OWN_HOOK = "test_each_layer_runs_the_hook_that_was_made_for_it"
HANDLES = "test_the_returned_handles_remove_the_hooks"

PROPERTIES = [
    Property("todo2", "an nn.Parameter", REGISTERED, "t2_buffers"),
    Property("todo2", "stored under the names lora_A and lora_B", REGISTERED, "t2_wrong_names"),
    Property("todo2", "in the layer's dtype", REGISTERED, "bfloat16"),
    Property("todo2", "a trainable one", REGISTERED, "frozen matrices"),
    Property("todo2", "A is (r, in), B is (out, r)", SHAPED, "transposed B"),
    Property("todo2", "all entries are 1", "test_every_entry_is_one", "zeros"),
    Property("todo2", "a layer owns its matrices", OWN, "n_t2_cached_matrices"),
    Property("todo2", "every entry is a number of its own", OWN, "expanded ones"),
    Property("todo2", "A and B are two matrices", OWN, "A and B in one memory"),
    Property("todo2", "only A and B are added", ALONE, "a third parameter"),
    Property("todo2", "W0 stays as it is", REGISTERED, "pretrained weight scaled"),
    Property("todo3", "the update is B A x", BAX, "t3_nonlinearity"),
    Property("todo3", "for every row of x alone", BAX, "t3_batch_mean"),
    Property("todo3", "W0 x and the bias stay in the output", KEPT, "n_t3_no_bias"),
    Property("todo3", "the caller registers the hook", KEPT, "t3_registers_itself"),
    Property("todo3", "x has any number of dimensions", KEPT, "two dimensions only"),
    Property("todo3", "the hook changes the output, not its input", KEPT, "x changed"),
    Property("todo3", "the output keeps its dtype", SCALED, "output in float64"),
    Property("todo3", "alpha / r", SCALED, "t3_no_scaling"),
    Property("todo3", "with the current A and B", FOLLOWS, "delta cached at the first call"),
    Property("todo3", "in training and evaluation", FOLLOWS, "training only"),
    Property("todo3", "without gradients", FOLLOWS, "only with gradients"),
    Property("todo3", "in inference mode", FOLLOWS, "inference mode ignored"),
    Property("todo3", "nothing random, nothing remembered", FOLLOWS, "noise in training"),
    Property("todo3", "A and B learn", GRADIENTS, "A alone detached"),
    Property("todo3", "layers below learn", GRADIENTS, "input detached"),
    Property("todo3", "a hook belongs to its own layer", BAX, "a hook that reads globals"),
    Property("todo4", "B = 0", "test_b_starts_at_zero", "B normal"),
    Property("todo4", "A is random", RANDOM, "t4_constant"),
    Property("todo4", "A has both signs", RANDOM, "rand"),
    Property("todo4", "all of A is drawn", RANDOM, "n_t4_half_of_A_set"),
    Property("todo4", "A is uniform", KAIMING, "n_t4_normal_same_variance"),
    Property("todo4", "the bound is 1 / sqrt(in)", KAIMING, "a = 5"),
    Property("todo4", "every layer draws its own A", DRAW, "values drawn once"),
    Property("todo4", "layers do not share A", DRAW, "an A drawn once"),
    Property("todo4", "the global seed is left alone", DRAW, "seeded inside"),
    Property("todo4", "the output is unchanged at first", UNCHANGED, "output shifted"),
    Property("todo4", "the hook of TODO 3: values", HOOK_4, "unscaled in TODO 4"),
    Property("todo4", "the hook of TODO 3: current A and B", HOOK_4, "stale in TODO 4"),
    Property("todo4", "the hook of TODO 3: gradients", GRADIENTS_4, "detached in TODO 4"),
    Property("todo5", "c_attn", PLACES, "mlp"),
    Property("todo5", "of the last two blocks", PLACES, "t5_9_10"),
    Property("todo5", "r and lora_alpha are those of the call", PASSED_ON, "alpha and r fixed"),
    Property("todo5", "sizes are those of the layer", PASSED_ON, "t5_in_out_swapped"),
    Property("todo5", "each hook is registered", OWN_HOOK, "t5_not_registered"),
    Property("todo5", "once", OWN_HOOK, "registered twice"),
    Property("todo5", "each layer has its own hook", OWN_HOOK, "a late closure"),
    Property("todo5", "both handles come back", HANDLES, "one handle"),
    Property("todo5", "of this call alone", HANDLES, "n_t5_mutable_default"),
    Property("todo5", "they remove the hooks", HANDLES, "n_t5_returns_hooks"),
    Property("todo5", "the pretrained weights stay", PLACES, "n_t5_merges_weight"),
    Property(
        "todo1",
        "the weight of c_attn trains in the last two blocks",
        "test_the_matrices_of_query_key_and_value_of_the_last_two_blocks_train",
        "1: head alone",
    ),
    Property("todo1", "the head trains", "test_the_head_trains", "1: head forgotten"),
    Property("todo1", "not the projection, nor other blocks", "test_nothing_else_trains", "1: whole attention"),
    Property(
        "todo1",
        "the bias trains too",
        "test_exactly_these_train_in_every_model_and_nothing_else_changed",
        "1: weights only",
    ),
    Property(
        "todo1",
        "3,545,088 parameters at GPT-2's size",
        "test_exactly_these_train_in_every_model_and_nothing_else_changed",
        "1: chosen by GPT-2's shape",
    ),
    Property(
        "todo1",
        "requires_grad and nothing else",
        "test_exactly_these_train_in_every_model_and_nothing_else_changed",
        "1: rows exchanged",
    ),
    Property(
        "todo1",
        "of every model, at every call",
        "test_exactly_these_train_in_every_model_and_nothing_else_changed",
        "1: state of the first call",
    ),
    Property("todo6", "the LoRA matrices train", "test_all_four_matrices_of_lora_train", "6: B forgotten"),
    Property("todo6", "the head trains", "test_the_head_trains", "6: LoRA alone"),
    Property("todo6", "everything else is frozen", "test_nothing_else_trains", "6: whole layers"),
    Property(
        "todo6",
        "the biases beside LoRA train",
        "test_exactly_these_train_at_every_rank_and_nothing_else_changed",
        "6: bias of block 11 forgotten",
    ),
    Property(
        "todo6",
        "whatever the rank",
        "test_exactly_these_train_at_every_rank_and_nothing_else_changed",
        "6: rank one by shape",
    ),
    Property(
        "todo6",
        "LoRA's values stay",
        "test_exactly_these_train_at_every_rank_and_nothing_else_changed",
        "6: B set to zero",
    ),
    Property(
        "todo7",
        "c_attn of the last two blocks only",
        "test_lora_is_injected_into_the_right_two_layers",
        "7: last three",
    ),
    Property("todo7", "r = 1", "test_the_rank_is_1_and_the_scaling_4", "7: rank 2"),
    Property("todo7", "alpha = 4", "test_the_rank_is_1_and_the_scaling_4", "7: alpha forgotten"),
    Property(
        "todo7",
        "the biases of those layers train",
        "test_lora_and_the_biases_beside_it_are_trained_and_nothing_else",
        "7: bias forgotten",
    ),
    Property(
        "todo7", "no dropout", "test_the_two_layers_start_unchanged_and_add_a_scaled_ba_without_dropout", "7: dropout"
    ),
    Property(
        "todo7",
        "the same adaptation as in Part 1",
        "test_the_two_layers_start_unchanged_and_add_a_scaled_ba_without_dropout",
        "7: DoRA",
    ),
    Property("todo7", "at every call", "test_lora_is_injected_into_the_right_two_layers", "7: grows with every call"),
    Property("todo8", "the head trains", "test_the_active_head_trains", "8: no such name"),
    Property("todo8", "of the model that is given", "test_the_active_head_trains", "8: the first model's head"),
    Property(
        "todo8",
        "nothing that PEFT set is frozen",
        "test_lora_goes_on_training_and_the_model_stays_frozen",
        "8: LoRA frozen",
    ),
    Property(
        "todo8", "the frozen copy stays frozen", "test_nothing_else_changed_and_gradients_arrive", "8: both copies"
    ),
    Property(
        "todo8", "requires_grad and nothing else", "test_nothing_else_changed_and_gradients_arrive", "8: head replaced"
    ),
]
