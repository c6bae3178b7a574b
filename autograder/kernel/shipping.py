"""The one place from which code goes to the student's side: the files of ``autograder/inside``, as text or marshalled.

There they have the names that they have here, made on demand by a small importer, so that no path and no other module
of this package is ever in a kernel.
"""

import binascii
import functools
import marshal
from pathlib import Path
from types import CodeType
from typing import Any

from autograder.assignment import Assignment
from autograder.inside import seccomp

INSIDE = Path(__file__).parent.parent / "inside"

IMPORTER = """
import importlib.abc, importlib.machinery, sys

class Shipped(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, codes):
        self.codes = {f"autograder.inside.{name}": code for name, code in codes.items()}

    def find_spec(self, name, path=None, target=None):
        is_package = name in ("autograder", "autograder.inside")
        if is_package or name in self.codes:
            return importlib.machinery.ModuleSpec(name, self, is_package=is_package)

    def exec_module(self, module):
        if module.__name__ in self.codes:
            exec(self.codes[module.__name__], module.__dict__)
"""
"""Names a class that makes the package from its modules' code; nothing else of ``autograder`` is there."""

PREPARING = """
import binascii, marshal
from autograder.inside import agent, runner
agent.look_ahead(*marshal.loads(binascii.a2b_base64({assignment!r})))

def _kernel_started(kernel):
    runner.answer_cells(kernel)
    agent.answer_probes(kernel)
"""
INSTALL = """
def install(kernel, importer, inside, assignment):
    import binascii, marshal
    space = {{}}
    exec(marshal.loads(binascii.a2b_base64(importer)), space)
    space["sys"].meta_path.insert(0, space["Shipped"](marshal.loads(binascii.a2b_base64(inside))))
    from autograder.inside import agent, runner
    agent.look_ahead(*marshal.loads(binascii.a2b_base64(assignment)))
    runner.answer_cells(kernel)
    agent.answer_probes(kernel)
install(get_ipython().kernel, {importer!r}, {inside!r}, {assignment!r})
del install
"""
"""In base64: IPython tokenizes it, and its regular expression is slow on the escapes of a bytes literal."""


def ahead(assignment: Assignment) -> str:
    """Source text for a zygote: has runner and agent in all its kernels from their start, with most work done."""
    return PREPARING.format(assignment=prepared_of(assignment))


def installer(assignment: Assignment) -> str:
    """Source text that installs runner and agent in a kernel that no zygote prepared."""
    inside = {name: compiled(f"inside/{name}", text) for name, text in sources().items()}
    return INSTALL.format(
        importer=in_base64(compiled("inside", IMPORTER)), inside=in_base64(inside), assignment=prepared_of(assignment)
    )


def prepared_of(assignment: Assignment) -> bytes:
    """The arguments of ``agent.look_ahead``."""
    declared = assignment.declaration
    return marshalled(tuple(assignment.shipped.items()), declared.functions_of, declared.classes_of)


@functools.lru_cache(maxsize=32)
def marshalled(
    shipped: tuple[tuple[str, str], ...], functions_of: tuple[str, ...], classes_of: tuple[str, ...]
) -> bytes:
    """The same of what an assignment ships and declares.

    Kept, because the bytes of equal code differ with the number of references to it: they would ask for another zygote.
    """
    codes = {name: compiled(name, text) for name, text in shipped}
    return in_base64((codes, {"functions_of": functions_of, "classes_of": classes_of}))


def filter_problem() -> str:
    """Why no kernel on this machine can have a filter of system calls, or nothing."""
    rules = seccomp.build()
    return rules if isinstance(rules, str) else ""


def sources() -> dict[str, str]:
    """Name -> text of every module of ``inside``."""
    files = sorted(INSIDE.glob("*.py"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files if file.stem != "__init__"}


def in_base64(value: Any) -> bytes:
    """The value marshalled, in base64."""
    return binascii.b2a_base64(marshal.dumps(value), newline=False)


@functools.lru_cache(maxsize=32)
def compiled(name: str, source: str) -> CodeType:
    """The code of a source text, under a file name that no traceback shows to students."""
    return compile(source, f"<{name}>", "exec")
