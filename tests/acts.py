"""What a worker is asked to do in tests/test_workers.py: to answer, or to end in one of many ways."""

import ctypes
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from autograder.frames import Message
from autograder.worker import Handler

WORK_S = 0.4
kept: list[bytes] = []


def handler(hello: Message) -> Handler:
    """The function that does what a request names."""

    def handle(request: Message) -> Message:
        ACTS[request.values["act"]](request)
        return Message({"said": hello.values["greeting"], "pid": os.getpid()}, request.parts)

    return handle


def loop(request: Message) -> None:
    while True:
        pass


def match_slowly(request: Message) -> None:
    re.match(r"(a+)+b", "a" * 60)


def grow(request: Message) -> None:
    kept.append(bytes(1 << 30))


def keep(request: Message) -> None:
    kept.append(b"x" * (100 << 20))


def hang(request: Message) -> None:
    signal.pause()


def leave(request: Message) -> None:
    os._exit(3)


def crash(request: Message) -> None:
    ctypes.string_at(0)


def talk(request: Message) -> None:
    socket.socket(fileno=os.dup(0)).sendall(bytes(8) + b"\1" + bytes(7))


def babble(request: Message) -> None:
    socket.socket(fileno=os.dup(0)).sendall(bytes(7) + b"\4" + bytes(8) + b"oops")


def write(request: Message) -> None:
    # Python itself ignores this signal and raises; C code may not.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.write(2, bytes(2_000_000))
    os.write(2, bytes(2_000_000))


def fail(request: Message) -> None:
    raise ValueError("\x1b[31mred\udc80")


def die_once(request: Message) -> None:
    path = Path(request.values["path"])
    if not path.exists():
        # Not written: nothing here may grow.
        path.mkdir()
        os.kill(os.getpid(), signal.SIGKILL)


def work(request: Message) -> None:
    end = time.process_time() + WORK_S
    while time.process_time() < end:
        pass


ACTS: dict[str, Callable[[Message], object]] = {
    "greet": lambda request: None,
    **{act.__name__: act for act in (loop, match_slowly, grow, keep, hang, leave, crash, talk, babble, write)},
    **{act.__name__: act for act in (fail, die_once, work)},
}
