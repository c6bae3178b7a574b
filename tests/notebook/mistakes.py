"""Solutions for the tests: right ones in other forms, and mistakes with words that their message must hold."""

LORA = """def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter({A})
    layer.lora_B = nn.Parameter({B})
    def hook(module, input, output):
        {hook}
    return hook
"""
ONES = {"A": "torch.ones(r, in_features)", "B": "torch.ones(out_features, r)"}
START = {
    "A": "nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5))",
    "B": "torch.zeros(out_features, r)",
}
UPDATE = "(input[0] @ layer.lora_A.T @ layer.lora_B.T) * lora_alpha / r"
HOOK = {"hook": f"return output + {UPDATE}"}


def choose(function, rule):
    """Return a freezing function whose rule is an expression of n, a parameter's name."""
    return f"def {function}(model):\n    for n, p in model.named_parameters():\n        p.requires_grad = {rule}\n"


def inject(blocks="model.transformer.h[-2:]", layer="block.attn.c_attn", sizes="*layer.weight.shape"):
    """Return an attach_lora_to_gpt2 with some part replaced."""
    return (
        f"def attach_lora_to_gpt2(model, r, lora_alpha):\n    handles = []\n    for block in {blocks}:\n"
        f"        layer = {layer}\n        hook = attach_lora(layer, r, lora_alpha, {sizes})\n"
        "        handles.append(layer.register_forward_hook(hook))\n    return handles\n"
    )


def config(options):
    """Return a make_lora_config with these options."""
    return f"def make_lora_config():\n    return LoraConfig({options})\n"


TARGETS = "target_modules=['h.10.attn.c_attn', 'h.11.attn.c_attn']"
BOTH = "('h.10.attn.c_attn' in n or 'h.11.attn.c_attn' in n)"

WRONG = [  # (todo, solution cell, source, words of the message)
    (
        1,
        "solution_todo1",
        choose("train_attention_only", "'score' in n or ('h.1' in n and 'c_attn' in n)"),
        "beginning of",
    ),
    (1, "solution_todo1", choose("train_attention_only", f"'score' in n or ({BOTH} and 'weight' in n)"), "only biases"),
    (1, "solution_todo1", choose("train_attention_only", "False"), "everything is frozen"),
    (1, "solution_todo1", choose("train_attention_only", BOTH), "head is missing"),
    (1, "solution_todo1", choose("train_attention_only", "'score' in n or 'h.10.' in n or 'h.11.' in n"), "not c_attn"),
    (1, "solution_todo1", choose("train_attention_only", f"not ({BOTH} or 'score' in n)"), "turned round"),
    (1, "solution_todo1", choose("train_attention_only", "'score' in n"), "c_attn of both blocks is missing"),
    (1, "solution_todo1", choose("train_attention_only", "'yes'"), "requires_grad is True or False"),
    (2, "solution_todo2_3", LORA.format(A="torch.ones(in_features, r)", B=ONES["B"], **HOOK), "transposed"),
    (2, "solution_todo2_3", LORA.format(A=ONES["B"], B=ONES["A"], **HOOK), "shape of the other matrix"),
    (
        2,
        "solution_todo2_3",
        LORA.format(A="torch.ones(out_features, in_features)", B=ONES["B"], **HOOK),
        "as large as W0",
    ),
    (2, "solution_todo2_3", LORA.format(A=START["A"], B=ONES["B"], **HOOK), "every entry must be 1"),
    (2, "solution_todo2_3", LORA.format(A="torch.ones(1, in_features)", B=ONES["B"], **HOOK), "rank is fixed"),
    (2, "solution_todo2_3", LORA.format(**ONES, **HOOK).replace("lora_A", "lora_a"), "does not exist"),
    (2, "solution_todo2_3", LORA.format(**ONES, **HOOK).replace("nn.Parameter", ""), "registers"),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"output = output + {UPDATE}"), "output did not change"),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return {UPDATE}"), "W0 x is gone"),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return output + {UPDATE.replace('/ r', '')}"), "division by r"),
    (
        3,
        "solution_todo2_3",
        LORA.format(**ONES, hook=f"return output + {UPDATE.replace('input[0]', 'input')}"),
        "tuple",
    ),
    (
        3,
        "solution_todo2_3",
        LORA.format(**ONES, hook=f"return output + {UPDATE.replace('_A.T', '_A.data.T')}"),
        "no gradient reaches",
    ),
    (
        3,
        "solution_todo2_3",
        LORA.format(**ONES, hook="return output + (input[0] @ layer.lora_A.T @ layer.lora_B.T) * (lora_alpha // r)"),
        "rounded down",
    ),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return (output + {UPDATE},)"), "returns a tuple"),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return (output + {UPDATE}).squeeze(0)"), "keep every dimension"),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return 2 * output + {UPDATE}"), "for x = 0"),
    (
        3,
        "solution_todo2_3",
        LORA.format(**ONES, hook=f"return output + torch.tanh({UPDATE})"),
        "no activation function",
    ),
    (3, "solution_todo2_3", LORA.format(**ONES, hook=f"return output + F.dropout({UPDATE})"), "no dropout"),
    (
        3,
        "solution_todo2_3",
        LORA.format(**ONES, hook=f"with torch.no_grad():\n            return output + {UPDATE}"),
        "no gradient reaches",
    ),
    (4, "solution_todo4", LORA.format(A="torch.zeros(r, in_features)", B=START["B"], **HOOK), "both zero"),
    (4, "solution_todo4", LORA.format(A=START["A"].replace("math.sqrt(5)", "0"), B=START["B"], **HOOK), "its default"),
    (
        4,
        "solution_todo4",
        LORA.format(A="torch.rand(r, in_features) / in_features ** 0.5", B=START["B"], **HOOK),
        "one-sided",
    ),
    (4, "solution_todo4", LORA.format(A="torch.rand(r, in_features) * 2 - 1", B=START["B"], **HOOK), "not scaled"),
    (4, "solution_todo4", LORA.format(**ONES, **HOOK), "B must be all zeros"),
    (
        4,
        "solution_todo4",
        LORA.format(A="nn.init.kaiming_normal_(torch.empty(r, in_features), a=5**0.5)", B=START["B"], **HOOK),
        "normal distribution",
    ),
    (
        4,
        "solution_todo4",
        LORA.format(A=START["A"].replace("r, in_", "1, in_") + ".repeat(r, 1)", B=START["B"], **HOOK),
        "rows of A are equal",
    ),
    (5, "solution_todo5", inject(blocks="model.transformer.h"), "expected c_attn of the last two blocks"),
    (5, "solution_todo5", inject(layer="block.mlp.c_fc"), "expected c_attn of the last two blocks"),
    (5, "solution_todo5", inject(blocks="model.h[-2:]"), "model.transformer.h"),
    (5, "solution_todo5", inject(sizes="layer.in_features, layer.out_features"), "read the shape of its weight"),
    (5, "solution_todo5", inject(layer="block", sizes="24, 72"), "whole block"),
    (5, "solution_todo5", inject(sizes="*layer.weight.shape[::-1]"), "swapped"),
    (5, "solution_todo5", inject().replace("r, lora_alpha, *", "1, 4, *"), "pass on the arguments"),
    (5, "solution_todo5", inject().replace("return handles", "pass"), "return the list"),
    (6, "solution_todo6", choose("train_lora_only", f"'lora_' in n or {BOTH} or 'score' in n"), "large matrices"),
    (
        6,
        "solution_todo6",
        choose("train_lora_only", "'lora_' in n or 'bias' in n or 'score' in n"),
        "biases of other layers",
    ),
    (
        6,
        "solution_todo6",
        choose("train_lora_only", f"'lora_A' in n or 'score' in n or ({BOTH} and 'bias' in n)"),
        "both of them",
    ),
    (6, "solution_todo6", choose("train_lora_only", "'lora_' in n or 'score' in n"), "only biases are missing"),
    (6, "solution_todo6", choose("train_lora_only", f"'lora_' in n or ({BOTH} and 'bias' in n)"), "head is missing"),
    (7, "solution_todo7", config(f"r=1, lora_alpha=4, {TARGETS}, bias='all'"), "biases beside LoRA"),
    (7, "solution_todo7", config(f"r=1, lora_alpha=4, {TARGETS}"), "Look at the option `bias`"),
    (7, "solution_todo7", config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', lora_dropout=0.1"), "dropout"),
    (7, "solution_todo7", config("r=1, lora_alpha=4, target_modules=['c_attn'], bias='lora_only'"), "12 modules"),
    (7, "solution_todo7", config(f"r=2, lora_alpha=8, {TARGETS}, bias='lora_only'"), "rank is 2"),
    (7, "solution_todo7", config(f"rank=1, alpha=4, {TARGETS}"), "that option has another name"),
    (7, "solution_todo7", config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora'"), "`bias` knows three words"),
    (7, "solution_todo7", config(f"r=1, lora_alpha=4, {TARGETS}, bias='lora_only', use_dora=True"), "DoRA"),
    (8, "solution_todo8", "def train_head(model):\n    pass\n", "still frozen"),
    (
        8,
        "solution_todo8",
        "def train_head(model):\n    for n, p in model.named_parameters():\n        p.requires_grad |= 'ln_f' in n\n",
        "unfroze",
    ),
    (8, "solution_todo8", "def train_head(model):\n    model.requires_grad_(True)\n", "only touch the head"),
    (8, "solution_todo8", choose("train_head", "'score' in n"), "it froze"),
    (8, "solution_todo8", "def train_head(model):\n    model.score.requires_grad = True\n", "still frozen"),
    (
        8,
        "solution_todo8",
        "def train_head(model):\n    model.score.weight.data.zero_()\n    model.score.weight.requires_grad = True\n",
        "changed",
    ),
]

RIGHT = [  # (solution cell, source)
    ("solution_todo1", choose("train_attention_only", f"{BOTH} or n == 'score.weight'")),
    ("solution_todo2_3", LORA.format(**ONES, hook=f"output += {UPDATE}")),
    (
        "solution_todo2_3",
        LORA.format(**ONES, hook="return output + lora_alpha / r * F.linear(input[0], layer.lora_B @ layer.lora_A)"),
    ),
    (
        "solution_todo4",
        LORA.format(A="(torch.rand(r, in_features) * 2 - 1) / in_features ** 0.5", B=START["B"], **HOOK),
    ),
    (
        "solution_todo2_3",
        LORA.format(
            **ONES,
            hook="return output + torch.einsum('...i,ri,or->...o', input[0], layer.lora_A, layer.lora_B) "
            "* lora_alpha / r",
        ),
    ),
    (
        "solution_todo2_3",
        LORA.format(
            **ONES,
            hook="return output + sum((input[0] @ layer.lora_A[k])[..., None] * layer.lora_B[:, k] for k in range(r)) "
            "* (lora_alpha / r)",
        ),
    ),
    ("solution_todo4", LORA.format(A="nn.Linear(in_features, r).weight.data", B=START["B"], **HOOK)),
    (
        "solution_todo5",
        inject(sizes="model.config.n_embd, 3 * model.config.n_embd").replace("handles\n", "(*handles,)\n"),
    ),
    ("solution_todo5", inject(blocks="[model.transformer.h[k] for k in (11, 10)]")),
    ("solution_todo6", choose("train_lora_only", f"'lora' in n or 'score' in n or ({BOTH} and n.endswith('bias'))")),
    (
        "solution_todo7",
        config(
            r"r=1, lora_alpha=4, target_modules=r'.*\.h\.1[01]\.attn\.c_attn', bias='lora_only', "
            "task_type=TaskType.SEQ_CLS"
        ),
    ),
    (
        "solution_todo7",
        config(
            "r=1, lora_alpha=4, target_modules=['c_attn'], bias='lora_only', "
            "exclude_modules=[f'h.{i}.attn.c_attn' for i in range(10)]"
        ),
    ),
    ("solution_todo8", "def train_head(model):\n    model.base_model.model.score.weight.requires_grad_(True)\n"),
]
