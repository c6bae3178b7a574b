"""Whether a namespace, or the code of a function, was set since it was last looked at.

Python counts a reference to each thing that it looks at, and each count that a kernel changes is a page of the zygote
copied: some two thousand for the libraries' functions, in every kernel. So two fields are read as they lie in memory:
``ma_version_tag`` of a dict (PEP 509), which every change of it moves, and ``func_code`` of a function. These are
private parts of cpython 3.11; where they are not found, nothing counts as untouched, and whoever asks looks.
"""

from __future__ import annotations

import ctypes
import gc
import operator
import types
from collections.abc import Mapping, Sequence
from typing import Any

VALUE = operator.attrgetter("value")


class Untouched:
    """Some places in memory, and what was there when they were last noted. Those who own them must live as long."""

    def __init__(self, places: Sequence[ctypes.c_uint64]) -> None:
        self.places = places
        self.noted: list[int] = []
        self.note()

    def note(self) -> None:
        """From now on, what is there now counts."""
        self.noted = list(map(VALUE, self.places))

    def __bool__(self) -> bool:
        """Whether it is still there; no where nothing can be read."""
        return bool(self.places) and list(map(VALUE, self.places)) == self.noted


def namespace(seen: Mapping[str, Any]) -> Untouched:
    """That of a module, or of a class."""
    owner: Any = seen if type(seen) is dict else gc.get_referents(seen)[0]
    return Untouched([place(owner, VERSION_AT)] if VERSION_AT else [])


def codes(functions: Sequence[Any]) -> Untouched:
    """Those of some functions."""
    return Untouched([place(function, CODE_AT) for function in functions] if CODE_AT else [])


def place(owner: Any, at: int) -> ctypes.c_uint64:
    """Eight bytes of an object, so far behind its start."""
    return ctypes.c_uint64.from_address(id(owner) + at)


def find_code() -> int:
    """Where a function has its code, or 0."""
    words = range(object.__basicsize__, types.FunctionType.__basicsize__, 8)
    return next((at for at in words if place(find_code, at).value == id(find_code.__code__)), 0)


def find_version() -> int:
    """Where a dict has its version, behind the number of its entries, or 0 where that tells nothing."""
    at = object.__basicsize__ + ctypes.sizeof(ctypes.c_ssize_t)
    module, kind = types.ModuleType("module"), type("Kind", (), {})
    return at if moves(module, vars(module), at) and moves(kind, gc.get_referents(vars(kind))[0], at) else 0


def moves(owner: Any, held: Any, at: int) -> bool:
    """Whether what lies there in a dict changes when an attribute is set, and not when it is read."""
    found = []
    for value in ("first", "second"):
        owner.name = value
        found += [place(held, at).value, owner.name and place(held, at).value]
    return found[0] == found[1] != found[2] == found[3]


CODE_AT, VERSION_AT = find_code(), find_version()
