"""Clients for a kernel that may lie: they hold little of what it sends, and pass on nothing that is malformed.

They know at once when the kernel is ready, too. How they do is made of private parts of jupyter_client 8.10.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from queue import Empty
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.client import KernelClient
from traitlets import Type

from autograder.kernel.limits import Limits

MESSAGES_AHEAD = 4
"""What the host takes from a kernel before it is read; more waits in the kernel's own memory."""

RESEND_S = 1.0
"""After which a question is asked again: the output channel may not have been connected yet."""


MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What jupyter_client raises for a message with the wrong frames, signature or JSON."""


class CheckedChannel(AsyncZMQSocketChannel):
    """Skips messages that are not what the protocol says, so that they cannot crash whoever reads."""

    async def get_msg(  # type: ignore[override]
        self, timeout: float | None = None
    ) -> dict[str, Any]:
        """The next sound message; raises queue.Empty when there is none in time."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (left_s := deadline - time.monotonic()) >= 0 or timeout == 0:
            with contextlib.suppress(*MALFORMED):
                message = await super().get_msg(timeout=None if timeout is None else max(left_s, 0))
                if is_sound(message):
                    return message
        raise Empty


def is_sound(message: dict[str, Any]) -> bool:
    """Whether the parts of a message are of the kinds that every reader takes for granted."""
    parts = (message.get(part) for part in ("header", "parent_header", "metadata", "content"))
    return all(isinstance(part, dict) for part in parts) and isinstance(message.get("msg_type"), str)


class BoundedClient(KernelClient):
    """Closes the connection on a message that is too long, and takes few messages ahead."""

    message_bytes: int

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context.setsockopt(zmq.MAXMSGSIZE, self.message_bytes)
        self.context.setsockopt(zmq.RCVHWM, MESSAGES_AHEAD)


class PromptClient(BoundedClient):
    """Returns from ``wait_for_ready`` as soon as both channels have answered.

    The stock one goes on listening to a silent output channel, for a good part of what a submission may take.
    """

    shell_channel_class: Any = Type(CheckedChannel)
    iopub_channel_class: Any = Type(CheckedChannel)
    stdin_channel_class: Any = Type(CheckedChannel)
    control_channel_class: Any = Type(CheckedChannel)

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._answers(self.kernel_info()):
            if not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    wait_for_ready = _async_wait_for_ready

    async def _answers(self, request: str) -> bool:
        """Whether the reply and the end of its processing arrive in time."""
        try:
            async with asyncio.timeout(RESEND_S):
                reply = await self._next(self.shell_channel, request, "kernel_info_reply")
                while (await self._next(self.iopub_channel, request, "status"))["execution_state"] != "idle":
                    pass
        except (TimeoutError, Empty):
            return False
        self._handle_kernel_info_reply({"content": reply})
        return True

    async def _next(self, channel: Any, request: str, kind: str) -> dict[str, Any]:
        """The content of the next message of that kind which answers the request."""
        while True:
            message = await channel.get_msg(timeout=RESEND_S)
            if message["msg_type"] == kind and message["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = message["content"]
                return content


def bounded_factory(factory: type[KernelClient], limits: Limits) -> type[KernelClient]:
    """That kind of client, within these limits."""
    return factory if issubclass(factory, BoundedClient) else bounded_kind(factory, limits.message_bytes)


@functools.cache
def bounded_kind(factory: type[KernelClient], message_bytes: int) -> type[KernelClient]:
    """The class of such clients, made once: to make one takes a tenth of what a kernel manager does."""
    kind = PromptClient if issubclass(factory, AsyncKernelClient) else BoundedClient
    return type(f"Bounded{factory.__name__}", (kind, factory), {"message_bytes": message_bytes})
