"""Requests to a student's kernel and the replies that belong to them; nothing else that it says is read.

Only the shell channel is opened.
"""

import time
from collections.abc import Sequence
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.errors import KernelLost
from autograder.kernel.shipping import installer

ALIVE_S = 0.25
"""How often a kernel that does not answer is asked whether it still runs."""


class KernelChannel:
    """The shell channel of one kernel."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self.client: Any = manager.client()
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)

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

    async def reply(self, request: str, timeout_s: float) -> dict[str, Any] | None:
        """The first reply to that request, None when there is none in time; KernelLost when the kernel has died."""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            try:
                message: dict[str, Any] = await self.client.shell_channel.get_msg(timeout=min(left, ALIVE_S))
            except Empty:
                if not await self.manager.is_alive():
                    raise KernelLost("the kernel died (os._exit, a crash, or out of memory)") from None
                continue
            if message["parent_header"].get("msg_id") == request:
                return message
        return None

    async def install(self, timeout_s: float, *, prepared: bool) -> None:
        """Wait until cell runner and probe agent are in the kernel, before any cell; KernelLost when they cannot be.

        A kernel whose zygote ran ``shipping.AHEAD`` has them already.
        """
        if not prepared:
            self.send("execute_request", {"code": installer(), "silent": True, "store_history": False})
        nothing = {"cells": [], "output_bytes": 0, "cell_output_bytes": 0}
        if await self.reply(self.send("cells_request", nothing), timeout_s) is None:
            raise KernelLost("the kernel did not start, or the probe agent could not be installed in it")
