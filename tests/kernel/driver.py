"""A kernel that a test drives synchronously: run a text, get what it printed and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterable
from queue import Empty
from types import TracebackType
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from autograder.kernel.provisioner import KERNEL_NAME, SandboxProvisioner

DEADLINE_S = 300.0
"""For anything a test waits for; far above what a busy machine takes."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def eventually(condition: Callable[[], Any], what: str, *, within_s: float = DEADLINE_S) -> Any:
    """The condition's first true value; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
    return value


@dataclasses.dataclass
class Reply:
    """What one cell did."""

    text: str = ""
    """Printed, on either stream."""

    error: str = ""
    """The exception's class and message."""

    died: bool = False


class Kernel:
    """A sandboxed kernel with a provisioner made from these traits."""

    def __init__(self, *, layers_off: Iterable[str] = (), **traits: Any) -> None:
        self._runner = asyncio.Runner()
        self.manager = AsyncKernelManager(kernel_name=KERNEL_NAME)
        self.provisioner = SandboxProvisioner(
            kernel_id="test",
            kernel_spec=self.manager.kernel_spec,
            parent=self.manager,
            layers_off=set(layers_off),
            **traits,
        )
        self.manager.provisioner = self.provisioner
        self._client: Any = None

    def __enter__(self) -> Kernel:
        try:
            self._runner.run(self._start())
        except BaseException:
            self._runner.run(self.manager.cleanup_resources())
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut_down()

    def shut_down(self) -> None:
        """End the kernel; more than once is fine."""
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
            self._runner.run(self.manager.shutdown_kernel(now=True))
            self._runner.close()

    async def _start(self) -> None:
        await self.manager.start_kernel()
        self._client = self.manager.client()
        self._client.start_channels()
        await self._client.wait_for_ready(timeout=DEADLINE_S)

    def run(self, code: str, *, timeout_s: float = DEADLINE_S, allow_stdin: bool = False) -> Reply:
        """Run a cell to its end, or to the kernel's."""
        return self._runner.run(self._run(code, time.monotonic() + timeout_s, allow_stdin))

    def send(self, code: str) -> None:
        """Start a cell and do not wait for it."""
        self._client.execute(code, allow_stdin=False)

    def interrupt(self) -> None:
        """Interrupt the cell once it has printed something, and return when it has ended."""
        self._runner.run(self._interrupt())

    async def _interrupt(self) -> None:
        await self._until(lambda message: message["msg_type"] == "stream", DEADLINE_S)
        deadline = time.monotonic() + DEADLINE_S
        # An interrupt that comes while ipykernel flushes the output is swallowed there.
        while time.monotonic() < deadline:
            await self.manager.interrupt_kernel()
            with contextlib.suppress(Empty):
                return await self._until(lambda message: _take(Reply(), message), 1.0)
        raise TimeoutError("no interrupt reached the cell")

    async def _until(self, is_it: Callable[[dict[str, Any]], bool], within_s: float) -> None:
        while not is_it(await self._client.iopub_channel.get_msg(timeout=within_s)):
            pass

    def poll(self) -> int | None:
        """The kernel's exit code, or None while it runs."""
        return self._runner.run(self.provisioner.poll())

    async def _run(self, code: str, deadline: float, allow_stdin: bool) -> Reply:
        reply, parent = Reply(), self._client.execute(code, allow_stdin=allow_stdin)
        while time.monotonic() < deadline:
            try:
                message = await self._client.iopub_channel.get_msg(timeout=0.2)
            except Empty:
                if await self.provisioner.poll() is None:
                    continue
                reply.died = True
                return reply
            if message["parent_header"].get("msg_id") == parent and _take(reply, message):
                return reply
        raise TimeoutError(f"the cell did not end: {code[:80]!r}")


def _take(reply: Reply, message: dict[str, Any]) -> bool:
    """Add a message to the reply; true when it was the last."""
    content = message["content"]
    if message["msg_type"] == "stream":
        reply.text += content["text"]
    elif message["msg_type"] == "error":
        reply.error = _COLOUR.sub("", f"{content['ename']}: {content['evalue']}")
    return message["msg_type"] == "status" and content["execution_state"] == "idle"
