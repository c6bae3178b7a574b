"""Mutants of TODO 2: how A and B are kept; those that lose nothing are right."""

from autograder.authoring.mutants import Mutant

from .mutants_forms import HOOK, KAIMING, ONES, ZERO, attached, kept, started

MUTANTS = (
    Mutant("frozen matrices", {"solution_todo2_3": ONES.replace(")\n    layer.lora_B", ", requires_grad=False)\n    layer.lora_B") + HOOK}, loses={"todo2"}),
    Mutant("in float64", {"solution_todo2_3": ONES.replace("in_features)", "in_features, dtype=torch.float64)") + HOOK.replace("layer.lora_A.T", "layer.lora_A.T.float()")}, loses={"todo2"}),
    Mutant("B of zeros", {"solution_todo2_3": ONES.replace("ones(out", "zeros(out") + HOOK}, loses={"todo2"}),
    Mutant("W changed", {"solution_todo2_3": ONES + "    layer.bias.data.zero_()\n" + HOOK}, loses={"todo2", "todo3"}),
    Mutant("transposed consistently", {"solution_todo2_3": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(in_features, r))
    layer.lora_B = nn.Parameter(torch.ones(r, out_features))
    return lambda module, input, output: output + lora_alpha / r * (input[0] @ layer.lora_A @ layer.lora_B)
"""}, loses={"todo2"}),
    Mutant("only in the closure", {"solution_todo2_3": """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    a = nn.Parameter(torch.ones(r, in_features))
    b = nn.Parameter(torch.ones(out_features, r))
    return lambda module, input, output: output + lora_alpha / r * (input[0] @ a.T @ b.T)
"""}, loses={"todo2"}),
    Mutant("nothing in TODO 2 excuses nothing in TODO 4", {
        "solution_todo2_3": "def attach_lora(layer, r, lora_alpha, in_features, out_features):\n    pass\n",
        "solution_todo4": started(KAIMING + "    layer.lora_A.requires_grad = False\n" + ZERO),
    }, loses={"todo2", "todo3", "todo4"}),
    Mutant("a wrong name is paid for once", {
        "solution_todo2_3": (ONES + HOOK).replace("lora_A", "first"),
        "solution_todo4": started(KAIMING + ZERO).replace("lora_A", "first"),
    }, loses={"todo2"}),
    Mutant("a callable object as hook", {"solution_todo2_3": """
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
    Mutant("in place with einsum", {"solution_todo2_3": ONES + """
    def hook(module, args, out):
        out.add_(torch.einsum("...i,ri,or->...o", args[0], module.lora_A, module.lora_B), alpha=lora_alpha / r)
    return hook
"""}),
    Mutant("the matrices also as attributes of the hook", {"solution_todo2_3": ONES + """
    def hook(module, input, output):
        return output + lora_alpha / r * (input[0] @ hook.a.T @ hook.b.T)
    hook.a, hook.b = layer.lora_A, layer.lora_B
    return hook
"""}),
    Mutant("one A for all layers", kept("SHARED") | {"solution_todo2_3": "SHARED = nn.Parameter(torch.ones(1, 1))\n" + kept("SHARED")["solution_todo2_3"]}, loses={"todo2", "todo3"}, says="share"),
    Mutant("an A cached by shape", {"solution_todo2_3": "import functools\n\n@functools.cache\ndef ones(*shape):\n    return nn.Parameter(torch.ones(*shape))\n" + kept("ones(r, in_features)", "ones(out_features, r)")["solution_todo2_3"]}, loses={"todo2"}, says="share"),
    Mutant("a matrix as default argument", {"solution_todo2_3": "def attach_lora(layer, r, lora_alpha, in_features, out_features, kept={}):\n    if 'a' not in kept:\n        kept['a'] = nn.Parameter(torch.ones(r, in_features))\n    layer.lora_A = kept['a']\n    layer.lora_B = nn.Parameter(torch.ones(out_features, r))\n" + HOOK}, loses={"todo2", "todo3"}, says="first one"),
    Mutant("transposed B", kept("nn.Parameter(torch.ones(r, in_features))", "nn.Parameter(torch.ones(r, out_features))"), loses={"todo2", "todo3"}, says="transposed"),
    Mutant("expanded ones", kept("nn.Parameter(torch.ones(1, in_features).expand(r, in_features))"), loses={"todo2"}, says="expand"),
    Mutant("A and B in one memory", attached("both = torch.ones(r * (in_features + out_features))\nlayer.lora_A = nn.Parameter(both[:r * in_features].view(r, in_features))\nlayer.lora_B = nn.Parameter(both[:r * out_features].view(out_features, r))\nreturn lambda m, i, o: o + lora_alpha / r * (i[0] @ m.lora_A.T @ m.lora_B.T)"), loses={"todo2"}, says="share their memory"),
    Mutant("zeros", kept("nn.Parameter(torch.zeros(r, in_features))"), loses={"todo2"}, says="all zeros"),
    Mutant("a third parameter", kept("nn.Parameter(torch.ones(r, in_features))", "nn.Parameter(torch.ones(out_features, r)); layer.lora_scaling = nn.Parameter(torch.ones(1))"), loses={"todo2"}, says="extra parameters were registered"),
    Mutant("an identity", kept("nn.Parameter(torch.eye(r, in_features))"), loses={"todo2"}, says="others are 0"),
    Mutant("bfloat16", kept("nn.Parameter(torch.ones(r, in_features, dtype=torch.bfloat16))") | {"solution_todo2_3": kept("nn.Parameter(torch.ones(r, in_features, dtype=torch.bfloat16))")["solution_todo2_3"].replace("layer.lora_A.T", "layer.lora_A.float().T")}, loses={"todo2"}, says="dtype"),
    Mutant("pretrained weight scaled", attached("layer.weight.data *= 0.5\n" + "layer.lora_A = nn.Parameter(torch.ones(r, in_features))\nlayer.lora_B = nn.Parameter(torch.ones(out_features, r))\nreturn lambda m, i, o: o + lora_alpha / r * (i[0] @ m.lora_A.T @ m.lora_B.T)"), loses={"todo2", "todo3"}, says="pretrained weight was changed"),
)  # fmt: skip
