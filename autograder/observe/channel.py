"""Requests to a student's kernel and the replies that belong to them; nothing else that it says is read.

Only the shell channel is opened.
"""

import time
from collections.abc import Sequence
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.errors import KernelLost, Starved
from autograder.observe.clock import clock_of

ALIVE_S = 0.25
"""How often a kernel that does not answer is asked whether it still runs."""

LATE_S = 1.0
"""For reading what has arrived by then, once the time is over: a host that looks late misses no reply."""


class KernelChannel:
    """The shell channel of one kernel."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.client()
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
        self.clock = clock_of(manager.provisioner)

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

    async def reply(self, request: str, own_s: float, *, waiting_s: float) -> dict[str, Any] | None:
        """The first reply to that request, None when there is none in that much of the kernel's own time.

        KernelLost when the kernel has died; Starved when it waited longer for a processor than it may.
        """
        end, patience, closing = self.clock.own_s + own_s, time.monotonic() + own_s + waiting_s, float("inf")
        while time.monotonic() <= closing:
            left = end - self.clock.own_s
            if left <= 0:
                closing = min(closing, time.monotonic() + LATE_S)
            elif time.monotonic() > patience:
                raise Starved(f"it waited {waiting_s:.0f} s for a processor and did not get its time")
            try:
                message: dict[str, Any] = await self.client.shell_channel.get_msg(timeout=min(max(left, 0.0), ALIVE_S))
            except Empty:
                if not await self.manager.is_alive():
                    raise KernelLost("the kernel died (os._exit, a crash, or out of memory)") from None
                if left <= 0:
                    return None
                continue
            if message["parent_header"].get("msg_id") == request:
                return message
        return None

    async def install(self, own_s: float, installer: str, *, waiting_s: float) -> None:
        """Wait until cell runner and probe agent are in the kernel, before any cell; KernelLost when they cannot be.

        ``installer`` is the source text that brings them; empty for a kernel whose zygote has them already.
        """
        if installer:
            self.send("execute_request", {"code": installer, "silent": True, "store_history": False})
        nothing = {"cells": [], "output_bytes": 0, "cell_output_bytes": 0}
        if await self.reply(self.send("cells_request", nothing), own_s, waiting_s=waiting_s) is None:
            raise KernelLost("the kernel did not start, or the probe agent could not be installed in it")
