"""Between a kernel's sockets and the host's clients: what a kernel sends is counted before ZeroMQ holds it.

ZeroMQ bounds each frame of a message and no message: sixty frames of 30 MB are one, which it collects in full before
anybody can look at it. So clients connect to a socket here, bytes pass through in small pieces, and a connection on
which a message grows too long is closed. What is read of the bytes is the frame headers of ZMTP 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterable

PIECE_BYTES = 1 << 16
GREETING_BYTES = 64
FRAME_BYTES = 64
"""That ZeroMQ needs for a frame besides its content, so that empty frames count too."""
MORE, LONG, COMMAND_FRAME = 1, 2, 4
"""Flags in the first byte of a frame: the message goes on in another one; its length has 8 bytes; it is no message."""
OPEN_S = 60.0


class TooLong(Exception):
    """A message has more bytes than the host takes, or what arrives is no ZMTP 3."""


class Counter:
    """Follows one way of a connection, and raises TooLong before a piece with which it is too much is passed."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head = bytearray()
        self._greeted = False
        self._passing = 0
        self._message_bytes = 0

    def take(self, piece: bytes) -> None:
        """Count the next piece."""
        at = 0
        while at < len(piece):
            if self._passing:
                step = min(self._passing, len(piece) - at)
                self._passing -= step
            else:
                step = min(self._wanted() - len(self._head), len(piece) - at)
                self._head += piece[at : at + step]
                if len(self._head) == self._wanted():
                    self._know()
            at += step

    def _wanted(self) -> int:
        """How many bytes the head has that is being read."""
        if not self._greeted:
            return GREETING_BYTES
        return 1 if not self._head else 9 if self._head[0] & LONG else 2

    def _know(self) -> None:
        """Act on a complete head: the greeting, or flags and length of a frame."""
        if not self._greeted:
            if self._head[0] != 0xFF or self._head[9] != 0x7F or self._head[10] < 3:
                raise TooLong("the peer does not speak ZMTP 3")
            self._greeted = True
        else:
            self._count(self._head[0], int.from_bytes(self._head[1:], "big"))
        self._head.clear()

    def _count(self, flags: int, size: int) -> None:
        # A command may stand between the frames of a message, and ends none.
        before = 0 if flags & COMMAND_FRAME else self._message_bytes
        total = before + FRAME_BYTES + size
        if total > self._max_bytes:
            raise TooLong(f"a message has more than {self._max_bytes:,} bytes")
        if not flags & COMMAND_FRAME:
            self._message_bytes = total if flags & MORE else 0
        self._passing = size


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: Counter | None) -> None:
    """Pass on what arrives, until the end or until it is too much."""
    while piece := await reader.read(PIECE_BYTES):
        if counter is not None:
            counter.take(piece)
        writer.write(piece)
        await writer.drain()


async def stopped(ways: Iterable[asyncio.Task[None]]) -> None:
    """Return when these have ended."""
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)


Connect = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def connector(kernel: str, max_bytes: int, alive: set[asyncio.Task[None]]) -> Connect:
    """What is done with a client: it is connected to the kernel's socket at that path.

    ``alive`` holds the connections that are open: asyncio itself may forget one in which nothing moves.
    """

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        alive.add(own)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            async with contextlib.AsyncExitStack() as ends:
                ends.callback(alive.discard, own)
                ends.callback(writer.close)
                from_kernel, to_kernel = await asyncio.open_unix_connection(kernel)
                ends.callback(to_kernel.close)
                up, down = pump(reader, to_kernel, None), pump(from_kernel, writer, Counter(max_bytes))
                ways = [asyncio.ensure_future(way) for way in (up, down)]
                # However one way ends, the other has no use any more.
                ends.push_async_callback(stopped, ways)
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)

    return connect


class Relay:
    """The thread that passes on what all kernels of this process send; it is started when it is needed."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, ways: Iterable[tuple[str, str]], max_bytes: int) -> Callable[[], None]:
        """Listen for clients at the first path of each pair and connect them to the second; returns what ends it."""
        loop, alive = self._running(), set[asyncio.Task[None]]()
        connectors = [(path, connector(kernel, max_bytes, alive)) for path, kernel in ways]
        opened = asyncio.run_coroutine_threadsafe(self._listen(connectors), loop).result(OPEN_S)

        def end_all() -> None:
            for server in opened:
                server.close()
            for connection in [*alive]:
                connection.cancel()

        def close() -> None:
            loop.call_soon_threadsafe(end_all)

        return close

    async def _listen(self, connectors: list[tuple[str, Connect]]) -> list[asyncio.Server]:
        return [await asyncio.start_unix_server(connect, path, limit=PIECE_BYTES) for path, connect in connectors]

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="sandbox-relay", daemon=True).start()
                self._loop = loop
            return self._loop


relay = Relay()


def _forget_thread() -> None:
    relay.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget_thread)
