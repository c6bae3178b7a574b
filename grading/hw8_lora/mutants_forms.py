"""What the mutants are written with: right parts of a solution, and functions that put one wrong part into it."""

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
TRAINS = {1: "train_attention_only", 6: "train_lora_only", 8: "train_head"}


def hooked(expression: str) -> str:
    """TODO 2 right, and a hook that returns this expression."""
    return f"{ONES}\n    def hook(module, input, output):\n        x = input[0]\n        return {expression}\n    return hook\n"


def started(lines: str) -> str:
    """TODO 4 with this initialisation and a right hook."""
    return f"def attach_lora(layer, r, lora_alpha, in_features, out_features):\n{lines}\n{HOOK}"


def frozen(condition: str, todo: int) -> str:
    """TODO 1 or 6 with this condition on the parameter's name ``n``."""
    return f"def {TRAINS[todo]}(model):\n    for n, p in model.named_parameters():\n        p.requires_grad = {condition}\n"


def config(arguments: str) -> str:
    """TODO 7 with these arguments."""
    return f"def make_lora_config():\n    return LoraConfig({arguments})\n"


BA = "(x @ layer.lora_A.T @ layer.lora_B.T)"
LAST = "any(f'h.{i}.attn.c_attn' in n for i in (10, 11))"
TARGETS = "target_modules=['h.10.attn.c_attn', 'h.11.attn.c_attn']"
KAIMING = "    layer.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)))\n"
ZERO = "    layer.lora_B = nn.Parameter(torch.zeros(out_features, r))"
LORA = f"output + lora_alpha / r * {BA}"
UPDATE = f"lora_alpha / r * {BA}"
RIGHT_START = KAIMING + ZERO
INJECT = """
def attach_lora_to_gpt2(model, r, lora_alpha):
    handles = []
    for block in model.transformer.h[-2:]:
        c = block.attn.c_attn
        n_in, n_out = c.weight.shape
        hook = attach_lora(c, r, lora_alpha, n_in, n_out)
        handles.append(c.register_forward_hook(hook))
    return handles
"""
ONES_IN_PLACE = "layer.lora_A = nn.Parameter(torch.ones(r, in_features))\nlayer.lora_B = nn.Parameter(torch.ones(out_features, r))\n"


def attached(lines: str) -> dict[str, str]:
    """TODO 2 and 3 with this body."""
    body = "\n".join("    " + line for line in lines.strip("\n").split("\n"))
    return {"solution_todo2_3": f"def attach_lora(layer, r, lora_alpha, in_features, out_features):\n{body}\n"}


def kept(a: str, b: str = "nn.Parameter(torch.ones(out_features, r))") -> dict[str, str]:
    """TODO 2 with these two, and a right hook."""
    lines = f"\ndef attach_lora(layer, r, lora_alpha, in_features, out_features):\n    layer.lora_A = {a}\n    layer.lora_B = {b}\n"
    return {"solution_todo2_3": lines + HOOK}


def hook3(expression: str) -> dict[str, str]:
    """TODO 3 with a hook that returns this."""
    return {"solution_todo2_3": hooked(expression)}


def statements(lines: str) -> dict[str, str]:
    """TODO 3 with a hook of these statements."""
    body = "\n".join("        " + line for line in lines.strip("\n").split("\n"))
    return {
        "solution_todo2_3": f"{ONES}\n    def hook(module, input, output):\n        x = input[0]\n{body}\n    return hook\n"
    }


def start(lines: str) -> dict[str, str]:
    """TODO 4 with this start of A, B zero, and a right hook."""
    return {"solution_todo4": started(f"    {lines}\n{ZERO}")}


def drawn(expression: str) -> dict[str, str]:
    """TODO 4 with this A."""
    return start(f"layer.lora_A = nn.Parameter({expression})")


def hook4(expression: str) -> dict[str, str]:
    """TODO 4 with a right start, and a hook that returns this."""
    lines = (
        f"    def hook(module, input, output):\n        x = input[0]\n        return {expression}\n    return hook\n"
    )
    return {"solution_todo4": started(RIGHT_START).replace(HOOK, "\n" + lines)}


def inject(old: str, new: str) -> dict[str, str]:
    """TODO 5 with one part replaced."""
    return {"solution_todo5": INJECT.replace(old, new)}


def chooses(todo: int, condition: str, after: str = "") -> dict[str, str]:
    """TODO 1 or 6 with this condition on a parameter's name ``n``, and a last statement."""
    return {f"solution_todo{todo}": frozen(condition, todo) + (f"    {after}\n" if after else "")}


def does(todo: int, *lines: str) -> dict[str, str]:
    """A function of one model with these lines."""
    body = "\n".join(f"    {line}" for line in lines)
    return {f"solution_todo{todo}": f"def {TRAINS[todo]}(model):\n{body}\n"}


def pretends(todo: int, condition: str) -> dict[str, str]:
    """TODO 1, 6 or 8 whose parameters only say that those train whose name ``n`` fits; in truth none does."""
    return {
        f"solution_todo{todo}": f"""
class Told(nn.Parameter):
    requires_grad = property(lambda self: self.told, lambda self, value: None)
    grad = property(lambda self: torch.ones(1) if self.told else None, lambda self, value: None)

def {TRAINS[todo]}(model):
    for prefix, module in model.named_modules():
        for key, p in list(module._parameters.items()):
            if p is not None:
                n = prefix + "." + key
                told = bool({condition})
                module._parameters[key] = Told(p.data, requires_grad=False)
                module._parameters[key].told = told
"""
    }


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
