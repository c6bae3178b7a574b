"""ipykernel without what nobody here reads or answers.

Private parts of ipykernel 7.4 stand here and nowhere else.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from ipykernel import debugger, ipkernel


@contextlib.contextmanager
def blind_to_modules() -> Iterator[None]:
    """While a kernel is made in here, it makes no list of all modules' files, which only a debugger reads."""
    module: Any = ipkernel
    blind = types.ModuleType("sys")
    vars(blind).update(vars(sys), modules={})
    module.sys, debugger._is_debugpy_available = blind, False
    try:
        yield
    finally:
        module.sys = sys


def say_no_status(kernel: Any) -> None:
    """Nobody listens to the output channel: no message there before and after every request."""
    kernel._publish_status = lambda *_, **__: None


@contextlib.contextmanager
def without_input(kernel: Any) -> Iterator[None]:
    """In here a question raises, as it does while a cell is executed that may not ask."""
    kernel._forward_input(False)
    try:
        yield
    finally:
        kernel._restore_input()
