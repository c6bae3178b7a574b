"""Libraries that the probes rely on are loaded once: a second import, or a reload, gives the modules of the first.

A notebook that removes a library from ``sys.modules`` and imports it anew would hold classes that the probes' own
library does not know: a right answer made of them would not be recognised.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterable
from typing import Any


class LoadedOnce(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of some libraries as they are now, whenever one of them is imported anew."""

    def __init__(self, needed: Iterable[str]) -> None:
        self.needed = tuple(needed)
        """Modules that have to be there while a probe runs."""
        libraries = {library_of(name) for name in self.needed}
        found = {name: module for name, module in sys.modules.items() if library_of(name) in libraries}
        self.modules = found
        self.specs = {name: vars(module).get("__spec__") for name, module in found.items()}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """How to load a module that was loaded before; None for any other."""
        if name not in self.modules:
            return None
        spec = importlib.machinery.ModuleSpec(name, self)
        # A reload writes this into the module: without it, no part that was not yet imported could be found.
        spec.submodule_search_locations = vars(self.modules[name]).get("__path__")
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The module of the first import."""
        return self.modules[spec.name]

    def exec_module(self, module: types.ModuleType) -> None:
        """Run nothing; bring back the other modules of the library, which look each other up by name."""
        name = next(name for name, known in self.modules.items() if known is module)
        spec = self.specs[name]
        vars(module).update(__spec__=spec, __loader__=getattr(spec, "loader", None))
        self.put_back(library_of(name))

    def put_back(self, library: str = "") -> None:
        """Bring back the modules of a library, or of all, that were removed."""
        for name, module in self.modules.items():
            if not library or library_of(name) == library:
                sys.modules.setdefault(name, module)

    def complete(self) -> None:
        """See that everything is there which a probe needs; to look at all modules each time would cost too much."""
        if any(sys.modules.get(name) is None for name in self.needed):
            self.put_back()


def library_of(name: str) -> str:
    """The first part of a module's name."""
    return name.partition(".")[0]
