"""What the probes and their reply are made with, replaced."""

from tests.scenarios.hostile.making import before, in_solutions

CASES = {
    "patches what writes the report": before("""
import json, safetensors.torch, torch
json.dumps = lambda *a, **k: '{"error": null}'
json.JSONEncoder.encode = lambda self, value: "{}"
safetensors.torch.save = lambda *a, **k: b""
torch.Tensor.clone = torch.Tensor.detach = torch.Tensor.contiguous = lambda self: torch.ones(2, 2)
"""),
    "patches what signs the report": before("""
import hashlib, hmac, marshal, builtins
seen = []
def spy(*args, **kwargs):
    seen.append((args, kwargs))
    print("FOUND", kwargs)
    return honest(*args, **kwargs)
honest = hashlib.blake2b
hashlib.blake2b = hmac.new = hmac.compare_digest = marshal.loads = builtins.any = builtins.bytes = spy
del builtins.any
"""),
    "patches the layers and configurations that the probes build": before("""
import peft, torch, transformers.pytorch_utils as utils
class Loose(utils.Conv1D):
    def forward(self, x): return x
utils.Conv1D.forward = Loose.forward
peft.LoraConfig.__init__ = lambda self, *a, **k: None
peft.get_peft_model = peft.mapping_func.get_peft_model = lambda model, config, *a, **k: model
torch.nn.Module.__call__ = torch.nn.Module._call_impl = lambda self, *a, **k: torch.zeros(2)
"""),
    "replaces libraries in sys.modules": before("""
import sys, types
for name in ("safetensors.torch", "json", "inspect", "operator", "traceback", "linecache", "warm"):
    sys.modules[name] = types.ModuleType(name)
"""),
    "plants modules under the probes' names": before("""
import sys, types
for name in ("warm", "preload", "probes", "inputs", "autograder.inside.assignment.probes", "agent", "reference"):
    module = types.ModuleType(name)
    module.TINY = module.REAL = module.PROBES = {}
    sys.modules[name] = module
"""),
    "replaces the namespace that is probed": in_solutions("""
class Everything(dict):
    def get(self, key, default=None): return lambda *a, **k: None
    def __missing__(self, key): return lambda *a, **k: None
shell = get_ipython()
shell.user_ns = Everything(shell.user_ns)
"""),
    "patches the library again whenever it is put back": before("""
import threading, torch
honest = torch.nn.Module.named_parameters
def keep():
    while True:
        torch.nn.Module.named_parameters = lambda self, *a, **k: []
        torch.Tensor.requires_grad = property(lambda self: True, lambda self, value: None)
        threading.Event().wait(0.0005)
threading.Thread(target=keep, daemon=True).start()
"""),
    "compiles code that calls itself a library": before("""
import gc, json
exec(compile("import gc; found = gc.get_objects()", json.__file__, "exec"))
"""),
    "reaches into memory with ctypes": before("""
import ctypes
frozen = [ctypes.c_char.from_address(id(object())).value for _ in range(3)]
ctypes.pythonapi.PyGILState_Check()
"""),
}
