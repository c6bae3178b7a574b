"""What runs in a worker process: requests in, replies out, each within bounds that Linux enforces.

``python -m autograder.worker MODULE`` makes its answers with what ``MODULE.handler`` returns.
"""

import importlib
import resource
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from autograder import unneeded  # noqa: F401 (what is left out is left out by importing this first)
from autograder.frames import Message, receive, send
from autograder.garbage import look_for_cycles_seldom

Handler = Callable[[Message], Message]
REQUEST_MAX_BYTES = 256_000_000
STDERR_MAX_BYTES = 1_000_000
FULL = 4
"""Part of the allowed memory, one in so many, above which a worker that has answered is replaced."""


def answer_all(prepare: Callable[[Message], Handler]) -> None:
    """Answer the requests on standard input, a socket, until it closes; the first message says how."""
    # A broken pipe or a closed socket is the owner's end, and ours.
    stream = socket.socket(fileno=sys.stdin.fileno())
    try:
        hello = receive(stream, REQUEST_MAX_BYTES)
        memory_bytes, cpu_s = hello.values["memory_bytes"], hello.values["cpu_s"]
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (STDERR_MAX_BYTES, STDERR_MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        handle = prepare(hello)
        look_for_cycles_seldom()
        send(stream, Message({"state": "ready"}))
        while True:
            request = receive(stream, REQUEST_MAX_BYTES)
            allow(cpu_s)
            send(stream, answer(handle, request, memory_bytes))
    except (EOFError, ConnectionError):
        return


def allow(cpu_s: int) -> None:
    """Let this process use so much more processor time; at its end Linux kills it, whatever it is doing."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + cpu_s, hard))


def answer(handle: Handler, request: Message, memory_bytes: int) -> Message:
    """The reply to one request; what went wrong, as a text, when there is none."""
    try:
        reply = handle(request)
    except MemoryError:
        return Message({"state": "memory"})
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        return Message({"state": "raised", "error": told[:2_000], "trace": traceback.format_exc()[-8_000:]})
    return Message({"state": "full" if is_full(memory_bytes) else "done", **reply.values}, reply.parts)


def is_full(memory_bytes: int) -> bool:
    """Whether this process has kept a good part of the memory that it may have."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resident > memory_bytes // FULL


if __name__ == "__main__":
    answer_all(importlib.import_module(sys.argv[1]).handler)
