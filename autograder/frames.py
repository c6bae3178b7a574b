"""Messages between a worker and its owner: JSON and some byte strings, each with its length before it.

Nothing is unpickled, and no more is taken than the reader allows.
"""

import json
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

HEAD = struct.Struct(">QQ")
"""Bytes of the JSON text, and of all byte strings together."""
CHUNK_BYTES = 1 << 20


class TooLarge(ValueError):
    """A message has more bytes than the reader takes."""


@dataclass(frozen=True)
class Message:
    """Plain values, and byte strings beside them."""

    values: dict[str, Any] = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()


def send(stream: socket.socket, message: Message) -> None:
    """Write a message; TimeoutError when the other side does not take it within the stream's time."""
    text = json.dumps({"values": message.values, "sizes": [len(part) for part in message.parts]}).encode()
    stream.sendall(HEAD.pack(len(text), sum(map(len, message.parts))) + text)
    for part in message.parts:
        stream.sendall(part)


def receive(stream: socket.socket, max_bytes: int, wall_s: float | None = None) -> Message:
    """The next message; EOFError at the end, TimeoutError, or TooLarge before anything of the message is held."""
    deadline = None if wall_s is None else time.monotonic() + wall_s
    text_bytes, parts_bytes = HEAD.unpack(exactly(stream, HEAD.size, deadline))
    if text_bytes + parts_bytes > max_bytes:
        raise TooLarge(f"{text_bytes + parts_bytes:,} bytes, more than the {max_bytes:,} allowed")
    found = json.loads(exactly(stream, text_bytes, deadline))
    if sum(found["sizes"]) != parts_bytes:
        raise ValueError("the sizes of a message's parts are wrong")
    return Message(found["values"], tuple(exactly(stream, size, deadline) for size in found["sizes"]))


def exactly(stream: socket.socket, size: int, deadline: float | None) -> bytes:
    """So many bytes."""
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            stream.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = stream.recv(min(size - len(data), CHUNK_BYTES))
        if not chunk:
            raise EOFError("the other side has closed the connection")
        data += chunk
    return bytes(data)
