"""Models and parameters that lie about themselves."""

from tests.scenarios.hostile.making import before, called

CASES = {
    "patches named_parameters and parameters": before("""
import torch
honest = torch.nn.Module.named_parameters
def lying(self, *args, **kwargs):
    return [(name, p) for name, p in honest(self, *args, **kwargs) if "11" in name or "score" in name]
torch.nn.Module.named_parameters = lying
torch.nn.Module.parameters = lambda self, *a, **k: [p for _, p in lying(self)]
"""),
    "patches requires_grad and grad of all tensors": before("""
import torch
torch.Tensor.requires_grad = property(lambda self: self.dim() == 2, lambda self, value: None)
torch.Tensor.grad = property(lambda self: torch.zeros(self.shape), lambda self, value: None)
torch.nn.Parameter.requires_grad = property(lambda self: self.dim() == 1, lambda self, value: None)
"""),
    "rewrites the code of library functions in place": before("""
import torch
torch.nn.Module.named_parameters.__code__ = (lambda self, *a, **k: []).__code__
torch.nn.Module.named_modules.__code__ = (lambda self, *a, **k: []).__code__
"""),
    "gives the model methods of its own": called("""
for argument in arguments:
    if hasattr(argument, "named_parameters"):
        rows = list(argument.named_parameters())[-2:]
        argument.named_parameters = lambda *a, **k: rows
        argument.parameters = lambda *a, **k: [p for _, p in rows]
        argument.named_modules = lambda *a, **k: []
"""),
    "gives the model another class": called("""
for argument in arguments:
    if hasattr(argument, "named_parameters"):
        class Liar(type(argument)):
            def named_parameters(self, *a, **k): return []
            def __getattr__(self, name): return True
            def __call__(self, *a, **k): return True
        argument.__class__ = Liar
"""),
    "replaces the parameters by fakes": called("""
import torch
class Fake(torch.nn.Parameter):
    requires_grad = property(lambda self: True, lambda self, value: None)
    grad = property(lambda self: self.detach(), lambda self, value: None)
for argument in arguments:
    for module in argument.modules() if hasattr(argument, "modules") else []:
        for name, p in list(module._parameters.items()):
            if p is not None:
                module._parameters[name] = Fake(p.data, requires_grad=False)
"""),
    "registers tensors of a subclass that answers what is asked for": called("""
import torch
class Answer(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(2, 2)
for argument in arguments:
    if isinstance(argument, torch.nn.Module):
        argument._parameters["lora_A"] = argument._parameters["lora_B"] = torch.zeros(2, 2).as_subclass(Answer)
return lambda module, input, output: output.as_subclass(Answer)
"""),
    "replaces the dictionaries of the model by ones that forget": called("""
class Forgetful(dict):
    def items(self): return []
    def values(self): return []
for argument in arguments:
    if hasattr(argument, "_modules"):
        argument.__dict__["_modules"] = Forgetful(argument._modules)
        argument.__dict__["_parameters"] = Forgetful(argument._parameters)
"""),
    "calls the right function of a library for the visible check alone": before("""
import torch
state = {"calls": 0}
honest = torch.nn.Module.__call__
def counted(self, *a, **k):
    state["calls"] += 1
    return honest(self, *a, **k)
torch.nn.Module.__call__ = counted
"""),
}
