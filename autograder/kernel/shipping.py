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

AHEAD = """
from autograder.inside import agent, runner
agent.prepare()

def _kernel_started(kernel):
    runner.install(kernel)
    agent.install(kernel)
"""
"""Source text for a zygote: has runner and agent in every kernel from its start, with most of their work done."""

INSTALL = """
def install(kernel, codes):
    import binascii, marshal
    space = {{}}
    exec(marshal.loads(binascii.a2b_base64({importer!r})), space)
    space["sys"].meta_path.insert(0, space["Shipped"](marshal.loads(binascii.a2b_base64(codes))))
    from autograder.inside import agent, runner
    runner.install(kernel)
    agent.install(kernel)
install(get_ipython().kernel, {codes!r})
del install
"""


def sources() -> dict[str, str]:
    """Name -> text of every module of ``inside``."""
    files = sorted(INSIDE.glob("*.py"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files if file.stem != "__init__"}


@functools.cache
def installer() -> str:
    """Source text that installs runner and agent in a kernel that no zygote prepared.

    In base64: IPython tokenizes it, and the escapes of a bytes literal took its regular expression 10 ms.
    """
    codes = {name: compiled(f"inside/{name}", text) for name, text in sources().items()}
    return INSTALL.format(importer=packed(compiled("inside", IMPORTER)), codes=packed(codes))


def packed(value: Any) -> bytes:
    """The value marshalled, in base64."""
    return binascii.b2a_base64(marshal.dumps(value), newline=False)


@functools.lru_cache(maxsize=32)
def compiled(name: str, source: str) -> CodeType:
    """The code of a source text, under a file name that no traceback shows to students."""
    return compile(source, f"<{name}>", "exec")
