"""Mutants of TODO 5: where LoRA is injected; those that lose nothing are right."""

from autograder.authoring.mutants import Mutant

from .mutants_forms import INJECT, inject

MUTANTS = (
    Mutant("every layer", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h]
    return [c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape)) for c in layers]
"""}, loses={"todo5"}),
    Mutant("rank and alpha fixed", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-2:]]
    return [c.register_forward_hook(attach_lora(c, 1, 4, *c.weight.shape)) for c in layers]
"""}, loses={"todo5"}),
    Mutant("registered twice", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    handles = []
    for block in model.transformer.h[-2:]:
        hook = attach_lora(block.attn.c_attn, r, lora_alpha, *block.attn.c_attn.weight.shape)
        handles += [block.attn.c_attn.register_forward_hook(hook) for _ in range(2)]
    return handles
"""}, loses={"todo5"}),
    Mutant("hooks swapped", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-2:]]
    hooks = [attach_lora(c, r, lora_alpha, *c.weight.shape) for c in layers]
    return [c.register_forward_hook(h) for c, h in zip(layers, reversed(hooks))]
"""}, loses={"todo5"}),
    Mutant("one handle", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    for block in model.transformer.h[-2:]:
        c = block.attn.c_attn
        handle = c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape))
    return [handle]
"""}, loses={"todo5"}),
    Mutant("a partial", {"solution_todo5": """
from functools import partial

def inject(last, model, r, lora_alpha):
    layers = [block.attn.c_attn for block in model.transformer.h[-last:]]
    return [c.register_forward_hook(attach_lora(c, r, lora_alpha, *c.weight.shape)) for c in layers]

attach_lora_to_gpt2 = partial(inject, 2)
"""}),
    Mutant("a tuple of handles, names looked up", {"solution_todo5": """
def attach_lora_to_gpt2(model, r, lora_alpha):
    names = [f"transformer.h.{i}.attn.c_attn" for i in (10, 11)]
    layers = [model.get_submodule(name) for name in names]
    return tuple(c.register_forward_hook(attach_lora(layer=c, r=r, lora_alpha=lora_alpha, in_features=c.nx, out_features=c.nf)) for c in layers)
"""}),
    Mutant("mlp", inject("attn.c_attn", "mlp.c_fc"), loses={"todo5"}, says="c_fc"),
    Mutant("first two blocks", inject("h[-2:]", "h[:2]"), loses={"todo5"}, says="first two blocks"),
    Mutant("one block too many", inject("h[-2:]", "h[-3:]"), loses={"todo5"}, says="one block too many"),
    Mutant("return in the loop", inject("    return handles", "        return handles"), loses={"todo5"}, says="block 11 is missing"),
    Mutant("alpha and r fixed", inject("r, lora_alpha, n_in", "1, 4, n_in"), loses={"todo5"}, says="written down"),
    Mutant("alpha times r passed on", inject("r, lora_alpha, n_in", "r, lora_alpha * r, n_in"), loses={"todo5"}, says="lora_alpha is multiplied by r"),
    Mutant("out twice", inject("n_in, n_out)", "n_out, n_out)"), loses={"todo5"}, says="passed for in_features"),
    Mutant("removed again", inject("    return handles", "    for handle in handles:\n        handle.remove()\n    return handles"), loses={"todo5"}, says="removed again"),
    Mutant("handles of all calls", {"solution_todo5": "ALL = []\n" + INJECT.replace("    handles = []\n", "").replace("handles", "ALL")}, loses={"todo5"}, says="earlier calls"),
    Mutant("a count", inject("return handles", "return len(handles)"), loses={"todo5"}, says="one for each"),
    Mutant("weights merged", inject("        hook = ", "        c.weight.data.mul_(0.9)\n        hook = "), loses={"todo5"}, says="destroyed"),
    Mutant("a late closure", {"solution_todo5": "def attach_lora_to_gpt2(model, r, lora_alpha):\n    handles = []\n    for block in model.transformer.h[-2:]:\n        c = block.attn.c_attn\n        hook = attach_lora(c, r, lora_alpha, *c.weight.shape)\n        handles.append(c.register_forward_hook(lambda *a: hook(*a)))\n    return handles\n"}, loses={"todo5"}, says="made for another one"),
    Mutant("backward hooks", inject("register_forward_hook", "register_full_backward_hook"), loses={"todo5"}, says="for the backward pass"),
    Mutant("attach_lora itself registered", inject("attach_lora(c, r, lora_alpha, n_in, n_out)", "attach_lora"), loses={"todo5"}, says="register what attach_lora(...) returns"),
    Mutant("the last handle alone", inject("return handles", "return handles[-1]"), loses={"todo5"}, says="a single handle"),
    Mutant("a copy of the model", inject("    handles = []", "    import copy\n    model = copy.deepcopy(model)\n    handles = []"), loses={"todo5"}, says="was it copied"),
)  # fmt: skip
