"""Requests to a student's kernel and the replies that belong to them; nothing else that it says is read.

Only the shell channel is opened. Code travels marshalled, compiled once per process: each of a class's kernels
would spend 20 ms on compiling the same text. Marshalled code goes to the kernel, never comes from it.
"""

import binascii
import functools
import marshal
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty
from types import CodeType
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.errors import KernelLost, Starved, Unobserved
from autograder.observe import wire
from autograder.observe.clock import clock_of

ALIVE_S = 0.25
"""How often a kernel that does not answer is asked whether it still runs."""

LATE_S = 1.0
"""For reading what has arrived when the time is over, so that a host that looks late misses no reply."""

INSTALLED = ("runner", "agent")
"""The files of this folder that run in the kernel."""

INSTALL = """
def install(kernel, codes):
    import binascii, marshal
    for name, code in marshal.loads(binascii.a2b_base64(codes)).items():
        namespace = {{"__name__": name}}
        exec(code, namespace)
        namespace["install"](kernel)
install(get_ipython().kernel, {codes!r})
del install
"""
AHEAD = """
_ahead = []
for _name, _text in {texts!r}.items():
    _ahead.append({{"__name__": _name}})
    exec(compile(_text, f"<{{_name}}>", "exec"), _ahead[-1])
_ahead[-1]["prepare"]()

def _kernel_started(kernel):
    while _ahead:
        _ahead.pop(0)["install"](kernel)
"""


class KernelChannel:
    """The shell channel of one kernel."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.client()
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        self.clock = clock_of(manager.provisioner)
        self.key = secrets.token_bytes(32)
        """Signs this kernel's probes and their replies."""

    def close(self) -> None:
        """Close the channel; the kernel is left as it is."""
        self.client.stop_channels()

    def send(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> str:
        """Send a request and return its id."""
        message = self.client.session.msg(kind, content)
        message["buffers"] = list(buffers)
        self.client.shell_channel.send(message)
        request: str = message["header"]["msg_id"]
        return request

    async def reply(
        self,
        request: str,
        own_s: float,
        accept: Callable[[dict[str, Any]], bool] = lambda message: True,
        next_request: str = "",
        *,
        waiting_s: float,
    ) -> dict[str, Any] | None:
        """The first acceptable reply to that request, None when there is none in that much of the kernel's own time.

        KernelLost when the kernel has died; Starved when it waited longer for a processor than it may; Unobserved
        when the next request, which the kernel may not begin before it has answered this one, is answered first: then
        nobody there serves it.
        """
        end, patience = self.clock.own_s + own_s, time.monotonic() + own_s + waiting_s
        while (left := end - self.clock.own_s) > -LATE_S:
            if left > 0 and time.monotonic() > patience:
                raise Starved(f"it waited {waiting_s:.0f} s for a processor and did not get its time")
            try:
                message: dict[str, Any] = await self.client.shell_channel.get_msg(timeout=min(max(left, 0.0), ALIVE_S))
            except Empty:
                if not await self.manager.is_alive():
                    raise KernelLost("the kernel died (os._exit, a crash, or out of memory)") from None
                if left <= 0:
                    return None
                continue
            if message["parent_header"].get("msg_id") == request and accept(message):
                return message
            if next_request and message["parent_header"].get("msg_id") == next_request:
                raise Unobserved(wire.why_unsigned(b""))
        return None

    async def install(self, own_s: float, *, prepared: bool, waiting_s: float) -> None:
        """Wait until cell runner and probe agent are in the kernel, before any cell; KernelLost when they cannot be.

        A kernel whose zygote ran ``ahead`` has them already.
        """
        if not prepared:
            self.send("execute_request", {"code": installer(), "silent": True, "store_history": False})
        nothing = {"cells": [], "output_bytes": 0, "cell_output_bytes": 0}
        if await self.reply(self.send("cells_request", nothing), own_s, waiting_s=waiting_s) is None:
            raise KernelLost("the kernel did not start, or the probe agent could not be installed in it")
        # Not in the installing code, which IPython keeps for tracebacks. No cell can overtake this message.
        self.send("probe_hello", {"key": self.key.hex()})


@functools.cache
def installer() -> str:
    """Source text that installs the kernel's side, each file in a namespace of its own.

    In base64: IPython tokenizes it, and the escapes of a bytes literal took its regular expression 10 ms.
    """
    codes = {name: compiled(name, source(name)) for name in INSTALLED}
    return INSTALL.format(codes=binascii.b2a_base64(marshal.dumps(codes), newline=False))


def ahead() -> str:
    """Source text for a zygote: has runner and agent in every kernel from its start, with most of their work done."""
    return AHEAD.format(texts={name: source(name) for name in INSTALLED})


@functools.cache
def source(name: str) -> str:
    """The text of one of the kernel's files."""
    return (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")


@functools.lru_cache(maxsize=32)
def compiled(name: str, source: str) -> CodeType:
    """The code of a source text, under a file name that no traceback shows to students."""
    return compile(source, f"<{name}>", "exec")
