"""Library functions as they were before the first cell, put back while a probe runs.

A notebook may replace anything (a friendlier ``print``, a patched ``torch.nn.Linear``), and the probes rely on the
libraries. What was replaced is put back for the time of a probe, named in its report, and replaced again afterwards.
"""

from __future__ import annotations

import builtins
import importlib
import operator
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from . import untouched

NOT_THERE = object()
IMMUTABLE = 1 << 8
"""``Py_TPFLAGS_IMMUTABLETYPE`` of CPython 3.10 and later: Python refuses to set an attribute of such a type."""
CODE_OF = operator.attrgetter("__code__")

FUNCTIONS_OF = (
    "contextlib", "copy", "functools", "inspect", "json", "json.encoder", "linecache", "operator", "traceback",
    "types", "warnings", "zlib", "numpy", "numpy.random", "numpy.ctypeslib",
)  # fmt: skip
"""Modules whose functions every probe relies on; an assignment adds those of its own."""
CLASSES_OF = ("contextlib", "json.encoder")
"""Modules whose own classes are put back too, attribute by attribute."""
CHANGING = frozenset(
    {"input", "_", "display", "get_ipython"} | {"warn", "showwarning", "formatwarning", "_showwarnmsg_impl"}
)
"""What ipykernel replaces in ``builtins`` from cell to cell, and what honest notebooks replace in ``warnings``."""

Undo = list[tuple[Any, str, str, Any]]
"""(owner, attribute, name of both, value before) of everything that was put back."""


class Seen:
    """What an owner held when it was last looked at."""

    def __init__(self, owner: Any, entries: dict[str, Any]) -> None:
        self.now = vars(owner)
        # A module's state changes all the time, and a new name in it hides none.
        self.names = () if isinstance(owner, type) else tuple(entries)
        self.values = list(entries.values() if self.names else self.now.values())
        self.untouched = untouched.namespace(self.now)

    def is_there(self) -> bool:
        """Whether it still holds these very values."""
        return bool(self.untouched) or self.is_found()

    def is_found(self) -> bool:
        """The same, by a look at each; comparing identities in C is the quick way."""
        values = map(self.now.get, self.names) if self.names else self.now.values()
        same = (self.names or len(self.now) == len(self.values)) and all(map(operator.is_, values, self.values))
        if same:
            self.untouched.note()
        return bool(same)


class Originals:
    """Functions, methods and descriptors of some modules and classes, and how each Python function is coded."""

    def __init__(self) -> None:
        self.owners: list[tuple[Any, str, dict[str, Any]]] = []
        self.functions: list[Any] = []
        self.names: list[str] = []
        self.codes: list[types.CodeType] = []
        self.untouched = untouched.codes(())
        self.seen: list[Seen] = []
        self.near_owners = near_owners()
        self.near: list[Seen] = []

    def remember(self, owner: Any, name: str) -> None:
        """Note what can be called or is a descriptor, unless nobody can set it anyway."""
        if isinstance(owner, type) and owner.__flags__ & IMMUTABLE:
            return
        entries = {key: value for key, value in vars(owner).items() if key not in CHANGING and acts(value)}
        self.owners.append((owner, name, entries))
        for key, value in entries.items():
            if type(value) is types.FunctionType:
                self.functions.append(value)
                self.names.append(f"{name}.{key}")
                self.codes.append(value.__code__)

    def look(self, start: int = 0) -> None:
        """Note what the owners from this one on hold now, for quick comparison."""
        rows = [(owner, Seen(owner, entries)) for owner, _, entries in self.owners[start:]]
        self.seen += [row for _, row in rows]
        self.near += [row for owner, row in rows if owner in self.near_owners]
        self.untouched = untouched.codes(self.functions)

    def restore(self) -> Undo:
        """Put the originals back; returns what undoes it."""
        if self.is_as_last_seen():
            return []
        undo: Undo = []
        for owner, name, key, original, now in list(self.replaced()):
            put(owner, key, original)
            undo.append((owner, key, f"{name}.{key}", now))
        for function, name, code in zip(self.functions, self.names, self.codes, strict=True):
            if function.__code__ is not code:
                undo.append((function, "__code__", name, function.__code__))
                function.__code__ = code
        self.seen, self.near = [], []
        self.look()
        return undo

    def restore_near(self) -> Undo:
        """The same if something was set that the probes use themselves; a full look after each call costs too much."""
        return [] if all(map(Seen.is_there, self.near)) else self.restore()

    def is_as_last_seen(self) -> bool:
        """Whether no attribute at all was set since the last look."""
        return all(map(Seen.is_there, self.seen)) and (bool(self.untouched) or self.has_its_codes())

    def has_its_codes(self) -> bool:
        """Whether each function has its own code, by a look at it."""
        return all(map(operator.is_, map(CODE_OF, self.functions), self.codes))

    def replaced(self) -> Iterator[tuple[Any, str, str, Any, Any]]:
        """(owner, its name, attribute, original, what is there now) of everything that is another now."""
        for owner, name, entries in self.owners:
            now = vars(owner)
            get = now.get
            for key, value in entries.items():
                if get(key, NOT_THERE) is not value:
                    yield owner, name, key, value, get(key, NOT_THERE)
            if isinstance(owner, type):
                for key in now.keys() - entries.keys():
                    if key not in CHANGING and acts(now[key]) and hides(owner, key):
                        yield owner, name, key, NOT_THERE, now[key]


def near_owners() -> tuple[Any, ...]:
    """What the probes use themselves between two calls of the student's."""
    torch = sys.modules.get("torch")
    if torch is None:
        return (builtins,)
    return builtins, torch.Tensor, torch.nn.Module, torch.nn.Parameter


def of_libraries(functions_of: Iterable[str] = (), classes_of: Iterable[str] = ()) -> Originals:
    """Those of the libraries, which stay as they are from the zygote to the first cell."""
    functions, classes = (*FUNCTIONS_OF, *functions_of), (*CLASSES_OF, *classes_of)
    # All first: some of them replace functions of others when they are imported.
    modules = {name: importlib.import_module(name) for name in (*functions, *classes)}
    originals = Originals()
    for name in functions:
        originals.remember(modules[name], name)
    for name in classes:
        for value in list(vars(modules[name]).values()):
            if isinstance(value, type) and value.__module__ == name:
                originals.remember(value, f"{name}.{value.__name__}")
    if torch := sys.modules.get("torch"):
        originals.remember(torch.Tensor, "torch.Tensor")
        originals.remember(torch.Tensor.__base__, "torch.Tensor")
    originals.look()
    return originals


def with_builtins(originals: Originals) -> Originals:
    """The same with Python's builtins; last and never ahead, because the start of a kernel puts things there."""
    originals.remember(builtins, "builtins")
    originals.look(-1)
    return originals


def acts(value: Any) -> bool:
    """Whether an attribute is a function, a class or a descriptor; the rest is state and may change."""
    return callable(value) or hasattr(type(value), "__get__")


def hides(owner: type, key: str) -> bool:
    """Whether a new attribute of a class hides one of its bases', as a lying ``requires_grad`` does."""
    return any(key in vars(base) for base in owner.__mro__[1:])


def put(owner: Any, key: str, value: Any) -> None:
    """Set an attribute, or remove one that had not been there, without asking the owner."""
    kind: Any = type if isinstance(owner, type) else object
    if value is NOT_THERE:
        kind.__delattr__(owner, key)
    else:
        kind.__setattr__(owner, key, value)
