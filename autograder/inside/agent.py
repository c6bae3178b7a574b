"""The probe agent: answers a ``probe_request`` with what the assignment's probes report.

It listens on the shell channel itself, so a probe passes through no ``run_cell``, input transformer or display hook
that a submission may have replaced. Nothing here is hidden or guarded for the grade's sake: inputs are drawn anew for
every run and expected values are never here, so only a right function yields right values. What is done here serves
truth: libraries and process-wide settings are in a known state while a probe runs.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import types
from collections.abc import Callable
from functools import partial
from marshal import loads
from typing import Any

import torch
from safetensors.torch import save

from . import calls, originals, settings

SOURCES = ("preload", "inputs", "probes")
"""The assignment's files that are sent here, in the order in which they need each other."""
REPLACED_MAX = 10

AHEAD: list[originals.Originals] = []
"""The libraries' functions as a zygote saw them, for the kernels that it forks; to look in each took 15 ms."""


def prepare() -> None:
    """Look at the libraries now, and not again when the agent is installed."""
    AHEAD[:] = [originals.of_libraries()]


class Agent:
    """Answers probe requests in one kernel."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.originals = originals.with_builtins(AHEAD.pop() if AHEAD else originals.of_libraries())
        self.settings = settings.rows()
        self.undo: originals.Undo = []
        # What the zygote made of preload.py, where there is a zygote.
        warm = sys.modules.pop("warm", None)
        self.modules: dict[str, Any] = {} if warm is None else {"preload": warm}
        calls.keep = self.keep

    def __call__(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Run the probe that is asked for and send its report."""
        content, (code,) = parent["content"], parent["buffers"]
        try:
            values, tensors = self.report(content, bytes(code))
        except KeyboardInterrupt:
            values, tensors = json.dumps({"error": interrupted()}).encode(), b""
        reply = {"nonce": content["nonce"], "grade_id": content["grade_id"]}
        self.kernel.session.send(stream, "probe_reply", reply, parent, ident=ident, buffers=[values, tensors])

    def report(self, content: dict[str, Any], code: bytes) -> tuple[bytes, bytes]:
        """JSON and safetensors bytes."""
        self.undo = self.originals.restore()
        try:
            with settings.fresh(self.settings) as left_on:
                found = self.probe(content, code)
                found["replaced"] = sorted({name for _, _, name, _ in self.undo})[:REPLACED_MAX]
                found["left_on"] = left_on
                values, tensors = encode(found)
                return json.dumps(values).encode(), save(tensors) if tensors else b""
        finally:
            for owner, key, _, value in reversed(self.undo):
                originals.put(owner, key, value)

    def probe(self, content: dict[str, Any], code: bytes) -> dict[str, Any]:
        """The probe's report, or what stopped it: a missing function, an interrupt, or a fault of ours."""
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                self.load(code)
                _, inputs, probes = (self.modules[name] for name in SOURCES)
                torch.manual_seed(content["seed"])
                namespace = self.kernel.shell.user_ns
                found: dict[str, Any] = probes.PROBES[content["grade_id"]](namespace, inputs, content["seed"])
                return found
        except KeyboardInterrupt:
            return {"error": interrupted()}
        except calls.Absent as error:
            return {"error": calls.describe_error(error)}
        except Exception as error:
            # The student's functions are called through ``calls`` only, so this was raised by the probe itself.
            return {"error": calls.describe_error(error) | {"control": "the probe itself failed"}}

    def load(self, code: bytes) -> None:
        """Make the assignment's modules, each once."""
        for name, compiled in loads(code).items() if "probes" not in self.modules else ():
            if name not in self.modules:
                made = types.ModuleType(f"probe_{name}")
                # dataclasses look their own module up by name.
                sys.modules[made.__name__] = made
                exec(compiled, made.__dict__)
                self.modules[name] = made
        self.modules["probes"].PRELOAD = self.modules["preload"]

    def keep(self) -> Callable[[], None]:
        """What undoes the changes that a call makes from now on."""
        undo = settings.keep(self.settings)
        return partial(self.after_call, undo)

    def after_call(self, undo: Callable[[], None]) -> None:
        """Put libraries and settings back to what they were before the call."""
        self.undo += self.originals.restore_near()
        undo()


def interrupted() -> dict[str, Any]:
    """The report of a probe whose call did not end in time."""
    return {"type": "Interrupted", "message": "", "frames": [], "library": "", "control": None}


PLAIN = frozenset({bool, int, float, str, type(None)})


def encode(found: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """Split nested dicts into JSON values and named tensors; a tensor leaves {"tensor": its name} behind."""
    tensors: dict[str, torch.Tensor] = {}

    def split(value: Any, path: str) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in (torch.Tensor, torch.nn.Parameter):
            tensors[path] = plain(value)
            return {"tensor": path}
        if kind is dict:
            return {exact(k): split(v, f"{path}/{exact(k)}") for k, v in value.items()}
        if kind in (list, tuple):
            return [split(v, f"{path}/{i}") for i, v in enumerate(value)]
        return exact(value)

    return split(found, ""), tensors


def exact(value: Any) -> Any:
    """A plain value of Python's own type, without asking the value; of anything else only its kind."""
    if type(value) in PLAIN:
        return value
    for kind, copy in ((float, float.__pos__), (int, int.__pos__), (str, str.__str__)):
        if issubclass(type(value), kind):
            return copy(value)
    return "<an object of another kind>"


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """A contiguous copy that shares no memory with anything (safetensors refuses shared storage)."""
    return tensor.detach().to("cpu").contiguous().clone()


def install(kernel: Any) -> None:
    """Answer ``probe_request`` messages in this kernel."""
    kernel.shell_handlers["probe_request"] = Agent(kernel)
