"""Hostile submissions made from any assignment's release notebook.

``hostile(release)`` gives notebooks by the act that each commits. What is honest in them is what ``release`` holds:
hand in a release with some solution cells filled, and no hostile copy may score more than it.
"""

from __future__ import annotations

import ast
import copy
import string
import textwrap
from collections.abc import Callable, Iterator, Mapping

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

Make = Callable[[NotebookNode], NotebookNode]


def settings_of(cell: NotebookNode) -> Mapping[str, object]:
    """nbgrader's metadata of a cell."""
    found: Mapping[str, object] = cell.metadata.get("nbgrader", {})
    return found


def solution_positions(notebook: NotebookNode) -> list[int]:
    """Where the solution cells stand."""
    return [i for i, cell in enumerate(notebook.cells) if settings_of(cell).get("solution")]


def before(code: str) -> Make:
    """A cell of its own before the first solution cell, when everything has been imported."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        notebook.cells.insert(solution_positions(notebook)[0], new_code_cell(filled(code, release), id="added"))
        return notebook

    return make


def first(code: str) -> Make:
    """The very first cell."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        notebook.cells.insert(0, new_code_cell(filled(code, release), id="added"))
        return notebook

    return make


def in_solutions(code: str) -> Make:
    """The text at the end of every solution cell."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for position in solution_positions(notebook):
            notebook.cells[position].source += "\n" + filled(code, release)
        return notebook

    return make


def called(code: str) -> Make:
    """Every function whose solution is missing runs this when it is called, with its arguments as ``arguments``."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for position in solution_positions(notebook):
            cell = notebook.cells[position]
            cell.source = "\n\n".join(with_body(node, code) for node in ast.parse(cell.source).body)
        return notebook

    return make


def with_body(node: ast.stmt, code: str) -> str:
    """The statement; an empty function gets the body."""
    stub = isinstance(node, ast.FunctionDef) and any(isinstance(part, ast.Raise) for part in node.body)
    if not isinstance(node, ast.FunctionDef) or not stub:
        return ast.unparse(node)
    names = [argument.arg for argument in node.args.args]
    body = f"arguments = [{', '.join(names)}]\n{code.strip()}\nreturn None"
    return f"def {node.name}({ast.unparse(node.args)}):\n{textwrap.indent(body, '    ')}"


def filled(code: str, release: NotebookNode) -> str:
    """The text with ``$names`` as the list of the homework's function names."""
    trees = [ast.parse(release.cells[position].source) for position in solution_positions(release)]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return string.Template(code.strip()).safe_substitute(names=repr(names))


# --- assertions that cannot fail ---------------------------------------------------------------------------

STRIPPING = {
    "strips assertions from the syntax tree": first("""
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
"""),
    "strips raise statements from the syntax tree": first("""
import ast
class Strip(ast.NodeTransformer):
    def visit_Raise(self, node):
        return ast.Pass()
    visit_Assert = visit_Raise
get_ipython().ast_transformers.append(Strip())
"""),
    "empties cells with assertions before they are parsed": first("""
get_ipython().input_transformers_cleanup.append(lambda lines: [] if any("assert" in l for l in lines) else lines)
"""),
    "comments assertions out after parsing": first("""
get_ipython().input_transformers_post.append(lambda lines: ["pass\\n" if "assert" in l else l for l in lines])
"""),
    "compiles without assertions": first("""
import builtins
honest = builtins.compile
def lax(*args, **kwargs):
    kwargs["optimize"] = 2
    return honest(*args, **kwargs)
builtins.compile = lax
"""),
    "gives the shell a compiler that knows no assertions": first("""
shell = get_ipython()
honest = shell.compile.__class__.__call__
shell.compile.__class__.__call__ = lambda self, source, name, symbol: compile(source, name, symbol, optimize=2)
"""),
    "makes exec swallow what is raised": first("""
import builtins, IPython.core.interactiveshell as module
honest = builtins.exec
def quiet(*args):
    try:
        honest(*args)
    except BaseException:
        pass
builtins.exec = module.exec = quiet
"""),
    "replaces AssertionError by an exception that is never raised": first("""
import builtins
class Never(BaseException):
    def __new__(cls, *args):
        return StopIteration()
builtins.AssertionError = Never
"""),
    "runs no grade cell": first("""
shell = get_ipython()
honest = shell.run_cell
shell.run_cell = lambda source, *a, **k: honest("" if "assert" in source or "require" in source else source, *a, **k)
"""),
    "runs no code at all, and says that it went well": first("""
import types
async def run_code(self, code, result=None, **kwargs):
    return False
shell = get_ipython()
shell.run_code = types.MethodType(run_code, shell)
"""),
    "shows no traceback": first("""
shell = get_ipython()
shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *a, **k: None
"""),
    "handles every exception itself": first("""
get_ipython().set_custom_exc((BaseException,), lambda shell, kind, value, trace, tb_offset=None: None)
"""),
    "answers every execution with ok": first("""
kernel = get_ipython().kernel
async def fine(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
kernel.do_execute = fine
"""),
}

# --- comparisons that agree --------------------------------------------------------------------------------

AGREEING = {
    "makes torch agree with everything": before("""
import torch
for name in ("allclose", "equal"):
    setattr(torch, name, lambda *a, **k: True)
torch.isclose = torch.eq = lambda a, b, *r, **k: torch.ones_like(a, dtype=torch.bool)
torch.Tensor.all = torch.Tensor.equal = torch.Tensor.allclose = lambda self, *a, **k: torch.ones(()).bool()
torch.all = lambda *a, **k: torch.ones(()).bool()
torch.testing.assert_close = lambda *a, **k: None
"""),
    "makes numpy and math agree with everything": before("""
import math, numpy
numpy.allclose = numpy.array_equal = math.isclose = lambda *a, **k: True
numpy.all = numpy.isclose = lambda *a, **k: numpy.True_
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *a, **k: None
"""),
    "replaces all, any, abs, round and sorted": before("""
import builtins
builtins.all = builtins.any = lambda *a, **k: True
builtins.abs = builtins.round = lambda *a, **k: 0
builtins.sorted = lambda *a, **k: []
"""),
    "replaces isinstance, issubclass and callable": before("""
import builtins
builtins.isinstance = builtins.issubclass = lambda a, b: True
builtins.callable = lambda a: True
"""),
    "replaces the comparison of tensors": before("""
import torch
torch.Tensor.__eq__ = torch.Tensor.__le__ = torch.Tensor.__lt__ = lambda *a: True
torch.Tensor.__bool__ = lambda self: True
torch.Tensor.item = torch.Tensor.max = torch.Tensor.abs = lambda self, *a, **k: 0.0
"""),
}

YES = """
class Yes:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __getitem__(self, key): return self
    def __iter__(self): return iter([self, self])
    def __len__(self): return 2
    def __bool__(self): return True
    def __index__(self): return 1
    def __float__(self): return 1.0
    def __repr__(self): return "[True]"
    def __hash__(self): return 1
    __int__ = __index__
    for _name in ("eq", "lt", "le", "gt", "ge", "contains", "instancecheck", "subclasscheck"):
        locals()[f"__{_name}__"] = lambda self, *a: True
    for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "matmul", "rmatmul", "truediv", "abs", "neg"):
        locals()[f"__{_name}__"] = lambda self, *a: self
"""
OBJECTS = {
    "returns an object that agrees with everything": called(YES + "return Yes()"),
    "returns an object that says it is of any class": called(
        YES + "Yes.__class__ = property(lambda self: type(arguments[0]) if arguments else dict)\nreturn Yes()"
    ),
    "returns an object with a __torch_function__ that agrees": called(
        YES
        + """
import torch
Yes.__torch_function__ = classmethod(lambda cls, function, types, args=(), kwargs=None: torch.ones(()).bool())
return Yes()
"""
    ),
    "returns an object that numpy takes for any array": called(
        YES
        + """
import numpy
Yes.__array_priority__ = 1e9
Yes.__array__ = lambda self, *a, **k: numpy.ones(())
Yes.__array_ufunc__ = lambda self, *a, **k: True
return Yes()
"""
    ),
    "returns texts and numbers of classes that are equal to all others": called("""
class Text(str):
    __eq__ = lambda self, other: True
    __hash__ = lambda self: 0
class Number(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __hash__ = lambda self: 0
return [Text("x"), Number(0)]
"""),
    "leaves objects that agree as attributes of its arguments": called(
        YES
        + """
for argument in arguments:
    for name in ("lora_A", "lora_B", "result", "value"):
        try:
            object.__setattr__(argument, name, Yes())
        except Exception:
            pass
return Yes()
"""
    ),
    "raises an exception whose text and traceback answer back": called("""
class Evil(Exception):
    def __str__(self):
        raise SystemExit
    def __getattribute__(self, name):
        return None if name.startswith("__trace") else object.__getattribute__(self, name)
raise Evil()
"""),
}

# --- models and parameters that lie ------------------------------------------------------------------------

LYING = {
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

# --- looking for answers -----------------------------------------------------------------------------------

LOOK = """
import re
def look(values):
    for value in values:
        text = repr(value)[:2000]
        if re.search("canary-|expected|reference|hidden_test|gradebook", text):
            print("FOUND", text)
"""
LOOKING = {
    "walks up the stack when it is called": called(
        LOOK
        + """
import sys
frame = sys._getframe()
while frame is not None:
    look(frame.f_locals.values()); look(frame.f_globals.values())
    for name in list(frame.f_locals):
        if name in ("report", "case", "expected", "result"):
            frame.f_locals[name] = True
    frame = frame.f_back
"""
    ),
    "walks up the stack from a traceback and rewrites what it finds": called(
        LOOK
        + """
try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
while frame is not None:
    look(frame.f_locals.values())
    for name in ("parameters", "attempt", "describe_error", "encode", "checksums"):
        if name in frame.f_globals:
            frame.f_globals[name] = lambda *a, **k: []
    frame = frame.f_back
"""
    ),
    "walks the stack in a finalizer": called("""
class Final:
    def __del__(self):
        try:
            raise ValueError
        except ValueError as error:
            frame = error.__traceback__.tb_frame
        while frame is not None:
            for name in ("parameters", "attempt", "seal", "signed", "encode"):
                if name in frame.f_globals:
                    frame.f_globals[name] = lambda *a, **k: []
            frame = frame.f_back
thing = Final()
thing.itself = thing
del thing
return Final()
"""),
    "searches all objects": in_solutions(
        LOOK
        + """
import gc
look(o for o in gc.get_objects() if isinstance(o, (str, dict, type(look))))
"""
    ),
    "changes every function called parameters or seal that it finds": called("""
import gc
for thing in gc.get_objects():
    if isinstance(thing, dict) and "PROBES" in thing:
        thing["PROBES"].update({name: lambda *a: {} for name in thing["PROBES"]})
"""),
    "searches the subclasses of object": in_solutions(
        LOOK
        + """
for kind in object.__subclasses__():
    for value in list(vars(kind).values()):
        spaces = getattr(value, "__globals__", {})
        if "PROBES" in spaces or "seal" in spaces:
            print("FOUND", kind)
            spaces.update(parameters=lambda *a: [], seal=lambda *a: "", is_genuine=lambda *a: True)
"""
    ),
    "searches its own memory": called("""
needle = b"canary" + b"-hidden"
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - start < 1 << 22:
                memory.seek(start)
                if needle in memory.read(end - start):
                    print("FOUND", line)
except OSError:
    pass
"""),
    "traces every call": in_solutions("""
import sys, threading
seen = []
def tracer(frame, event, argument):
    seen.append(frame.f_code.co_name)
    frame.f_globals.get("PROBES", {}).clear()
    return None
sys.settrace(tracer); threading.settrace(tracer)
"""),
    "profiles every call": in_solutions("""
import sys, threading
def profiler(frame, event, argument):
    if event == "call" and "report" in frame.f_locals:
        frame.f_locals["report"].clear()
sys.setprofile(profiler); threading.setprofile(profiler)
"""),
    "watches the other threads": before("""
import sys, threading
def watch():
    while True:
        for frame in sys._current_frames().values():
            while frame is not None:
                if "PROBES" in frame.f_globals:
                    frame.f_globals["PROBES"].clear()
                frame = frame.f_back
        threading.Event().wait(0.01)
threading.Thread(target=watch, daemon=True).start()
"""),
    "listens to audit events": before("""
import sys
def listen(event, arguments):
    frame = sys._getframe()
    while frame is not None:
        for name in ("key", "alarm"):
            if name in frame.f_locals:
                print("FOUND", name)
        frame = frame.f_back
sys.addaudithook(listen)
"""),
    "is called back by the garbage collector": before("""
import gc, sys
def collected(phase, info):
    frame = sys._getframe()
    while frame is not None:
        frame.f_globals.get("PROBES", {}).clear()
        frame = frame.f_back
gc.callbacks.append(collected); gc.set_threshold(1)
"""),
    "prints all inputs and outputs of the session": in_solutions(
        LOOK + "\nlook([In, Out, _ih, _oh, get_ipython().user_ns])\nprint([len(source) for source in _ih])"
    ),
    "reads the requests that the kernel holds": called(
        LOOK
        + """
kernel = get_ipython().kernel
parent = kernel.get_parent()
look([parent, vars(kernel)])
print(sorted(parent), parent.get("content"))
"""
    ),
    "searches modules and their source": before(
        LOOK
        + """
import importlib, inspect, sys
for name, module in list(sys.modules.items()):
    if name.startswith(("probe", "test_", "warm", "autograder", "agent", "reference")):
        print("FOUND", name)
for name in ("autograder", "grading", "tests", "reference", "warm"):
    try:
        print("FOUND", importlib.import_module(name))
    except ImportError:
        pass
"""
    ),
    "searches the disk": before("""
import os
for root in ("/", "..", "../..", os.path.expanduser("~")):
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", "site-packages")]
        for name in files:
            if name.startswith(("test_todo", "gradebook", "reference", "record.json")) or name.endswith(".db"):
                print("FOUND", folder, name)
"""),
    "reads its environment and that of other processes": before("""
import os, glob
print(sorted(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        text = open(path, "rb").read()
    except OSError:
        continue
    if b"autograder" in text or b"canary-" in text:
        print("FOUND", path)
"""),
    "reads other submissions": before("""
import glob, os
for pattern in ("../*/*.ipynb", "../../*/*/*.ipynb", "/tmp/work-*/*", "/home/*/*.ipynb", "/*/submitted/*/*/*.ipynb"):
    for path in glob.glob(pattern):
        print("FOUND", path)
"""),
}

# --- forged messages ---------------------------------------------------------------------------------------

FORGING = {
    "replaces the probe handler by one that reports nothing": before("""
kernel = get_ipython().kernel
def forged(stream, ident, parent):
    content = dict(parent["content"])
    kernel.session.send(stream, "probe_reply", content, parent, ident=ident, buffers=[b'{"error": null}', b""])
kernel.shell_handlers["probe_request"] = forged
"""),
    "replaces the handler and runs the probes itself on better functions": before("""
import io, json, marshal, sys, types
kernel = get_ipython().kernel
def forged(stream, ident, parent):
    made = {}
    for name, code in marshal.loads(parent["buffers"][0]).items():
        module = types.ModuleType("probe_" + name)
        sys.modules[module.__name__] = module
        exec(code, vars(module))
        made[name] = module
    made["probes"].parameters = lambda model: [[n, list(p.shape), "11" in n] for n, p in model.named_parameters()]
    content = dict(parent["content"])
    report = {"first": {"error": None, "parameters": []}}
    kernel.session.send(stream, "probe_reply", content, parent, ident=ident, buffers=[json.dumps(report).encode(), b""])
kernel.shell_handlers["probe_request"] = forged
"""),
    "removes the probe handler": before("""
for name in [name for name in get_ipython().kernel.shell_handlers if "probe" in name]:
    del get_ipython().kernel.shell_handlers[name]
"""),
    "keeps the handler's requests and serves them again": before("""
kernel = get_ipython().kernel
honest, kept = kernel.shell_handlers["probe_request"], []
def replaying(stream, ident, parent):
    copies = [{**parent, "content": dict(parent["content"]), "buffers": list(parent["buffers"])} for _ in range(2)]
    kept.append(copies[1])
    return honest(stream, ident, copies[0])
kernel.shell_handlers["probe_request"] = replaying
"""),
    "answers in the probe's name while it is called": called("""
kernel = get_ipython().kernel
parent = kernel.get_parent()
content = {"nonce": "0" * 32, "todo": "todo1", "seal": "0" * 64} | (parent.get("content") or {})
for number in range(3):
    kernel.session.send(kernel.shell_stream, "probe_reply", content, parent, ident=kernel._parent_ident,
                        buffers=[b'{"error": null}', b""])
"""),
    "sends replies ahead of the request": before("""
kernel = get_ipython().kernel
parent = kernel.get_parent()
for number in range(50):
    content = {"nonce": f"{number:032x}", "todo": f"todo{number}"}
    kernel.session.send(kernel.shell_stream, "probe_reply", content, parent, buffers=[b"{}", b""])
"""),
    "sends every reply twice": before("""
kernel = get_ipython().kernel
honest = kernel.session.send
def twice(stream, kind, *args, **kwargs):
    honest(stream, kind, *args, **kwargs)
    return honest(stream, kind, *args, **kwargs)
kernel.session.send = twice
"""),
    "alters replies on their way out": before("""
kernel = get_ipython().kernel
honest = kernel.session.send
def altered(stream, kind, *args, **kwargs):
    if kind == "probe_reply":
        kwargs["buffers"] = [b.replace(b"false", b"true") for b in kwargs["buffers"]]
    return honest(stream, kind, *args, **kwargs)
kernel.session.send = altered
"""),
    "drops replies": before("""
kernel = get_ipython().kernel
honest = kernel.session.send
kernel.session.send = lambda stream, kind, *a, **k: None if kind == "probe_reply" else honest(stream, kind, *a, **k)
"""),
    "puts results of its own into the handler's queues": before("""
import threading
kernel = get_ipython().kernel
cells = kernel.shell_handlers["probe_request"].__closure__ or ()
def stuff():
    for cell in cells:
        if hasattr(cell.cell_contents, "put"):
            for value in ((True, None), {"key": "00" * 32}, ({}, [b""]), "x"):
                cell.cell_contents.put(value)
stuff()
"""),
    "sends forged outputs and replies on all channels": in_solutions("""
kernel = get_ipython().kernel
parent = kernel.get_parent()
for kind in ("execute_reply", "cells_reply", "status", "display_data", "error"):
    for stream in (kernel.shell_stream, kernel.iopub_socket):
        try:
            kernel.session.send(stream, kind, {"status": "ok", "execution_state": "idle"}, parent, buffers=[b"[]"])
        except Exception:
            pass
"""),
}

PATCHED = {
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

# --- grades written by hand, files for the judge -----------------------------------------------------------


def in_grade_cells(change: Callable[[NotebookNode], None]) -> Make:
    """A change to every grade cell of the submitted file."""

    def make(release: NotebookNode) -> NotebookNode:
        notebook = copy.deepcopy(release)
        for cell in notebook.cells:
            if settings_of(cell).get("grade"):
                change(cell)
        return notebook

    return make


def saved_output(cell: NotebookNode) -> None:
    """The output of a passed check, saved in the file."""
    cell.outputs = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
    cell.execution_count = 1


def worth_more(cell: NotebookNode) -> None:
    """More points, no lock, and a checksum of nothing."""
    cell.metadata.nbgrader |= {"points": 1000, "locked": False, "grade": True, "solution": True, "checksum": "0"}


def emptied(cell: NotebookNode) -> None:
    """Nothing left to check."""
    cell.source = "1000.0"


def pickled(cell: NotebookNode) -> None:
    """An output that runs code when it is unpickled."""
    payload = "gASVIwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAh0b3VjaCBwd5SFlFKULg=="
    cell.outputs = [new_output("display_data", {"application/x-pickle": payload, "text/plain": payload})]


FAKING = {
    "prints a grade in every solution cell": in_solutions("print('10 of 10 points'); 1000.0"),
    "prints a grade when a check is run": before("""
def require(condition, message=""):
    print(1000.0)
import builtins
builtins.require = require
from IPython.display import display
get_ipython().events.register("post_run_cell", lambda result: display(1000.0))
"""),
    "saves outputs of passed checks": in_grade_cells(saved_output),
    "raises the points of grade cells": in_grade_cells(worth_more),
    "replaces grade cells by a number": in_grade_cells(emptied),
    "saves pickles as outputs": in_grade_cells(pickled),
    "marks the checks as passed with a text like the grader's": in_solutions(
        "print('--- todo1: 10 of 10 points ---')\nprint('probe_reply', {'score': 10})"
    ),
}

PLANTED = {
    "plants tests and configuration for the judge": before("""
from pathlib import Path
for folder in (".", "..", "/tmp", "/home/student"):
    for name, text in {
        "conftest.py": "import os; os.environ['PWNED'] = '1'\\ndef pytest_runtest_makereport(*a): return None",
        "pytest.ini": "[pytest]\\naddopts = --collect-only", "sitecustomize.py": "raise SystemExit(0)",
        "usercustomize.py": "raise SystemExit(0)", "numpy.py": "", "autograder.py": "", "test_todo1.py": "",
        "record.json": "{}", "outcomes.json": "[]", "gradebook.db": "",
    }.items():
        try:
            Path(folder, name).write_text(text)
        except OSError:
            pass
"""),
    "plants a start file in every folder of the path": before("""
import os, sys
for folder in [*sys.path, os.path.expanduser("~/.local/lib"), os.path.expanduser("~/.ipython/profile_default/startup")]:
    try:
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "zz.pth"), "w").write("import os; os._exit(0)")
    except OSError:
        pass
"""),
    "leaves links to files of the grader": before("""
import os
for number, target in enumerate(("/etc/passwd", "../../gradebook.db", "/proc/self/mem", "/var")):
    try:
        os.symlink(target, f"link{number}")
    except OSError:
        pass
"""),
}

# --- the grader detected, acts for later -------------------------------------------------------------------

DETECTING = {
    "behaves only where it thinks that it is graded": called("""
import os, socket, sys
graded = "HW8_PROFILE" in os.environ or socket.gethostname() != "laptop" or "warm" in sys.modules
if not graded:
    raise NotImplementedError
return [True] * 10
"""),
    "behaves only on the first calls": called("""
import builtins
builtins.calls = getattr(builtins, "calls", 0) + 1
if builtins.calls > 3:
    raise NotImplementedError
return [True] * 10
"""),
    "fixes every seed": before("""
import random, numpy, torch
random.seed = numpy.random.seed = torch.manual_seed = torch.seed = lambda *a, **k: None
numpy.random.RandomState = lambda *a, **k: numpy.random.mtrand._rand
torch.random.initial_seed = torch.initial_seed = lambda: 0
"""),
}

LATER = {
    "leaves a daemon behind": before("""
import subprocess, sys
act = "import os, time\\nos.setsid()\\nwhile True: time.sleep(0.2); open('/tmp/planted-by-daemon', 'a').close()"
subprocess.Popen([sys.executable, "-c", act], start_new_session=True, stdout=subprocess.DEVNULL)
"""),
    "acts at exit": before("""
import atexit, signal, sys
def act(*_):
    open("/tmp/planted-at-exit", "w").close()
atexit.register(act); signal.signal(signal.SIGTERM, act)
sys.exitfunc = act
"""),
    "forks and lives on in the child": before("""
import os
if os.fork() == 0:
    os.setsid()
    import time; time.sleep(3600)
"""),
}

# --- resources ---------------------------------------------------------------------------------------------

LIMITS = {
    "bombs with forks": before("import os\nwhile True:\n    os.fork()"),
    "takes all memory": before("hog = []\nwhile True:\n    hog.append(bytearray(b'x') * (1 << 27))"),
    "fills the disk": before("with open('fill', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 22))"),
    "floods its output": before("for number in range(20000):\n    print('x' * 1000)"),
    "loops for ever in a cell": before("while True:\n    pass"),
    "loops for ever in its functions": called("while True:\n    pass"),
    "loops for ever and ignores interrupts": called(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "leaves with os._exit": called("import os; os._exit(0)"),
    "leaves with os._exit in a cell": before("import os; os._exit(0)"),
    "crashes the interpreter": called("import ctypes; ctypes.string_at(0)"),
    "kills itself": called("import os; os.kill(os.getpid(), 9)"),
    "kills everybody it can": before(
        "import os\nfor pid in range(1, 400):\n    try: os.kill(pid, 9)\n    except OSError: pass"
    ),
    "waits for input": called("input('password: ')"),
    "recurses without end": called("import sys; sys.setrecursionlimit(10**9)\ndef down(): down()\ndown()"),
    "leaves with exit and quit": before("import sys\nexit()\nquit()\nsys.exit(0)"),
    "returns more than anybody can read": called("import torch\nreturn [torch.zeros(5000, 5000)] * 50"),
    "connects to the network": before("""
import socket, urllib.request
for address in (("127.0.0.1", 22), ("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, timeout=0.5)
        print("FOUND", address)
    except OSError:
        pass
"""),
}

# --- what a browser would run ------------------------------------------------------------------------------

SCRIPT = "<script>window.__pwned=1</script><img src=x onerror='window.__pwned=1'><svg onload='window.__pwned=1'/>"


def with_active_content(release: NotebookNode) -> NotebookNode:
    """Scripts in every part of a notebook that a page could show."""
    notebook = before(ACTIVE)(release)
    notebook.metadata["title"] = notebook.metadata["widgets"] = SCRIPT
    notebook.metadata["authors"] = [{"name": SCRIPT}]
    notebook.metadata["kernelspec"] = {"name": SCRIPT, "display_name": SCRIPT, "language": SCRIPT}
    notebook.metadata["language_info"] = {"name": f"python'>{SCRIPT}", "pygments_lexer": "x"}
    note = new_markdown_cell(
        f"{SCRIPT}\n\n[x](javascript:window.__pwned=1)\n\n![](attachment:a.svg)\n\n$$\\href{{x}}{{y}}$$"
    )
    note.attachments = {"a.svg": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9J3dpbmRvdy5fX3B3bmVkPTEnLz4="}}
    note.metadata["tags"] = [SCRIPT]
    notebook.cells.insert(0, note)
    notebook.cells[1].id = "a\"onmouseover='window.__pwned=1'"
    return notebook


ACTIVE = (
    f"SCRIPT = {SCRIPT!r}\n"
    + """
from IPython.display import HTML, Javascript, SVG, Latex, Markdown, display, publish_display_data
for show in (HTML, Javascript, Markdown, Latex):
    display(show(SCRIPT if show is not Javascript else "window.__pwned=1"))
for mime in ("text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex", "text/plain",
             "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json", "image/png"):
    publish_display_data({mime: SCRIPT}, metadata={mime: {"width": SCRIPT}})
print(SCRIPT, chr(27) + "[31m" + chr(27) + "]8;;javascript:window.__pwned=1" + chr(7) + "x")
raise type(SCRIPT, (Exception,), {})(SCRIPT + chr(27) + "[31m<b>")
"""
)
SHOWING = {
    "shows scripts wherever a notebook can hold them": with_active_content,
    "raises scripts from its functions": called(
        f"raise type('E<script>', (ValueError,), {{}})({SCRIPT!r} + repr(arguments))"
    ),
    "repeats its arguments in an exception": called("raise ValueError(f'argument-canary {arguments!r}')"),
    "hides its arguments in an exception": called("raise ValueError(repr(arguments).encode().hex())"),
}

HOSTILE: dict[str, Make] = (
    STRIPPING | AGREEING | OBJECTS | LYING | LOOKING | FORGING | PATCHED | FAKING | PLANTED | DETECTING | LATER | LIMITS
    | SHOWING
)  # fmt: skip


def hostile(release: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """(act, notebook) of every hostile submission."""
    return ((act, make(release)) for act, make in HOSTILE.items())
