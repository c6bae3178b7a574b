"""Mutants of TODO 4: how A and B start, and the hook once more; those that lose nothing are right."""

from autograder.authoring.mutants import Mutant

from .mutants_forms import BA, HOOK, KAIMING, LORA, ONES, RIGHT_START, UPDATE, ZERO, drawn, hook4, start, started

MUTANTS = (
    Mutant("seeded inside", {"solution_todo4": started("    torch.manual_seed(0)\n" + KAIMING + ZERO)}, loses={"todo4"}),
    Mutant("random numbers put back", {"solution_todo4": started("    with torch.random.fork_rng():\n        layer.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)))\n" + ZERO)}, loses={"todo4"}, says="put back"),
    Mutant("own generator", {"solution_todo4": started("    g = torch.Generator().manual_seed(1)\n" + KAIMING.replace("))\n", ", generator=g))\n", 1).replace("a=math.sqrt(5)), generator=g)", "a=math.sqrt(5), generator=g))") + ZERO)}, loses={"todo4"}),
    Mutant("one row copied", {"solution_todo4": started("    row = nn.init.kaiming_uniform_(torch.empty(1, in_features), a=math.sqrt(5))\n    layer.lora_A = nn.Parameter(row.repeat(r, 1))\n" + ZERO)}, loses={"todo4"}),
    Mutant("half the width", {"solution_todo4": started(KAIMING + "    layer.lora_A.data.mul_(0.5)\n" + ZERO)}, loses={"todo4"}),
    Mutant("positive only", {"solution_todo4": started(KAIMING + "    layer.lora_A.data.abs_()\n" + ZERO)}, loses={"todo4"}),
    Mutant("A frozen", {"solution_todo4": started(KAIMING + "    layer.lora_A.requires_grad = False\n" + ZERO)}, loses={"todo4"}),
    Mutant("output shifted", {"solution_todo4": started(KAIMING + ZERO).replace("output + ", "1 + output + ")}, loses={"todo4"}),
    Mutant("no hook", {"solution_todo4": started(KAIMING + ZERO).replace("return hook", "return None")}, loses={"todo4"}),
    Mutant("still ones", {"solution_todo4": ONES + HOOK}, loses={"todo4"}),
    Mutant("plain tensors only in TODO 4", {"solution_todo4": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5))
""" + ZERO + "\n" + HOOK}, loses={"todo4"}),
    Mutant("NumPy's random numbers", {"solution_todo4": started("    bound = 1 / np.sqrt(in_features)\n    a = np.random.uniform(-bound, bound, (r, in_features)).astype('float32')\n    layer.lora_A = nn.Parameter(torch.from_numpy(a))\n" + ZERO)}),
    Mutant("xavier normal", drawn("nn.init.xavier_normal_(torch.empty(r, in_features))"), loses={"todo4"}, says="Xavier's rule"),
    Mutant("rand - 0.5", drawn("torch.rand(r, in_features) - 0.5"), loses={"todo4"}, says="0.5 whatever"),
    Mutant("rand", drawn("torch.rand(r, in_features)"), loses={"todo4"}, says="both signs"),
    Mutant("rand / sqrt(in)", drawn("torch.rand(r, in_features) / in_features ** 0.5"), loses={"todo4"}, says="both signs"),
    Mutant("randn", drawn("torch.randn(r, in_features)"), loses={"todo4"}, says="standard deviation 1 "),
    Mutant("randn * 0.02", drawn("torch.randn(r, in_features) * 0.02"), loses={"todo4"}, says="0.02"),
    Mutant("randn / r", drawn("torch.randn(r, in_features) / r"), loses={"todo4"}, says="1 / r"),
    Mutant("a = 5", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=5)"), loses={"todo4"}, says="a = 5"),
    Mutant("a = 1", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=1)"), loses={"todo4"}, says="sqrt(3 / in)"),
    Mutant("tanh gain", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), nonlinearity='tanh')"), loses={"todo4"}, says="tanh"),
    Mutant("no root", drawn("(torch.rand(r, in_features) * 2 - 1) / in_features"), loses={"todo4"}, says="1 / in;"),
    Mutant("eye", drawn("torch.eye(r, in_features)"), loses={"todo4"}, says="zeros and ones"),
    Mutant("no A for rank 1", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) * (r > 1)"), loses={"todo4"}, says="both zero where r is 1"),
    Mutant("no A for large ranks", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) * (r < 40)"), loses={"todo4"}, says="all zeros for some sizes, and not for others"),
    Mutant("sparse", drawn("nn.init.sparse_(torch.empty(r, in_features), 0.5)"), loses={"todo4"}, says="zero"),
    Mutant("signs only", drawn("torch.randn(r, in_features).sign() / in_features ** 0.5"), loses={"todo4"}, says="same size"),
    Mutant("transposed draw", drawn("nn.init.kaiming_uniform_(torch.empty(in_features, r), a=math.sqrt(5)).T"), loses={"todo4"}, says="1 / sqrt(r)"),
    Mutant("empty", drawn("torch.full((r, in_features), float('nan'))"), loses={"todo4"}, says="not finite"),
    Mutant("an A drawn once", {"solution_todo4": "import functools\n\n@functools.cache\ndef drawn(r, n):\n    return nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, n), a=math.sqrt(5)))\n\n" + start("layer.lora_A = drawn(r, in_features)")["solution_todo4"]}, loses={"todo4"}, says="share A or B"),
    Mutant("values drawn once", {"solution_todo4": "import functools\n\n@functools.cache\ndef drawn(r, n):\n    return nn.init.kaiming_uniform_(torch.empty(r, n), a=math.sqrt(5))\n\n" + start("layer.lora_A = nn.Parameter(drawn(r, in_features).clone())")["solution_todo4"]}, loses={"todo4"}, says="same at every call"),
    Mutant("B normal", {"solution_todo4": started(KAIMING + "    layer.lora_B = nn.Parameter(torch.randn(out_features, r))")}, loses={"todo4"}, says="B must be all zeros"),
    Mutant("A shifted", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)) + 0.01"), loses={"todo4"}, says="not centred at zero"),
    Mutant("a = 1 / sqrt(5)", drawn("nn.init.kaiming_uniform_(torch.empty(r, in_features), a=1 / math.sqrt(5))"), loses={"todo4"}, says="nor is `a` 1 / sqrt(5)"),
    Mutant("r for in", drawn("(torch.rand(r, in_features) * 2 - 1) / math.sqrt(r)"), loses={"todo4"}, says="r stands in the place of in"),
    Mutant("W0 drawn anew", start("layer.lora_A = nn.Parameter(torch.empty(r, in_features))\n    nn.init.kaiming_uniform_(layer.lora_A, a=math.sqrt(5))\n    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))"), loses={"todo4"}, says="pretrained weight was changed"),
    Mutant("output in float64 in TODO 4", hook4(f"({LORA}).double()"), loses={"todo4"}, says="dtype from"),
    Mutant("raises in TODO 4", hook4("output + x @ layer.lora_A @ layer.lora_B"), loses={"todo4"}, says="shapes"),
    Mutant("unscaled in TODO 4", hook4(f"output + {BA}"), loses={"todo4"}, says="alpha / r is missing (in the hook of TODO 4)"),
    Mutant("detached in TODO 4", hook4(f"output + ({UPDATE}).detach()"), loses={"todo4"}, says="no gradient reaches A or B"),
    Mutant("relu in TODO 4", hook4("output + lora_alpha / r * (torch.relu(x @ layer.lora_A.T) @ layer.lora_B.T)"), loses={"todo4"}, says="ReLU"),
    Mutant("skipped while B is zero", hook4(f"output + {UPDATE} if layer.lora_B.any() else output"), loses={"todo4"}, says="while B is zero"),
    Mutant("stale in TODO 4", {"solution_todo4": started(RIGHT_START).replace(HOOK, "\n    delta = (lora_alpha / r * layer.lora_B @ layer.lora_A).detach()\n    return lambda module, input, output: output + input[0] @ delta.T\n")}, loses={"todo4"}, says="in the hook of TODO 4"),
)  # fmt: skip
