"""Wait for something to read, whatever number its descriptor has: ``select`` knows only the first 1,024."""

import select
from typing import IO, Protocol


class HasDescriptor(Protocol):
    """A socket, a pipe, a file."""

    def fileno(self) -> int: ...


def has_input(stream: HasDescriptor | IO[bytes], timeout_s: float) -> bool:
    """Whether there is something to read, or its other end is closed, within that time."""
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
