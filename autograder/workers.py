"""A small pool of worker processes, in which hostile bytes are parsed where that can be killed.

Linux bounds a worker's memory and its processor time for each request; here are bounded what it may answer and how long
it is waited for. A worker that ends, hangs or answers nonsense is replaced. What it was asked is asked once more, alone
and of a fresh worker, before the request is blamed: the machine may have been busy, or others may have used its memory.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.errors import GraderError
from autograder.frames import Message, TooLarge, receive, send
from autograder.text import plain_text

KEPT_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
START_S = 120.0
"""For a worker to import what it needs; a busy machine makes it wait."""
END_S = 10.0


class WorkerLost(GraderError):
    """A worker did not answer a request; the text says why, after the words "could not be done"."""


class WorkerRaised(GraderError):
    """The code in a worker raised something that it should not."""


@dataclass(frozen=True, kw_only=True)
class RequestBounds:
    """What one request may cost."""

    cpu_s: int = 30
    """Processor time; what the machine makes it wait does not count."""
    memory_bytes: int = 2 << 30
    """Address space of the worker."""
    wall_s: float = 600.0
    """For one that waits and uses no processor: far above what a busy machine takes."""
    reply_bytes: int = 200_000_000


USUAL = RequestBounds()


class Worker:
    """One process, which answers with a module's ``handler`` one request after the other."""

    def __init__(self, module: str, hello: Message, bounds: RequestBounds) -> None:
        self._bounds = bounds
        self._stream, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        env = {name: os.environ[name] for name in KEPT_ENV if name in os.environ}
        with theirs:
            # A session of its own: Ctrl-C is for the grader, which ends its workers when it has no use for them.
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-m", "autograder.worker", module],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=self._stderr,
                env=env | {"PYTHONHASHSEED": "0"}, start_new_session=True,
            )  # fmt: skip
        limits = {"cpu_s": bounds.cpu_s, "memory_bytes": bounds.memory_bytes}
        with self._or_end():
            self._stream.settimeout(START_S)
            send(self._stream, Message(hello.values | limits, hello.parts))
            receive(self._stream, bounds.reply_bytes, START_S)
        self.is_full = False
        """Whether it holds so much memory that a fresh one is to be preferred."""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, request: Message) -> Message:
        """The reply; WorkerLost when the worker is of no use any more, WorkerRaised when its code is at fault."""
        with self._or_end():
            self._stream.settimeout(self._bounds.wall_s)
            send(self._stream, request)
            reply = receive(self._stream, self._bounds.reply_bytes, self._bounds.wall_s)
            if reply.values["state"] == "memory":
                raise MemoryError
        if reply.values["state"] == "raised":
            trace = plain_text(reply.values["trace"])
            raise WorkerRaised(plain_text(reply.values["error"])) from RuntimeError(f"in a worker:\n{trace}")
        self.is_full = reply.values["state"] == "full"
        return reply

    @contextlib.contextmanager
    def _or_end(self) -> Iterator[None]:
        """End the process when anything goes wrong in here, and say what."""
        try:
            yield
        except TimeoutError as error:
            self.end()
            raise WorkerLost(f"within {self._bounds.wall_s:g} s") from error
        except TooLarge as error:
            self.end()
            raise WorkerLost(f"within bounds: what it left had {error}") from error
        except MemoryError as error:
            self.end()
            raise WorkerLost(f"with {self._bounds.memory_bytes >> 20:,} MiB of memory") from error
        except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
            raise WorkerLost(self._death(error)) from error
        except BaseException:
            self.end()
            raise

    def _death(self, error: Exception) -> str:
        """End the process and say how it ended."""
        said = self._said()
        code = self.end(END_S)
        if code == -signal.SIGXCPU:
            return f"within {self._bounds.cpu_s} s of processor time"
        if not code:
            return f"by a worker that answered nonsense ({error})"
        return f"by a process that ended with {ending(code)}{said}"

    def _said(self) -> str:
        """The last line that it wrote as it ended, or nothing."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return f": {plain_text(lines[-1])[:200]}" if lines else ""

    def end(self, patience_s: float = 0.0) -> int | None:
        """Kill the process, give everything back, and return how it ended if it did so by itself in that time."""
        self._stream.close()
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(patience_s)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._stderr.close()
        return code


def ending(code: int) -> str:
    """How a process ended, in words."""
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class Pool:
    """Workers of one kind, started when they are needed, each used by one thread at a time."""

    def __init__(self, module: str, hello: Message, *, size: int, bounds: RequestBounds = USUAL) -> None:
        self._module, self._hello, self._size, self._bounds = module, hello, size, bounds
        self._slots = threading.Semaphore(size)
        self._alone = threading.Lock()
        self._changed = threading.Lock()
        self._idle: list[Worker] = []

    def ask(self, request: Message) -> Message:
        """The reply; WorkerLost when also a fresh worker with nothing beside it did not answer."""
        try:
            with self._slots:
                return self._once(request)
        except WorkerLost:
            with self._all_slots():
                self.close()
                return self._once(request)

    def _once(self, request: Message) -> Message:
        with self._changed:
            worker = self._idle.pop() if self._idle else None
        worker = worker or Worker(self._module, self._hello, self._bounds)
        try:
            reply = worker.ask(request)
        except WorkerRaised:
            self._keep(worker)
            raise
        if worker.is_full:
            worker.end()
        else:
            self._keep(worker)
        return reply

    def _keep(self, worker: Worker) -> None:
        with self._changed:
            self._idle.append(worker)

    @contextlib.contextmanager
    def _all_slots(self) -> Iterator[None]:
        """Wait until nobody else is at work, and keep it so."""
        with self._alone, contextlib.ExitStack() as held:
            for _ in range(self._size):
                held.enter_context(self._slots)
            yield

    def close(self) -> None:
        """End the workers that nobody uses."""
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()
