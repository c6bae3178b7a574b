"""The probe agent: answers a ``probe_request`` with what the assignment's probes report.

It listens on the shell channel itself, so a probe passes through no ``run_cell``, input transformer or display hook
that a submission may have replaced. Nothing here is hidden or guarded for the grade's sake: inputs are drawn anew for
every run and expected values are never here, so only a right function yields right values. What is done here serves
truth: libraries and process-wide settings are in a known state while a probe runs.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.machinery
import io
import json
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import calls, originals, settings
from .encoding import as_safetensors, encode
from .once import LoadedOnce

REPLACED_MAX = 10
NEW_OBJECTS = 50_000
"""That may be made while a probe runs before Python looks for cycles among them: models are many objects."""

PACKAGE = "autograder.inside.assignment"
Modules = dict[str, Any]
"""The assignment's own files that run here, by name: preload, inputs, probes and their parts."""
AHEAD: list[tuple[Modules, originals.Originals, LoadedOnce]] = []
"""What a zygote has made of them, and how it saw the libraries: nothing to do again in each of its forks."""


Libraries = dict[str, tuple[str, ...]]
"""The arguments of ``originals.of_libraries``: what an assignment wants put back."""


def look_ahead(codes: dict[str, types.CodeType], libraries: Libraries) -> None:
    """Make the assignment's modules and look at the libraries now, and not again when the agent is installed.

    The modules first: what a library adds to its own classes on first use is then there, and no change.
    """
    modules = modules_of(codes)
    known = originals.of_libraries(**libraries)
    loaded = LoadedOnce(dict.fromkeys(name for _, name, _ in known.owners if name in sys.modules))
    sys.meta_path.insert(0, loaded)
    AHEAD[:] = [(modules, known, loaded)]


def modules_of(codes: dict[str, types.CodeType]) -> Modules:
    """The modules that these codes make, as parts of a package: they import each other as they do in the course."""
    sys.meta_path.insert(0, Shipped(codes))
    return {name: importlib.import_module(f"{PACKAGE}.{name}") for name in codes}


class Shipped(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the assignment's own files that were sent here."""

    def __init__(self, codes: dict[str, types.CodeType]) -> None:
        self.codes = {f"{PACKAGE}.{name}": code for name, code in codes.items()}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """How to load one of them, or the package that they are parts of."""
        is_package = name == PACKAGE
        if is_package or name in self.codes:
            return importlib.machinery.ModuleSpec(name, self, is_package=is_package)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run its code; the package has none."""
        if module.__name__ in self.codes:
            exec(self.codes[module.__name__], vars(module))


class Agent:
    """Answers probe requests in one kernel."""

    def __init__(self, kernel: Any, modules: Modules, known: originals.Originals, loaded: LoadedOnce) -> None:
        self.kernel = kernel
        self.modules = modules
        self.loaded = loaded
        self.originals = originals.with_builtins(known)
        self.settings = settings.rows()
        self.undo: originals.Undo = []
        calls.keep = self.keep

    def __call__(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Run the probe that is asked for and send its report."""
        content = parent["content"]
        try:
            values, tensors = self.report(content["grade_id"], content["seed"])
        except KeyboardInterrupt:
            values, tensors = json.dumps({"error": interrupted()}).encode(), b""
        reply = {"nonce": content["nonce"], "grade_id": content["grade_id"]}
        self.kernel.session.send(stream, "probe_reply", reply, parent, ident=ident, buffers=[values, tensors])

    def report(self, grade_id: str, seed: int) -> tuple[bytes, bytes]:
        """JSON and safetensors bytes."""
        self.loaded.complete()
        with few_collections(), settings.fresh(self.settings) as left_on:
            self.undo = self.originals.restore()
            try:
                found = self.probe(grade_id, seed)
                found["replaced"] = sorted({name for _, _, name, _ in self.undo})[:REPLACED_MAX]
                found["left_on"] = left_on
                values, tensors = encode(found)
                return json.dumps(values).encode(), as_safetensors(tensors)
            finally:
                for owner, key, _, value in reversed(self.undo):
                    originals.put(owner, key, value)

    def probe(self, grade_id: str, seed: int) -> dict[str, Any]:
        """The probe's report, or what stopped it: a missing function, an interrupt, or a fault of ours."""
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                settings.seed_all(seed)
                probe = self.modules["probes"].PROBES[grade_id]
                found: dict[str, Any] = probe(self.kernel.shell.user_ns, self.modules.get("inputs"), seed)
                return found
        except KeyboardInterrupt:
            return {"error": interrupted()}
        except calls.Absent as error:
            return {"error": calls.describe_error(error)}
        except Exception as error:
            # The student's functions are called through ``calls`` only, so this was raised by the probe itself.
            return {"error": calls.describe_error(error) | {"control": "the probe itself failed"}}

    def keep(self) -> Callable[[], None]:
        """What undoes the changes that a call makes from now on."""
        undo = settings.restorer(self.settings)
        return partial(self.after_call, undo)

    def after_call(self, undo: Callable[[], None]) -> None:
        """Put libraries and settings back to what they were before the call."""
        self.undo += self.originals.restore_near()
        undo()


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Python looks for cycles of objects seldom while this lasts."""
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def interrupted() -> dict[str, Any]:
    """The report of a probe whose call did not end in time."""
    return {"type": "Interrupted", "message": "", "frames": [], "library": "", "control": None}


def answer_probes(kernel: Any) -> None:
    """Answer ``probe_request`` messages in this kernel with what ``look_ahead`` made."""
    kernel.shell_handlers["probe_request"] = Agent(kernel, *AHEAD.pop())
