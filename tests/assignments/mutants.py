"""Wrong solutions of our own: (name, cells, TODOs that must lose points). Everything else must keep full marks."""

HOOK = """
    def hook(module, input, output):
        return output + lora_alpha / r * (input[0] @ layer.lora_A.T @ layer.lora_B.T)
    return hook
"""
ONES = """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))
"""


def hooked(expression: str) -> str:
    """TODO 2 right, and a hook that returns this expression."""
    return f"{ONES}\n    def hook(module, input, output):\n        x = input[0]\n        return {expression}\n    return hook\n"


def started(lines: str) -> str:
    """TODO 4 with this initialisation and a right hook."""
    return f"def attach_lora(layer, r, lora_alpha, in_features, out_features):\n{lines}\n{HOOK}"


def frozen(condition: str, todo: int) -> str:
    """TODO 1 or 6 with this condition on the parameter's name ``n``."""
    name = {1: "train_attention_only", 6: "train_lora_only"}[todo]
    return f"def {name}(model):\n    for n, p in model.named_parameters():\n        p.requires_grad = {condition}\n"


def config(arguments: str) -> str:
    """TODO 7 with these arguments."""
    return f"def make_lora_config():\n    return LoraConfig({arguments})\n"


BA = "(x @ layer.lora_A.T @ layer.lora_B.T)"
LAST = "any(f'h.{i}.attn.c_attn' in n for i in (10, 11))"
TARGETS = "target_modules=['h.10.attn.c_attn', 'h.11.attn.c_attn']"
KAIMING = "    layer.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)))\n"
ZERO = "    layer.lora_B = nn.Parameter(torch.zeros(out_features, r))"

MUTANTS: list[tuple[str, dict[str, str], set[int]]] = [
    ("weights only", {"solution_todo1": frozen("'score' in n or any(f'h.{i}.attn.c_attn.weight' in n for i in (10, 11))", 1)}, {1}),
    ("whole blocks", {"solution_todo1": frozen("'score' in n or 'h.10.' in n or 'h.11.' in n", 1)}, {1}),
    ("one width only", {"solution_todo1": frozen(f"('score' in n or {LAST}) if model.config.n_embd < 100 else True", 1)}, {1}),
    ("values changed", {"solution_todo1": frozen(f"'score' in n or {LAST}", 1) + "    model.score.weight.data.mul_(2)\n"}, {1}),
    ("nothing done", {"solution_todo1": "def train_attention_only(model):\n    pass\n"}, {1}),
    ("frozen matrices", {"solution_todo2_3": ONES.replace(")\n    layer.lora_B", ", requires_grad=False)\n    layer.lora_B") + HOOK}, {2}),
    ("in float64", {"solution_todo2_3": ONES.replace("in_features)", "in_features, dtype=torch.float64)") + HOOK.replace("layer.lora_A.T", "layer.lora_A.T.float()")}, {2}),
    ("B of zeros", {"solution_todo2_3": ONES.replace("ones(out", "zeros(out") + HOOK}, {2}),
    ("W changed", {"solution_todo2_3": ONES + "    layer.bias.data.zero_()\n" + HOOK}, {2, 3}),
    ("transposed consistently", {"solution_todo2_3": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(in_features, r))
    layer.lora_B = nn.Parameter(torch.ones(r, out_features))
    return lambda module, input, output: output + lora_alpha / r * (input[0] @ layer.lora_A @ layer.lora_B)
"""}, {2}),
    ("only in the closure", {"solution_todo2_3": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    a = nn.Parameter(torch.ones(r, in_features))
    b = nn.Parameter(torch.ones(out_features, r))
    return lambda module, input, output: output + lora_alpha / r * (input[0] @ a.T @ b.T)
"""}, {2}),
    ("integer division", {"solution_todo2_3": hooked(f"output + lora_alpha // r * {BA}")}, {3}),
    ("update alone", {"solution_todo2_3": hooked(f"lora_alpha / r * {BA}")}, {3}),
    ("detached", {"solution_todo2_3": hooked(f"output + (lora_alpha / r * {BA}).detach()")}, {3}),
    ("input detached", {"solution_todo2_3": hooked(f"output + lora_alpha / r * {BA.replace('(x @', '(x.detach() @')}")}, {3}),
    ("training only", {"solution_todo2_3": hooked(f"output + lora_alpha / r * {BA} if module.training else output")}, {3}),
    ("last token only", {"solution_todo2_3": hooked(f"output + lora_alpha / r * {BA}[-1:]")}, {3}),
    ("seeded inside", {"solution_todo4": started("    torch.manual_seed(0)\n" + KAIMING + ZERO)}, {4}),
    ("own generator", {"solution_todo4": started("    g = torch.Generator().manual_seed(1)\n" + KAIMING.replace("))\n", ", generator=g))\n", 1).replace("a=math.sqrt(5)), generator=g)", "a=math.sqrt(5), generator=g))") + ZERO)}, {4}),
    ("one row copied", {"solution_todo4": started("    row = nn.init.kaiming_uniform_(torch.empty(1, in_features), a=math.sqrt(5))\n    layer.lora_A = nn.Parameter(row.repeat(r, 1))\n" + ZERO)}, {4}),
    ("half the width", {"solution_todo4": started(KAIMING + "    layer.lora_A.data.mul_(0.5)\n" + ZERO)}, {4}),
    ("positive only", {"solution_todo4": started(KAIMING + "    layer.lora_A.data.abs_()\n" + ZERO)}, {4}),
    ("A frozen", {"solution_todo4": started(KAIMING + "    layer.lora_A.requires_grad = False\n" + ZERO)}, {4}),
    ("output shifted", {"solution_todo4": started(KAIMING + ZERO).replace("output + ", "1 + output + ")}, {4}),
    ("no hook", {"solution_todo4": started(KAIMING + ZERO).replace("return hook", "return None")}, {4}),
    ("still ones", {"solution_todo4": ONES + HOOK}, {4}),
    ("every layer", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h]
    return [c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape)) for c in layers]
"""}, {5}),
    ("rank and alpha fixed", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-2:]]
    return [c.register_forward_hook(attach_lora(c, 1, 4, *c.weight.shape)) for c in layers]
"""}, {5}),
    ("registered twice", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    handles = []
    for block in model.transformer.h[-2:]:
        hook = attach_lora(block.attn.c_attn, r, lora_alpha, *block.attn.c_attn.weight.shape)
        handles += [block.attn.c_attn.register_forward_hook(hook) for _ in range(2)]
    return handles
"""}, {5}),
    ("hooks swapped", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-2:]]
    hooks = [attach_lora(c, r, lora_alpha, *c.weight.shape) for c in layers]
    return [c.register_forward_hook(h) for c, h in zip(layers, reversed(hooks))]
"""}, {5}),
    ("one handle", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    for block in model.transformer.h[-2:]:
        c = block.attn.c_attn
        handle = c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape))
    return [handle]
"""}, {5}),
    ("c_attn weights too", {"solution_todo6": frozen(f"'score' in n or 'lora_' in n or {LAST}", 6)}, {6}),
    ("no biases", {"solution_todo6": frozen("'score' in n or 'lora_' in n", 6)}, {6}),
    ("B doubled", {"solution_todo6": frozen("'score' in n or 'lora_' in n or any(f'h.{i}.attn.c_attn.bias' in n for i in (10, 11))", 6) + "    model.score.weight.data.mul_(2)\n"}, {6}),
    ("dropout", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', lora_dropout=0.1")}, {7}),
    ("DoRA", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', use_dora=True")}, {7}),
    ("alpha 1", {"solution_todo7": config(f"r=1, lora_alpha=1, {TARGETS}, bias='lora_only'")}, {7}),
    ("all layers", {"solution_todo7": config("r=1, lora_alpha=4, target_modules=['c_attn'], bias='lora_only'")}, {7}),
    ("extra module saved", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', modules_to_save=['ln_f']")}, {7}),
    ("biases of all", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='all'")}, {7}),
    ("B random", {"solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', init_lora_weights=False")}, {7}),
    ("all in float64", {"solution_todo1": frozen(f"'score' in n or {LAST}", 1) + "    model.double()\n"}, {1}),
    ("plain tensors only in TODO 4", {"solution_todo4": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5))
""" + ZERO + "\n" + HOOK}, {4}),
    ("nothing in TODO 2 excuses nothing in TODO 4", {
        "solution_todo2_3": "def attach_lora(layer, r, lora_alpha, in_features, out_features):\n    pass\n",
        "solution_todo4": started(KAIMING + "    layer.lora_A.requires_grad = False\n" + ZERO),
    }, {2, 3, 4}),
    ("a wrong name is paid for once", {
        "solution_todo2_3": (ONES + HOOK).replace("lora_A", "first"),
        "solution_todo4": started(KAIMING + ZERO).replace("lora_A", "first"),
    }, {2}),
    ("a hook that raises is paid for once", {
        "solution_todo2_3": ONES + HOOK.replace("lora_A.T", "lora_A"),
        "solution_todo4": started(KAIMING + ZERO).replace("lora_A.T", "lora_A"),
    }, {3}),
    ("a PEFT model that cannot run does not cost TODO 8", {
        "solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', init_lora_weights='olora'"),
    }, {7}),
    ("head replaced", {"solution_todo8": """
def train_head(model):
    model.base_model.model.score = nn.Linear(model.config.n_embd, 2, bias=False)
"""}, {8}),
    ("head still frozen", {"solution_todo8": "def train_head(model):\n    pass\n"}, {8}),
    ("LoRA frozen", {"solution_todo8": """
def train_head(model):
    model.requires_grad_(False)
    model.base_model.model.score.requires_grad_(True)
"""}, {8}),
]  # fmt: skip

CORRECT: list[tuple[str, dict[str, str]]] = [
    ("prints a mean, which the meta device cannot", {"solution_todo1": frozen(f"'score' in n or {LAST}", 1) + "    print(model.score.weight.mean().item())\n"}),
    ("returns the model", {"solution_todo6": frozen("'score' in n or 'lora_' in n or any(f'h.{i}.attn.c_attn.bias' in n for i in (10, 11))", 6) + "    return model\n"}),
    ("a callable object as hook", {"solution_todo2_3": """
class Hook:
    def __init__(self, layer, scaling):
        self.layer, self.scaling = layer, scaling
    def __call__(self, module, input, output):
        return output + self.scaling * F.linear(F.linear(input[0], self.layer.lora_A), self.layer.lora_B)

def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.register_parameter("lora_A", nn.Parameter(torch.ones(r, in_features)))
    layer.register_parameter("lora_B", nn.Parameter(torch.ones(out_features, r)))
    return Hook(layer, lora_alpha / r)
"""}),
    ("in place with einsum", {"solution_todo2_3": ONES + """
    def hook(module, args, out):
        out.add_(torch.einsum("...i,ri,or->...o", args[0], module.lora_A, module.lora_B), alpha=lora_alpha / r)
    return hook
"""}),
    ("the matrices also as attributes of the hook", {"solution_todo2_3": ONES + """
    def hook(module, input, output):
        return output + lora_alpha / r * (input[0] @ hook.a.T @ hook.b.T)
    hook.a, hook.b = layer.lora_A, layer.lora_B
    return hook
"""}),
    ("a partial", {"solution_todo5": """
from functools import partial

def inject(last, model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-last:]]
    return [c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape)) for c in layers]

attach_lora_to_gpt2 = partial(inject, 2)
"""}),
    ("a tuple of handles, names looked up", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    names = [f"transformer.h.{i}.attn.c_attn" for i in (10, 11)]
    layers = [model.get_submodule(name) for name in names]
    return tuple(c.register_forward_hook(attach_lora(layer=c, r=r, lora_alpha=lora_alpha, in_features=c.nx, out_features=c.nf)) for c in layers)
"""}),
    ("sequence classification task", {
        "solution_todo7": config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', task_type=TaskType.SEQ_CLS"),
        "solution_todo8": "def train_head(model):\n    return\n",
    }),
    ("regular expression", {"solution_todo7": config(r"r=1, lora_alpha=4, target_modules=r'.*\.h\.(10|11)\.attn\.c_attn', bias='lora_only'")}),
    ("NumPy's random numbers", {"solution_todo4": started("    bound = 1 / np.sqrt(in_features)\n    a = np.random.uniform(-bound, bound, (r, in_features)).astype('float32')\n    layer.lora_A = nn.Parameter(torch.from_numpy(a))\n" + ZERO)}),
]  # fmt: skip
