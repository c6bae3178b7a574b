"""The scale: which solutions earn more than which, and what earns nothing. Names are those of mutants and entries."""

from hw8_lora.mutants_forms import options

ORDER = [
    ("todo2", "t2_random_init", "t2_buffers"),
    ("todo2", "t2_full_delta", "t2_tensor_requires_grad"),
    ("todo2", "t2_wrong_names", "x_23_starter"),
    ("todo2", "transposed B", "pretrained weight scaled"),
    ("todo3", "t3_no_scaling", "t3_nonlinearity"),
    ("todo3", "t3_rslora", "n_t3_no_bias"),
    ("todo3", "t3_minus", "t3_stale_delta"),
    ("todo3", "n_t3_detach_B", "n_t3_noise"),
    ("todo3", "n_t3_noise", "t3_stale_delta"),
    ("todo3", "t3_stale_delta", "t3_sum_hack"),
    ("todo3", "t3_registers_itself", "t3_no_hook_returned"),
    ("todo3", "three dimensions only", "t3_wrong_order_AB"),
    ("todo3", "t3_stale_delta", "t3_modifies_W0"),
    ("todo4", "t4_default_a", "t4_constant"),
    ("todo4", "n_t4_hook_detached", "raises in TODO 4"),
    ("todo4", "unscaled in TODO 4", "n_t4_hook_forgotten_update"),
    ("todo4", "n_t4_hook_forgotten_update", "raises in TODO 4"),
    ("todo4", "t4_constant", "t4_swapped"),
    ("todo4", "t4_init_of_copy", "still ones"),
    ("todo5", "t5_returns_none", "t5_c_proj"),
    ("todo5", "t5_r_alpha_swapped", "t5_in_out_swapped"),
    ("todo5", "t5_last_only", "t5_not_registered"),
    ("todo5", "t5_not_registered", "t5_nn_linear_filter"),
    ("todo5", "t5_on_attn", "n_t5_merges_weight"),
    ("todo5", "n_t5_mutable_default", "every layer"),
]
"""(TODO, a better solution, a worse one): an experienced instructor's order."""

DESTROYERS = [
    ("todo4", "W0 drawn anew"),
    ("todo2", "t2_changes_W0"),
    ("todo2", "n_t2_freezes_weight_data"),
    ("todo3", "t3_modifies_W0"),
    ("todo3", "pretrained weight scaled"),
    ("todo5", "n_t5_merges_weight"),
    ("todo5", "weights merged"),
]

LADDERS: list[tuple[int, list[str]]] = [
    (1, ["1: bias of block 10 forgotten", "1: head forgotten", "1: head alone", "1: turned round"]),
    (1, ["1: weights only", "1: all blocks", "1: projection instead", "1: weights multiplied"]),
    (1, ["1: bfloat16", "1: whole blocks", "1: every second block", "1: everything frozen"]),
    (6, ["6: bias of block 11 forgotten", "6: ln_f", "6: B forgotten", "6: nothing done"]),
    (6, ["6: rank one by shape", "6: whole layers", "6: B forgotten", "6: biases drawn anew"]),
    (7, ["7: bias forgotten", "7: rank 2", "7: last three", "7: None"]),
    (7, ["7: dropout", "7: alpha forgotten", "7: no such name", "7: LoHa"]),
    (8, ["8: both copies", "8: LoRA frozen", "8: misspelt"]),
    (8, ["8: head replaced", "8: everything", "8: weights zeroed"]),
]
"""A TODO, and mutants from nearly right to wrong at the core: each earns more than the next."""

REFUSED: list[tuple[str, dict[str, str], float]] = [
    ("the rank as a text", options("r='1'"), 3),
    ("alpha as a text", options("lora_alpha='4'"), 3),
    ("a rank with a decimal point", options("r=1.0"), 3),
    ("dropout as a text", options("lora_dropout='0'"), 3),
    ("another word for the biases", options("bias='lora'", bias=""), 3),
    ("the wrong rank as a text", options("r='2'"), 0),
    ("no rank at all", options("r=None"), 0),
]
"""Configurations that PEFT refuses, and their points: three if they say r = 1 and alpha = 4, in whatever type."""
