"""Wrong and right solutions of TODO 1, 6, 7 and 8, and which property of the homework's text each mutant breaks."""

from tests.assignments.mutants import LAST, TARGETS, config, frozen

Mutant = tuple[str, dict[str, str], set[int], str]
"""(name, cells, TODOs that lose points, words that the message must hold)"""


def chooses(todo: int, condition: str, after: str = "") -> dict[str, str]:
    """TODO 1 or 6 with this condition on a parameter's name ``n``, and a last statement."""
    return {f"solution_todo{todo}": frozen(condition, todo) + (f"    {after}\n" if after else "")}


def does(todo: int, *lines: str) -> dict[str, str]:
    """A function of one model with these lines."""
    name = {1: "train_attention_only", 6: "train_lora_only", 8: "train_head"}[todo]
    body = "\n".join(f"    {line}" for line in lines)
    return {f"solution_todo{todo}": f"def {name}(model):\n{body}\n"}


def options(arguments: str, targets: str = TARGETS, bias: str = "bias='lora_only'") -> dict[str, str]:
    """TODO 7 with these options besides r = 1 and alpha = 4, where they are not among them."""
    given = [] if "r=" in arguments.replace("_r=", "") else ["r=1"]
    given += [] if "lora_alpha=" in arguments else ["lora_alpha=4"]
    return {"solution_todo7": config(", ".join(filter(None, [*given, targets, bias, arguments])))}


def saved(*lines: str) -> dict[str, str]:
    """TODO 8 with the head among the modules to save."""
    return options("modules_to_save=['score']") | does(8, *lines)


RIGHT1 = f"'score' in n or {LAST}"
BIASES = "any(f'h.{i}.attn.c_attn.bias' in n for i in (10, 11))"
RIGHT6 = f"'score' in n or 'lora_' in n or {BIASES}"
HEAD = "model.base_model.model.score.weight"

MUTANTS: list[Mutant] = [
    ("1: ten blocks thrown away", does(1, "model.transformer.h = model.transformer.h[-2:]", "for n, p in model.named_parameters():", "    p.requires_grad = 'score' in n or 'attn.c_attn.' in n"), {1}, "no longer among the parameters: everything of blocks 2 to 11"),
    ("6: LoRA's hooks taken off", chooses(6, "'score' in n or 'lora_' in n or n.endswith(('h.10.attn.c_attn.bias', 'h.11.attn.c_attn.bias'))", "for m in model.modules(): m._forward_hooks.clear()"), {6}, "no gradient reaches `attn.c_attn.lora_A`"),
    ("1: bias of block 10 forgotten", chooses(1, f"({RIGHT1}) and n != 'transformer.h.10.attn.c_attn.bias'"), {1}, "`attn.c_attn.bias` of block 10"),
    ("1: weights only", chooses(1, f"({RIGHT1}) and 'bias' not in n"), {1}, "`attn.c_attn.bias` of blocks 10 and 11"),
    ("1: biases only", chooses(1, f"({RIGHT1}) and 'weight' not in n or 'score' in n"), {1}, "`attn.c_attn.weight` of blocks 10 and 11"),
    ("1: head forgotten", chooses(1, LAST), {1}, "the head (`score.weight`)"),
    ("1: head alone", chooses(1, "'score' in n"), {1}, "`attn.c_attn` of blocks 10 and 11"),
    ("1: whole attention", chooses(1, "'score' in n or 'h.10.attn' in n or 'h.11.attn' in n"), {1}, "`attn.c_proj` of blocks 10 and 11"),
    ("1: whole blocks", chooses(1, "'score' in n or 'h.10.' in n or 'h.11.' in n"), {1}, "everything but `attn.c_attn` of blocks 10 and 11"),
    ("1: blocks beginning with 1", chooses(1, "'score' in n or 'h.1' in n"), {1}, "`h.1` is also the beginning"),
    ("1: projection instead", chooses(1, "'score' in n or any(f'h.{i}.attn.c_proj' in n for i in (10, 11))"), {1}, "`c_proj` is the projection"),
    ("1: last three blocks", chooses(1, "'score' in n or any(f'h.{i}.attn.c_attn' in n for i in (9, 10, 11))"), {1}, "`attn.c_attn` of block 9"),
    ("1: every second block", chooses(1, "'score' in n or any(f'h.{i}.attn.c_attn' in n for i in (9, 11))"), {1}, "`attn.c_attn` of block 9"),
    ("1: all blocks", chooses(1, "'score' in n or 'c_attn' in n"), {1}, "this name alone is in all 12 blocks"),
    ("1: token embeddings", chooses(1, f"{RIGHT1} or 'wte' in n"), {1}, "the token embeddings (`wte`)"),
    ("1: turned round", chooses(1, f"not ({RIGHT1})"), {1}, "turned round"),
    ("1: everything frozen", chooses(1, "False"), {1}, "everything was frozen"),
    ("1: only the embeddings frozen", chooses(1, "'wte' not in n and 'wpe' not in n"), {1}, "should be frozen"),
    ("1: loop over modules", does(1, "for m in model.modules():", "    m.requires_grad = False", "for p in model.score.parameters():", "    p.requires_grad = True"), {1}, "requires_grad was set on a module"),
    ("1: misspelt", does(1, "for n, p in model.named_parameters():", f"    p.require_grad = {RIGHT1}"), {1}, "the right one is spelt `requires_grad`"),
    ("1: called", does(1, "for n, p in model.named_parameters():", f"    p.requires_grad({RIGHT1})"), {1}, "'bool' object is not callable"),
    ("1: no_grad", does(1, "with torch.no_grad():", "    model.score.weight.requires_grad_(True)"), {1}, "nothing was frozen"),
    ("1: eval", does(1, "model.eval()"), {1}, "eval() was called"),
    ("1: a list returned", does(1, "return [p for p in model.score.parameters()]"), {1}, "returned a list"),
    ("1: a frozen model returned", does(1, "import copy", "model = copy.deepcopy(model).requires_grad_(False)", "return model"), {1}, "nothing was frozen"),
    ("1: bfloat16", chooses(1, RIGHT1, "model.to(torch.bfloat16)"), {1}, "converted to torch.bfloat16"),
    ("1: weights multiplied", chooses(1, RIGHT1, "model.transformer.h[3].mlp.c_fc.weight.data.mul_(2)"), {1}, "the values changed in `mlp.c_fc.weight` of block 3"),
    ("1: rows exchanged", chooses(1, RIGHT1, "w = model.transformer.wpe.weight; w.data = w.data.flip(0)"), {1}, "the values changed in the position embeddings"),
    ("1: tied", chooses(1, RIGHT1, "model.transformer.h[11].attn.c_attn.weight = model.transformer.h[10].attn.c_attn.weight"), {1}, "no longer among the parameters: `attn.c_attn.weight` of block 11"),
    ("1: state of the first call", {"solution_todo1": f"NAMES = []\n{frozen(f'n in NAMES or not NAMES and ({RIGHT1})', 1)}    NAMES.append('')\n"}, {1}, "does something stay from the first?"),
    ("1: chosen by GPT-2's shape", chooses(1, "'score' in n or tuple(p.shape) in ((768, 2304), (2304,)) and ('h.10.' in n or 'h.11.' in n)"), {1}, "does it depend on the shapes?"),
    ("1: a forward that detaches", chooses(1, RIGHT1, "model.transformer.h[11].attn.c_attn.register_forward_hook(lambda m, i, o: o.detach())"), {1}, "no gradient reaches `attn.c_attn` of block 11"),
    ("1: block removed", chooses(1, RIGHT1, "model.transformer.h[0].attn.c_proj.register_forward_hook(lambda m, i, o: 0 * o)"), {1}, "computes something else"),
    ("6: bias of block 11 forgotten", chooses(6, f"({RIGHT6}) and n != 'transformer.h.11.attn.c_attn.bias'"), {6}, "`attn.c_attn.bias` of block 11"),
    ("6: B forgotten", chooses(6, f"({RIGHT6}) and 'lora_B' not in n"), {6}, "`attn.c_attn.lora_B` of blocks 10 and 11"),
    ("6: LoRA alone", chooses(6, "'lora_' in n"), {6}, "the head (`score.weight`)"),
    ("6: whole layers", chooses(6, f"'score' in n or {LAST}"), {6}, "LoRA stands in for the update"),
    ("6: ln_f", chooses(6, f"{RIGHT6} or 'ln_f' in n"), {6}, "`ln_f` is the last LayerNorm"),
    ("6: all biases of the two blocks", chooses(6, "'score' in n or 'lora_' in n or 'bias' in n and ('h.10.' in n or 'h.11.' in n)"), {6}, "of blocks 10 and 11"),
    ("6: rank one by shape", chooses(6, f"'score' in n or 1 in p.shape or {BIASES}"), {6}, "for r = 1 the choice is right"),
    ("6: B set to zero", chooses(6, RIGHT6, "[m.lora_B.data.zero_() for m in model.modules() if hasattr(m, 'lora_B')]"), {6}, "all zero now in `attn.c_attn.lora_B`"),
    ("6: biases drawn anew", chooses(6, RIGHT6, "nn.init.normal_(model.transformer.h[11].attn.c_attn.bias)"), {6}, "the values changed in `attn.c_attn.bias` of block 11"),
    ("6: nothing done", does(6, "pass"), {6}, "nothing was frozen"),
    ("7: None", {"solution_todo7": "def make_lora_config():\n    LoraConfig(r=1)\n"}, {7}, "it returned nothing"),
    ("7: tuple", {"solution_todo7": f"def make_lora_config():\n    config = LoraConfig(r=1, lora_alpha=4, {TARGETS}, bias='lora_only'),\n    return config\n"}, {7}, "a comma"),
    ("7: the class", {"solution_todo7": "def make_lora_config():\n    return LoraConfig\n"}, {7}, "it returned a class"),
    ("7: LoHa", {"solution_todo7": f"def make_lora_config():\n    from peft import LoHaConfig\n    return LoHaConfig(r=1, alpha=4, {TARGETS})\n"}, {7}, "LoHaConfig, which is another method"),
    ("7: IA3", {"solution_todo7": "def make_lora_config():\n    from peft import IA3Config\n    return IA3Config(target_modules=['c_attn'], feedforward_modules=[])\n"}, {7}, "IA3Config, which is another method"),
    ("7: defaults", {"solution_todo7": config("")}, {7}, "the rank is 8"),
    ("7: rank 2", options("r=2, lora_alpha=8"), {7}, "the rank is 2, expected 1 (r=2)"),
    ("7: exchanged", options("r=4, lora_alpha=1"), {7}, "exchanged"),
    ("7: alpha forgotten", {"solution_todo7": config(f"r=1, {TARGETS}, bias='lora_only'")}, {7}, "lora_alpha=8, which is the default of PEFT"),
    ("7: rank pattern", options("rank_pattern={'h.11.attn.c_attn': 4}"), {7}, "rank_pattern"),
    ("7: dropout", options("lora_dropout=0.05"), {7}, "lora_dropout must be 0, it is 0.05"),
    ("7: last three", options("", "target_modules=['c_attn'], layers_to_transform=[9, 10, 11]"), {7}, "layers_to_transform=[9, 10, 11]"),
    ("7: counted from 1", options("", "target_modules=['c_attn'], layers_to_transform=[11, 12]"), {7}, "numbered from 0 to 11"),
    ("7: every linear layer", options("", "target_modules='all-linear'"), {7}, "of all 12 blocks"),
    ("7: c_proj", options("", "target_modules=['h.10.attn.c_proj', 'h.11.attn.c_proj']"), {7}, "`attn.c_proj` of blocks 10 and 11"),
    ("7: no such name", options("", "target_modules=['h.10.attn.q_proj', 'h.11.attn.q_proj']"), {7}, "no module has a name that is, or ends in"),
    ("7: names of parameters", options("", "target_modules=['h.10.attn.c_attn.weight']"), {7}, "names modules, not parameters"),
    ("7: a pattern not whole", options("", "target_modules=r'h\\.1[01]\\.attn\\.c_attn'"), {7}, "pattern for the whole name"),
    ("7: attention modules", options("", "target_modules=['h.10.attn', 'h.11.attn']"), {7}, "LoRA replaces single linear layers"),
    ("7: bias all", options("", bias="bias='all'"), {7}, "bias='all' trains every bias"),
    ("7: bias forgotten", options("", bias=""), {7}, "bias='none', which is the default of PEFT"),
    ("7: bias misspelt", options("", bias="bias='lora-only'"), {7}, "`bias` knows three words"),
    ("7: DoRA", options("use_dora=True"), {7}, "use_dora=True"),
    ("7: inference", options("inference_mode=True"), {7}, "inference_mode=True"),
    ("7: pissa", options("init_lora_weights='pissa'"), {7}, "init_lora_weights='pissa'"),
    ("7: writing", options("task_type='CAUSAL_LM'"), {7}, "for models that write text"),
    ("7: ln_f saved", options("modules_to_save=['ln_f']"), {7}, "modules_to_save"),
    ("7: grows with every call", {"solution_todo7": "NAMES = ['h.10.attn.c_attn', 'h.11.attn.c_attn']\ndef make_lora_config():\n    config = LoraConfig(r=1, lora_alpha=4, target_modules=list(NAMES), bias='lora_only')\n    NAMES.append(f'h.{11 - len(NAMES)}.attn.c_attn')\n    return config\n"}, {7}, "the second call of make_lora_config"),
    ("8: misspelt", does(8, f"{HEAD}.requires_gard = True"), {8}, "`requires_gard` is a new attribute"),
    ("8: called", does(8, f"{HEAD}.requires_grad(True)"), {8}, "'bool' object is not callable"),
    ("8: on the module", does(8, "model.base_model.model.score.requires_grad = True"), {8}, "requires_grad was set on a module"),
    ("8: no such name", does(8, "for n, p in model.named_parameters():", "    if n == 'score.weight':", "        p.requires_grad = True"), {8}, "still frozen"),
    ("8: everything", does(8, "model.requires_grad_(True)"), {8}, "every parameter of the model was unfrozen"),
    ("8: both copies", saved("model.base_model.model.score.requires_grad_(True)"), {8}, "`score.original_module`"),
    ("8: backup alone", saved("model.base_model.model.score.original_module.requires_grad_(True)"), {8}, "`score.original_module`"),
    ("8: LoRA frozen", does(8, "for n, p in model.named_parameters():", "    p.requires_grad = 'score' in n"), {8}, "frozen though TODO 7 made it trainable"),
    ("8: biases toggled", does(8, "for n, p in model.named_parameters():", "    if 'score' in n or n.endswith('base_layer.bias'):", "        p.requires_grad = not p.requires_grad"), {8}, "`attn.c_attn.base_layer.bias` of blocks 10 and 11"),
    ("8: head replaced", does(8, "model.base_model.model.score = nn.Linear(model.config.n_embd, 2, bias=False)"), {8}, "replaced by a new one"),
    ("8: weights zeroed", does(8, f"{HEAD}.requires_grad = True", "model.base_model.model.transformer.wte.weight.data.zero_()"), {8}, "all zero now"),
    ("8: unloaded", does(8, "model.unload().score.weight.requires_grad = True"), {8}, "LoRA is no longer in the model"),
    ("8: the first model's head", {"solution_todo8": f"HEADS = []\ndef train_head(model):\n    HEADS.append({HEAD})\n    HEADS[0].requires_grad = True\n"}, {8}, "in one of the two models"),
]  # fmt: skip

RIGHT: list[tuple[str, dict[str, str]]] = [
    ("1: only what is unwanted is frozen", does(1, "for n, p in model.named_parameters():", f"    if not ({RIGHT1}):", "        p.requires_grad = False")),
    ("1: a new parameter with the old values", chooses(1, RIGHT1, "c = model.transformer.h[11].attn.c_attn; c.weight = nn.Parameter(c.weight.data)")),
    ("6: by modules", does(6, "model.requires_grad_(False)", "for b in model.transformer.h[-2:]:", "    for p in (b.attn.c_attn.lora_A, b.attn.c_attn.lora_B, b.attn.c_attn.bias):", "        p.requires_grad = True", "model.score.requires_grad_()")),
    ("7: one configuration for all calls", {"solution_todo7": f"CONFIG = LoraConfig(r=1, lora_alpha=4, {TARGETS}, bias='lora_only')\ndef make_lora_config():\n    return CONFIG\n"}),
    ("7: rsLoRA, which is the same at rank 1", options("use_rslora=True")),
    ("7: an excluding pattern", options("exclude_modules=r'.*h\\.\\d\\..*'", "target_modules=['c_attn']")),
    ("8: everything that trains is set again", does(8, "for n, p in model.named_parameters():", "    p.requires_grad = p.requires_grad or 'score' in n")),
    ("8: with a saved head", saved("for n, p in model.named_parameters():", "    if 'score.modules_to_save' in n:", "        p.requires_grad = True")),
]  # fmt: skip

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

PROPERTIES: list[tuple[str, str, str]] = [
    ("TODO 1: the weight of c_attn trains in the last two blocks", "test_the_matrices_of_query_key_and_value_of_the_last_two_blocks_train", "1: head alone"),
    ("TODO 1: the head trains", "test_the_head_trains", "1: head forgotten"),
    ("TODO 1: not the projection, nor other blocks", "test_nothing_else_trains", "1: whole attention"),
    ("TODO 1: the bias trains too", "test_exactly_these_train_in_every_model_and_nothing_else_changed", "1: weights only"),
    ("TODO 1: 3,545,088 parameters at GPT-2's size", "test_exactly_these_train_in_every_model_and_nothing_else_changed", "1: chosen by GPT-2's shape"),
    ("TODO 1: requires_grad and nothing else", "test_exactly_these_train_in_every_model_and_nothing_else_changed", "1: rows exchanged"),
    ("TODO 1: of every model, at every call", "test_exactly_these_train_in_every_model_and_nothing_else_changed", "1: state of the first call"),
    ("TODO 6: the LoRA matrices train", "test_all_four_matrices_of_lora_train", "6: B forgotten"),
    ("TODO 6: the head trains", "test_the_head_trains", "6: LoRA alone"),
    ("TODO 6: everything else is frozen", "test_nothing_else_trains", "6: whole layers"),
    ("TODO 6: the biases beside LoRA train", "test_exactly_these_train_at_every_rank_and_nothing_else_changed", "6: bias of block 11 forgotten"),
    ("TODO 6: whatever the rank", "test_exactly_these_train_at_every_rank_and_nothing_else_changed", "6: rank one by shape"),
    ("TODO 6: LoRA's values stay", "test_exactly_these_train_at_every_rank_and_nothing_else_changed", "6: B set to zero"),
    ("TODO 7: c_attn of the last two blocks only", "test_lora_is_injected_into_the_right_two_layers", "7: last three"),
    ("TODO 7: r = 1", "test_the_rank_is_1_and_the_scaling_4", "7: rank 2"),
    ("TODO 7: alpha = 4", "test_the_rank_is_1_and_the_scaling_4", "7: alpha forgotten"),
    ("TODO 7: the biases of those layers train", "test_lora_and_the_biases_beside_it_are_trained_and_nothing_else", "7: bias forgotten"),
    ("TODO 7: no dropout", "test_the_two_layers_start_unchanged_and_add_a_scaled_ba_without_dropout", "7: dropout"),
    ("TODO 7: the same adaptation as in Part 1", "test_the_two_layers_start_unchanged_and_add_a_scaled_ba_without_dropout", "7: DoRA"),
    ("TODO 7: at every call", "test_lora_is_injected_into_the_right_two_layers", "7: grows with every call"),
    ("TODO 8: the head trains", "test_the_active_head_trains", "8: no such name"),
    ("TODO 8: of the model that is given", "test_the_active_head_trains", "8: the first model's head"),
    ("TODO 8: nothing that PEFT set is frozen", "test_lora_goes_on_training_and_the_model_stays_frozen", "8: LoRA frozen"),
    ("TODO 8: the frozen copy stays frozen", "test_nothing_else_changed_and_gradients_arrive", "8: both copies"),
    ("TODO 8: requires_grad and nothing else", "test_nothing_else_changed_and_gradients_arrive", "8: head replaced"),
]  # fmt: skip
"""(property of the homework's text, hidden test, mutant that breaks it)"""

ORDER: list[tuple[int, list[str]]] = [
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
