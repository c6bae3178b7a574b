"""Messages in the probe's name."""

from tests.scenarios.hostile.making import before, called, in_solutions

CASES = {
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
