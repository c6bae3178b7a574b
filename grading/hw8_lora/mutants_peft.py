"""Mutants of TODO 7 and 8: PEFT's configuration, and the head of its model; those that lose nothing are right."""

from autograder.authoring.mutants import Mutant

from .mutants_forms import HEAD, TARGETS, config, does, options, saved

MUTANTS = (
    Mutant("dropout", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', lora_dropout=0.1")}, loses={"todo7"}),
    Mutant("DoRA", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', use_dora=True")}, loses={"todo7"}),
    Mutant("alpha 1", {"solution_todo7": config(f"r=1, lora_alpha=1, {TARGETS}, bias='lora_only'")}, loses={"todo7"}),
    Mutant("all layers", {"solution_todo7": config("r=1, lora_alpha=4, target_modules=['c_attn'], bias='lora_only'")}, loses={"todo7"}),
    Mutant("extra module saved", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', modules_to_save=['ln_f']")}, loses={"todo7"}),
    Mutant("biases of all", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='all'")}, loses={"todo7"}),
    Mutant("B random", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', init_lora_weights=False")}, loses={"todo7"}),
    Mutant("a PEFT model that cannot run does not cost TODO 8", {
        "solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', init_lora_weights='olora'"),
    }, loses={"todo7"}),
    Mutant("head replaced", {"solution_todo8": """
def train_head(model):
    model.base_model.model.score = nn.Linear(model.config.n_embd, 2, bias=False)
"""}, loses={"todo8"}),
    Mutant("head still frozen", {"solution_todo8": "def train_head(model):\n    pass\n"}, loses={"todo8"}),
    Mutant("LoRA frozen", {"solution_todo8": """
def train_head(model):
    model.requires_grad_(False)
    model.base_model.model.score.requires_grad_(True)
"""}, loses={"todo8"}),
    Mutant("sequence classification task", {
        "solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', task_type=TaskType.SEQ_CLS"),
        "solution_todo8": "def train_head(model):\n    return\n",
    }),
    Mutant("regular expression", {"solution_todo7": config(r"r=1, lora_alpha=4, target_modules=r'.*\.h\.(10|11)\.attn\.c_attn', bias='lora_only'")}),
    Mutant("7: None", {"solution_todo7": "def make_lora_config():\n    LoraConfig(r=1)\n"}, loses={"todo7"}, says="it returned nothing"),
    Mutant("7: tuple", {"solution_todo7": f"def make_lora_config():\n    config = LoraConfig(r=1, lora_alpha=4, {TARGETS}, bias='lora_only'),\n    return config\n"}, loses={"todo7"}, says="a comma"),
    Mutant("7: the class", {"solution_todo7": "def make_lora_config():\n    return LoraConfig\n"}, loses={"todo7"}, says="it returned a class"),
    Mutant("7: LoHa", {"solution_todo7": f"def make_lora_config():\n    from peft import LoHaConfig\n    return LoHaConfig(r=1, alpha=4, {TARGETS})\n"}, loses={"todo7"}, says="LoHaConfig, which is another method"),
    Mutant("7: IA3", {"solution_todo7": "def make_lora_config():\n    from peft import IA3Config\n    return IA3Config(target_modules=['c_attn'], feedforward_modules=[])\n"}, loses={"todo7"}, says="IA3Config, which is another method"),
    Mutant("7: defaults", {"solution_todo7": config("")}, loses={"todo7"}, says="the rank is 8"),
    Mutant("7: rank 2", options("r=2, lora_alpha=8"), loses={"todo7"}, says="the rank is 2, expected 1 (r=2)"),
    Mutant("7: exchanged", options("r=4, lora_alpha=1"), loses={"todo7"}, says="exchanged"),
    Mutant("7: alpha forgotten", {"solution_todo7": config(f"r=1, {TARGETS}, bias='lora_only'")}, loses={"todo7"}, says="lora_alpha=8, which is the default of PEFT"),
    Mutant("7: rank pattern", options("rank_pattern={'h.11.attn.c_attn': 4}"), loses={"todo7"}, says="rank_pattern"),
    Mutant("7: dropout", options("lora_dropout=0.05"), loses={"todo7"}, says="lora_dropout must be 0, it is 0.05"),
    Mutant("7: last three", options("", "target_modules=['c_attn'], layers_to_transform=[9, 10, 11]"), loses={"todo7"}, says="layers_to_transform=[9, 10, 11]"),
    Mutant("7: counted from 1", options("", "target_modules=['c_attn'], layers_to_transform=[11, 12]"), loses={"todo7"}, says="numbered from 0 to 11"),
    Mutant("7: every linear layer", options("", "target_modules='all-linear'"), loses={"todo7"}, says="of all 12 blocks"),
    Mutant("7: c_proj", options("", "target_modules=['h.10.attn.c_proj', 'h.11.attn.c_proj']"), loses={"todo7"}, says="`attn.c_proj` of blocks 10 and 11"),
    Mutant("7: no such name", options("", "target_modules=['h.10.attn.q_proj', 'h.11.attn.q_proj']"), loses={"todo7"}, says="no module has a name that is, or ends in"),
    Mutant("7: names of parameters", options("", "target_modules=['h.10.attn.c_attn.weight']"), loses={"todo7"}, says="names modules, not parameters"),
    Mutant("7: a pattern not whole", options("", "target_modules=r'h\\.1[01]\\.attn\\.c_attn'"), loses={"todo7"}, says="pattern for the whole name"),
    Mutant("7: attention modules", options("", "target_modules=['h.10.attn', 'h.11.attn']"), loses={"todo7"}, says="LoRA replaces single linear layers"),
    Mutant("7: bias all", options("", bias="bias='all'"), loses={"todo7"}, says="bias='all' trains every bias"),
    Mutant("7: bias forgotten", options("", bias=""), loses={"todo7"}, says="bias='none', which is the default of PEFT"),
    Mutant("7: bias misspelt", options("", bias="bias='lora-only'"), loses={"todo7"}, says="`bias` knows three words"),
    Mutant("7: DoRA", options("use_dora=True"), loses={"todo7"}, says="use_dora=True"),
    Mutant("7: inference", options("inference_mode=True"), loses={"todo7"}, says="inference_mode=True"),
    Mutant("7: pissa", options("init_lora_weights='pissa'"), loses={"todo7"}, says="init_lora_weights='pissa'"),
    Mutant("7: writing", options("task_type='CAUSAL_LM'"), loses={"todo7"}, says="for models that write text"),
    Mutant("7: ln_f saved", options("modules_to_save=['ln_f']"), loses={"todo7"}, says="modules_to_save"),
    Mutant("7: grows with every call", {"solution_todo7": "NAMES = ['h.10.attn.c_attn', 'h.11.attn.c_attn']\ndef make_lora_config():\n    config = LoraConfig(r=1, lora_alpha=4, target_modules=list(NAMES), bias='lora_only')\n    NAMES.append(f'h.{11 - len(NAMES)}.attn.c_attn')\n    return config\n"}, loses={"todo7"}, says="the second call of make_lora_config"),
    Mutant("8: misspelt", does(8, f"{HEAD}.requires_gard = True"), loses={"todo8"}, says="`requires_gard` is a new attribute"),
    Mutant("8: called", does(8, f"{HEAD}.requires_grad(True)"), loses={"todo8"}, says="'bool' object is not callable"),
    Mutant("8: on the module", does(8, "model.base_model.model.score.requires_grad = True"), loses={"todo8"}, says="requires_grad was set on a module"),
    Mutant("8: no such name", does(8, "for n, p in model.named_parameters():", "    if n == 'score.weight':", "        p.requires_grad = True"), loses={"todo8"}, says="still frozen"),
    Mutant("8: everything", does(8, "model.requires_grad_(True)"), loses={"todo8"}, says="every parameter of the model was unfrozen"),
    Mutant("8: both copies", saved("model.base_model.model.score.requires_grad_(True)"), loses={"todo8"}, says="`score.original_module`"),
    Mutant("8: backup alone", saved("model.base_model.model.score.original_module.requires_grad_(True)"), loses={"todo8"}, says="`score.original_module`"),
    Mutant("8: LoRA frozen", does(8, "for n, p in model.named_parameters():", "    p.requires_grad = 'score' in n"), loses={"todo8"}, says="frozen though TODO 7 made it trainable"),
    Mutant("8: biases toggled", does(8, "for n, p in model.named_parameters():", "    if 'score' in n or n.endswith('base_layer.bias'):", "        p.requires_grad = not p.requires_grad"), loses={"todo8"}, says="`attn.c_attn.base_layer.bias` of blocks 10 and 11"),
    Mutant("8: head replaced", does(8, "model.base_model.model.score = nn.Linear(model.config.n_embd, 2, bias=False)"), loses={"todo8"}, says="replaced by a new one"),
    Mutant("8: weights zeroed", does(8, f"{HEAD}.requires_grad = True", "model.base_model.model.transformer.wte.weight.data.zero_()"), loses={"todo8"}, says="all zero now"),
    Mutant("8: unloaded", does(8, "model.unload().score.weight.requires_grad = True"), loses={"todo8"}, says="LoRA is no longer in the model"),
    Mutant("8: the first model's head", {"solution_todo8": f"HEADS = []\ndef train_head(model):\n    HEADS.append({HEAD})\n    HEADS[0].requires_grad = True\n"}, loses={"todo8"}, says="in one of the two models"),
    Mutant("7: one configuration for all calls", {"solution_todo7": f"CONFIG = LoraConfig(r=1, lora_alpha=4, {TARGETS}, bias='lora_only')\ndef make_lora_config():\n    return CONFIG\n"}),
    Mutant("7: rsLoRA, which is the same at rank 1", options("use_rslora=True")),
    Mutant("7: an excluding pattern", options("exclude_modules=r'.*h\\.\\d\\..*'", "target_modules=['c_attn']")),
    Mutant("8: everything that trains is set again", does(8, "for n, p in model.named_parameters():", "    p.requires_grad = p.requires_grad or 'score' in n")),
    Mutant("8: with a saved head", saved("for n, p in model.named_parameters():", "    if 'score.modules_to_save' in n:", "        p.requires_grad = True")),
)  # fmt: skip
