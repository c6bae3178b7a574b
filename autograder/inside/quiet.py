"""ipykernel without what nobody here reads or answers.

Private parts of ipykernel 7.4 stand here and nowhere else.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any, cast

from ipykernel import debugger, ipkernel, kernelapp
from IPython.core.interactiveshell import InteractiveShell


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


class NoThread:
    """Stands where a kernel has the thread that hands messages to its subshells: there are none."""

    parent_thread = threading.main_thread()

    def __bool__(self) -> bool:
        return False


def have_no_subshells() -> None:
    """Have kernels of this process read their shell channel themselves: each message else waits for a thread, twice."""
    kernel, app = cast("Any", ipkernel.IPythonKernel), cast("Any", kernelapp)
    kernel._supports_kernel_subshells = False
    app.ShellChannelThread = lambda *_, **__: NoThread()


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


def know_signature() -> None:
    """Have the signature at hand that ipykernel takes apart before every cell, to see what IPython can be given."""
    run_cell: Any = InteractiveShell.run_cell_async
    run_cell.__signature__ = inspect.signature(run_cell)
