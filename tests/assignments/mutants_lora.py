"""Wrong solutions of TODO 2 to 5, a few for each kind: name, cells, TODOs that lose points, words of the message."""

from tests.assignments.mutants import BA, HOOK, KAIMING, ONES, ZERO, hooked, started

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
Mutant = tuple[str, dict[str, str], set[int], str]


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


MUTANTS: list[Mutant] = [
    # TODO 2: how A and B are kept
    ("one A for all layers", kept("SHARED") | {"solution_todo2_3": "SHARED = nn.Parameter(torch.ones(1, 1))\n" + kept("SHARED")["solution_todo2_3"]}, {2, 3}, "share"),
    ("an A cached by shape", {"solution_todo2_3": "import functools\n\n@functools.cache\ndef ones(*shape):\n    return nn.Parameter(torch.ones(*shape))\n" + kept("ones(r, in_features)", "ones(out_features, r)")["solution_todo2_3"]}, {2}, "share"),
    ("a matrix as default argument", {"solution_todo2_3": "def attach_lora(layer, r, lora_alpha, in_features, out_features, kept={}):\n    if 'a' not in kept:\n        kept['a'] = nn.Parameter(torch.ones(r, in_features))\n    layer.lora_A = kept['a']\n    layer.lora_B = nn.Parameter(torch.ones(out_features, r))\n" + HOOK}, {2, 3}, "first one"),
    ("transposed B", kept("nn.Parameter(torch.ones(r, in_features))", "nn.Parameter(torch.ones(r, out_features))"), {2, 3}, "transposed"),
    ("expanded ones", kept("nn.Parameter(torch.ones(1, in_features).expand(r, in_features))"), {2}, "expand"),
    ("A and B in one memory", attached("both = torch.ones(r * (in_features + out_features))\nlayer.lora_A = nn.Parameter(both[:r * in_features].view(r, in_features))\nlayer.lora_B = nn.Parameter(both[:r * out_features].view(out_features, r))\nreturn lambda m, i, o: o + lora_alpha / r * (i[0] @ m.lora_A.T @ m.lora_B.T)"), {2}, "share their memory"),
    ("zeros", kept("nn.Parameter(torch.zeros(r, in_features))"), {2}, "all zeros"),
    ("an identity", kept("nn.Parameter(torch.eye(r, in_features))"), {2}, "others are 0"),
    ("bfloat16", kept("nn.Parameter(torch.ones(r, in_features, dtype=torch.bfloat16))") | {"solution_todo2_3": kept("nn.Parameter(torch.ones(r, in_features, dtype=torch.bfloat16))")["solution_todo2_3"].replace("layer.lora_A.T", "layer.lora_A.float().T")}, {2}, "dtype"),
    ("pretrained weight scaled", attached("layer.weight.data *= 0.5\n" + "layer.lora_A = nn.Parameter(torch.ones(r, in_features))\nlayer.lora_B = nn.Parameter(torch.ones(out_features, r))\nreturn lambda m, i, o: o + lora_alpha / r * (i[0] @ m.lora_A.T @ m.lora_B.T)"), {2, 3}, "pretrained weight was changed"),
    # TODO 3: factors
    ("alpha times r", hook3(f"output + lora_alpha * r * {BA}"), {3}, "alpha r;"),
    ("root of alpha / r", hook3(f"output + (lora_alpha / r) ** 0.5 * {BA}"), {3}, "alpha^0.5 r^(-0.5)"),
    ("rounded alpha / r", hook3(f"output + round(lora_alpha / r) * {BA}"), {3}, "rounded to a whole"),
    ("int of alpha / r", hook3(f"output + int(lora_alpha / r) * {BA}"), {3}, "rounded down"),
    ("alpha / r squared r", hook3(f"output + lora_alpha / r ** 2 * {BA}"), {3}, "r^(-2)"),
    ("root of alpha", hook3(f"output + lora_alpha ** 0.5 / r * {BA}"), {3}, "alpha^0.5 r^(-1)"),
    ("divided by in", hook3(f"output + {UPDATE} / in_features"), {3}, "divided by the in_features"),
    ("divided by the root of in", hook3(f"output + {UPDATE} / in_features ** 0.5"), {3}, "root of the in_features"),
    ("a fixed half", hook3(f"output + 0.5 * {BA}"), {3}, "same number"),
    ("one tenth of it", hook3(f"output + 0.1 * {UPDATE}"), {3}, "one more number"),
    # TODO 3: other updates and bases
    ("gelu between", hook3("output + lora_alpha / r * (F.gelu(x @ layer.lora_A.T) @ layer.lora_B.T)"), {3}, "GELU between"),
    ("tanh after", hook3(f"output + torch.tanh({UPDATE})"), {3}, "tanh"),
    ("relu of everything", hook3(f"torch.relu({LORA})"), {3}, "whole output goes through a ReLU"),
    ("softmax between", hook3("output + lora_alpha / r * ((x @ layer.lora_A.T).softmax(-1) @ layer.lora_B.T)"), {3}, "softmax between"),
    ("normalised x", hook3("output + lora_alpha / r * (F.normalize(x, dim=-1) @ layer.lora_A.T @ layer.lora_B.T)"), {3}, "divided by its length"),
    ("token mean", hook3("output + lora_alpha / r * (x.mean(-2, keepdim=True) @ layer.lora_A.T @ layer.lora_B.T)"), {3}, "averaged over the tokens"),
    ("first sentence for all", hook3(f"output + ({UPDATE})[:1]"), {3}, "update of the first one"),
    ("A reshaped", hook3("output + lora_alpha / r * (x @ layer.lora_A.reshape(in_features, r) @ layer.lora_B.T)"), {3}, "A is reshaped"),
    ("both reshaped", hook3("output + lora_alpha / r * (x @ layer.lora_A.reshape(in_features, r) @ layer.lora_B.reshape(r, out_features))"), {3}, "A and B are reshaped"),
    ("output twice", hook3(f"output + output + {UPDATE}"), {3}, "added twice"),
    ("all of it scaled", hook3(f"lora_alpha / r * (output + {BA})"), {3}, "multiplies `output`"),
    ("product", hook3(f"output * ({UPDATE})"), {3}, "multiplied with `output`"),
    ("A alone detached", hook3("output + lora_alpha / r * (x @ layer.lora_A.detach().T @ layer.lora_B.T)"), {3}, "no gradient reaches A"),
    ("data of both", hook3("output + lora_alpha / r * (x @ layer.lora_A.data.T @ layer.lora_B.data.T)"), {3}, "no gradient reaches A or B"),
    ("relu and unscaled", hook3("output + torch.relu(x @ layer.lora_A.T) @ layer.lora_B.T"), {3}, "ReLU between A and B: LoRA has no activation function there; and the scaling alpha / r is missing"),
    ("scaled tanh after", hook3(f"output + lora_alpha / r * torch.tanh({BA})"), {3}, "goes through a tanh"),
    ("update of length one", hook3(f"output + lora_alpha / r * F.normalize({BA}, dim=-1)"), {3}, "divided by its length"),
    ("x detached in the update", hook3("output + lora_alpha / r * (x.detach() @ layer.lora_A.T @ layer.lora_B.T)"), {3}, "is x detached in the update?"),
    ("output detached", hook3(f"output.detach() + {UPDATE}"), {3}, "is `output` detached"),
    # TODO 3: modes, noise, state
    ("eval only", hook3(f"output if module.training else {LORA}"), {3}, "eval mode alone"),
    ("only with gradients", hook3(f"{LORA} if torch.is_grad_enabled() else output"), {3}, "no_grad"),
    ("inference mode ignored", hook3(f"output if torch.is_inference_mode_enabled() else {LORA}"), {3}, "inference mode"),
    ("noise in training", hook3(f"{LORA} + 0.01 * torch.randn_like(output) * module.training"), {3}, "two calls"),
    ("dropout on the update", hook3(f"output + F.dropout({UPDATE}, 0.1)"), {3}, "two calls"),
    ("delta cached at the first call", {"solution_todo2_3": ONES + "    cache = []\n    def hook(module, input, output):\n        if not cache:\n            cache.append((layer.lora_A.detach().clone(), layer.lora_B.detach().clone()))\n        a, b = cache[0]\n        return output + lora_alpha / r * (input[0] @ a.T @ b.T)\n    return hook\n"}, {3}, "current A and B"),
    ("a hook that reads globals", {"solution_todo2_3": ONES.replace("def attach", "CURRENT = {}\n\ndef attach") + "    CURRENT['layer'] = layer\n    def hook(module, input, output):\n        return output + lora_alpha / r * (input[0] @ CURRENT['layer'].lora_A.T @ CURRENT['layer'].lora_B.T)\n    return hook\n"}, {3}, "layer"),
    ("the last output added", {"solution_todo2_3": ONES + "    seen = []\n    def hook(module, input, output):\n        seen.append(1)\n        return output + len(seen) * lora_alpha / r * (input[0] @ layer.lora_A.T @ layer.lora_B.T)\n    return hook\n"}, {3}, "two calls"),
    ("B rescaled in the hook", statements(f"layer.lora_B.data *= 0.99\nreturn {LORA}"), {3}, "changes A or B"),
    ("x changed", statements(f"y = x.detach()\ny += 1\nreturn {LORA}"), {3}, "changes its input"),
    ("the first update kept", {"solution_todo2_3": ONES + f"    kept = []\n    def hook(module, input, output):\n        x = input[0]\n        kept or kept.append({UPDATE})\n        return output + kept[0]\n    return hook\n"}, {3}, "repeats the update of its first call"),
    ("x scaled in place", statements("x.mul_(lora_alpha / r)\nreturn output + x @ layer.lora_A.T @ layer.lora_B.T"), {3}, "changes its input"),
    # TODO 3: what comes out
    ("squeezed", hook3(f"({LORA}).squeeze(0)"), {3}, "keep every dimension"),
    ("two dimensions only", statements("update = torch.einsum('bi,ri,or->bo', x, layer.lora_A, layer.lora_B)\nreturn output + lora_alpha / r * update"), {3}, "two dimensions"),
    ("three dimensions only", statements("update = torch.einsum('bti,ri,or->bto', x, layer.lora_A, layer.lora_B)\nreturn output + lora_alpha / r * update"), {3}, "three dimensions"),
    ("a list", hook3(f"[{LORA}]"), {3}, "returned a list"),
    ("the layer is returned", attached("layer.lora_A = nn.Parameter(torch.ones(r, in_features))\nlayer.lora_B = nn.Parameter(torch.ones(out_features, r))\nreturn layer"), {3}, "returned the layer"),
    ("registered and not returned", attached("layer.lora_A = nn.Parameter(torch.ones(r, in_features))\nlayer.lora_B = nn.Parameter(torch.ones(out_features, r))\nlayer.register_forward_hook(lambda m, i, o: o + lora_alpha / r * (i[0] @ m.lora_A.T @ m.lora_B.T))"), {3}, "registered the hook itself"),
    ("a handle is returned", {"solution_todo2_3": hooked(LORA).replace("return hook", "return layer.register_forward_hook(hook)")}, {3}, "registered the hook itself"),
    ("arguments in another order", attached("hook = lambda module, output, input: output + lora_alpha / r * (input[0] @ layer.lora_A.T @ layer.lora_B.T)\n" + ONES_IN_PLACE + "return hook"), {3}, "the hook takes (module, output, input); PyTorch calls it with (module, input, output)"),
    ("two arguments", attached("hook = lambda output, input: output + lora_alpha / r * (input[0] @ layer.lora_A.T @ layer.lora_B.T)\n" + ONES_IN_PLACE + "return hook"), {3}, "the hook takes (output, input)"),
    ("three of them missing", attached("hook = lambda module, input, extra, output: output\n" + ONES_IN_PLACE + "return hook"), {3}, "with three arguments"),
    ("input taken for x", hook3("output + lora_alpha / r * (input @ layer.lora_A.T @ layer.lora_B.T)"), {3}, "a tuple over, and x is input[0]"),
    ("a maker of hooks", {"solution_todo2_3": hooked(LORA).replace("return hook", "return lambda: hook")}, {3}, "what it returns makes one when it is called"),
    ("output taken for a tuple", hook3(f"output[0] + {UPDATE}"), {3}, "`output` is a tensor, no tuple"),
    ("the layer called again", statements("return layer(x) + x.sum()"), {3}, "runs the hook again"),
    ("a coroutine", {"solution_todo2_3": hooked(LORA).replace("    def hook", "    async def hook")}, {3}, "without `async`"),
    ("a generator", {"solution_todo2_3": hooked(LORA).replace("        return output", "        yield output")}, {3}, "no `yield`"),
    ("an object without a call", {"solution_todo2_3": hooked(LORA).replace("return hook", "return object()")}, {3}, "it has no `__call__`"),
    ("output in float64", hook3(f"({LORA}).double()"), {3}, "dtype from torch.float32 to torch.float64"),
    ("computed in bfloat16", hook3("output + (lora_alpha / r * (x.bfloat16() @ layer.lora_A.T.bfloat16() @ layer.lora_B.T.bfloat16())).float()"), {3}, "half precision"),
    # TODO 4: the law of A
    ("xavier normal", drawn("nn.init.xavier_normal_(torch.empty(r, in_features))"), {4}, "Xavier's rule"),
    ("rand - 0.5", drawn("torch.rand(r, in_features) - 0.5"), {4}, "0.5 whatever"),
    ("rand", drawn("torch.rand(r, in_features)"), {4}, "both signs"),
    ("rand / sqrt(in)", drawn("torch.rand(r, in_features) / in_features ** 0.5"), {4}, "both signs"),
    ("randn", drawn("torch.randn(r, in_features)"), {4}, "standard deviation 1 "),
    ("randn * 0.02", drawn("torch.randn(r, in_features) * 0.02"), {4}, "0.02"),
    ("randn / r", drawn("torch.randn(r, in_features) / r"), {4}, "1 / r"),
    ("a = 5", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=5)"), {4}, "a = 5"),
    ("a = 1", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=1)"), {4}, "sqrt(3 / in)"),
    ("tanh gain", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), nonlinearity='tanh')"), {4}, "tanh"),
    ("no root", drawn("(torch.rand(r, in_features) * 2 - 1) / in_features"), {4}, "1 / in;"),
    ("eye", drawn("torch.eye(r, in_features)"), {4}, "zeros and ones"),
    ("no A for rank 1", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) * (r > 1)"), {4}, "both zero where r is 1"),
    ("no A for large ranks", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) * (r < 40)"), {4}, "all zeros for some sizes, and not for others"),
    ("sparse", drawn("nn.init.sparse_(torch.empty(r, in_features), 0.5)"), {4}, "zero"),
    ("signs only", drawn("torch.randn(r, in_features).sign() / in_features ** 0.5"), {4}, "same size"),
    ("transposed draw", drawn("nn.init.kaiming_uniform_(torch.empty(in_features, r), a=math.sqrt(5)).T"), {4}, "1 / sqrt(r)"),
    ("empty", drawn("torch.full((r, in_features), float('nan'))"), {4}, "not finite"),
    ("an A drawn once", {"solution_todo4": "import functools\n\n@functools.cache\ndef drawn(r, n):\n    return nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, n), a=math.sqrt(5)))\n\n" + start("layer.lora_A = drawn(r, in_features)")["solution_todo4"]}, {4}, "share A or B"),
    ("values drawn once", {"solution_todo4": "import functools\n\n@functools.cache\ndef drawn(r, n):\n    return nn.init.kaiming_uniform_(torch.empty(r, n), a=math.sqrt(5))\n\n" + start("layer.lora_A = nn.Parameter(drawn(r, in_features).clone())")["solution_todo4"]}, {4}, "same at every call"),
    ("B normal", {"solution_todo4": started(KAIMING + "    layer.lora_B = nn.Parameter(torch.randn(out_features, r))")}, {4}, "B must be all zeros"),
    ("A shifted", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) + 0.01"), {4}, "not centred at zero"),
    ("a = 1 / sqrt(5)", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=1 / math.sqrt(5))"), {4}, "nor is `a` 1 / sqrt(5)"),
    ("r for in", drawn("(torch.rand(r, in_features) * 2 - 1) / math.sqrt(r)"), {4}, "r stands in the place of in"),
    ("W0 drawn anew", start("layer.lora_A = nn.Parameter(torch.empty(r, in_features))\n    nn.init.kaiming_uniform_(layer.lora_A, a=math.sqrt(5))\n    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))"), {4}, "pretrained weight was changed"),
    ("output in float64 in TODO 4", hook4(f"({LORA}).double()"), {4}, "dtype from"),
    ("the same float64 is paid for once", {**hook3(f"({LORA}).double()"), **hook4(f"({LORA}).double()")}, {3}, "dtype from"),
    # TODO 4: the hook
    ("raises in TODO 4", hook4("output + x @ layer.lora_A @ layer.lora_B"), {4}, "shapes"),
    ("unscaled in TODO 4", hook4(f"output + {BA}"), {4}, "alpha / r is missing (in the hook of TODO 4)"),
    ("relu in TODO 4", hook4("output + lora_alpha / r * (torch.relu(x @ layer.lora_A.T) @ layer.lora_B.T)"), {4}, "ReLU"),
    ("stale in TODO 4", {"solution_todo4": started(RIGHT_START).replace(HOOK, "\n    delta = (lora_alpha / r * layer.lora_B @ layer.lora_A).detach()\n    return lambda module, input, output: output + input[0] @ delta.T\n")}, {4}, "in the hook of TODO 4"),
    ("the same missing scaling is paid for once", {"solution_todo2_3": hooked(f"output + {BA}"), **hook4(f"output + {BA}")}, {3}, "alpha / r is missing"),
    ("the same stale update is paid for once", {"solution_todo2_3": ONES + "    delta = (lora_alpha / r * layer.lora_B @ layer.lora_A).detach()\n    return lambda module, input, output: output + input[0] @ delta.T\n", "solution_todo4": started(RIGHT_START).replace(HOOK, "\n    delta = (lora_alpha / r * layer.lora_B @ layer.lora_A).detach()\n    return lambda module, input, output: output + input[0] @ delta.T\n")}, {3}, "current A and B"),
    ("another mistake is paid for twice", {"solution_todo2_3": hooked(f"output + {BA}"), **hook4(UPDATE)}, {3, 4}, "missing"),
    # TODO 5
    ("mlp", inject("attn.c_attn", "mlp.c_fc"), {5}, "c_fc"),
    ("first two blocks", inject("h[-2:]", "h[:2]"), {5}, "first two blocks"),
    ("one block too many", inject("h[-2:]", "h[-3:]"), {5}, "one block too many"),
    ("return in the loop", inject("    return handles", "        return handles"), {5}, "block 11 is missing"),
    ("alpha and r fixed", inject("r, lora_alpha, n_in", "1, 4, n_in"), {5}, "written down"),
    ("alpha times r", inject("r, lora_alpha, n_in", "r, lora_alpha * r, n_in"), {5}, "multiplied by alpha r"),
    ("out twice", inject("n_in, n_out)", "n_out, n_out)"), {5}, "passed for in_features"),
    ("removed again", inject("    return handles", "    for handle in handles:\n        handle.remove()\n    return handles"), {5}, "removed again"),
    ("handles of all calls", {"solution_todo5": "ALL = []\n" + INJECT.replace("    handles = []\n", "").replace("handles", "ALL")}, {5}, "earlier calls"),
    ("a count", inject("return handles", "return len(handles)"), {5}, "one for each"),
    ("weights merged", inject("        hook = ", "        c.weight.data.mul_(0.9)\n        hook = "), {5}, "destroyed"),
    ("a late closure", {"solution_todo5": "def attach_lora_to_gpt2(model, r, lora_alpha):\n    handles = []\n    for block in model.transformer.h[-2:]:\n        c = block.attn.c_attn\n        hook = attach_lora(c, r, lora_alpha, *c.weight.shape)\n        handles.append(c.register_forward_hook(lambda *a: hook(*a)))\n    return handles\n"}, {5}, "made for another one"),
    ("backward hooks", inject("register_forward_hook", "register_full_backward_hook"), {5}, "for the backward pass"),
    ("attach_lora itself registered", inject("attach_lora(c, r, lora_alpha, n_in, n_out)", "attach_lora"), {5}, "register what attach_lora(...) returns"),
    ("the last handle alone", inject("return handles", "return handles[-1]"), {5}, "a single handle"),
    ("a copy of the model", inject("    handles = []", "    import copy\n    model = copy.deepcopy(model)\n    handles = []"), {5}, "was it copied"),
]  # fmt: skip
