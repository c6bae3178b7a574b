"""The submission's own time: what its processes lived through, less what they stood in line for a processor.

Linux counts for every thread how long it ran and how long it waited for its turn (``/proc/PID/task/TID/schedstat``).
A busy machine makes a submission wait; waiting is not the submission's doing, so no limit on its time counts it. A
submission can make itself wait, with more threads than there are processors: whoever sets a limit on own time sets one
on waiting too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Mapping

NS_PER_S = 1e9
STAT_MAX_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Turns:
    """One thread's turns on a processor since its start."""

    ran_ns: int
    waited_ns: int


class OwnTime:
    """The clock of one tree of processes. It goes on only as somebody looks, so a late look charges nobody."""

    def __init__(self, now_s: float) -> None:
        self._started_s = self._looked_s = now_s
        self._threads: Mapping[str, Turns] = {}
        self.waited_s = 0.0
        """How long they stood in line so far: of several threads, the one that stood longest."""
        self.wanted = 0.0
        """How many processors they wanted on average between the last two looks."""

    @property
    def own_s(self) -> float:
        """Their own time so far."""
        return self._looked_s - self._started_s - self.waited_s

    def look(self, now_s: float, threads: Mapping[str, Turns]) -> None:
        """Take in what every thread that lives now has run and waited."""
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        new = Turns(0, 0)
        known = [(turns, self._threads.get(name, new)) for name, turns in threads.items()]
        self._threads = threads
        longest_ns = max((now.waited_ns - then.waited_ns for now, then in known), default=0)
        # A wait is counted when it ends, so it may have begun before the last look, but not before the start.
        self.waited_s += min(max(longest_ns / NS_PER_S, 0.0), self.own_s)
        used_ns = sum(now.ran_ns - then.ran_ns + now.waited_ns - then.waited_ns for now, then in known)
        self.wanted = used_ns / NS_PER_S / passed_s if passed_s > 0 else 0.0


class ProcessTime:
    """The clock of one process without a sandbox, which nobody else looks at."""

    def __init__(self, pid: int) -> None:
        self._pid = str(pid)
        self._time = OwnTime(time.monotonic())

    @property
    def own_s(self) -> float:
        """Its own time so far."""
        with contextlib.suppress(OSError):
            proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._time.look(time.monotonic(), turns_of(proc, [self._pid]))
            finally:
                os.close(proc)
            return self._time.own_s
        # No /proc: then all time is its own.
        self._time.look(time.monotonic(), {})
        return self._time.own_s


def turns_of(proc: int, pids: Iterable[str]) -> dict[str, Turns]:
    """The turns of every thread of these processes, read from a /proc that is open there."""
    found = {}
    for pid in pids:
        for thread in threads_of(proc, pid):
            name = f"{pid}/task/{thread}/schedstat"
            if turns := _turns(read_process_file(proc, name)):
                found[name] = turns
    return found


def threads_of(proc: int, pid: str) -> list[int]:
    """The numbers of a process's threads, none when it has ended."""
    try:
        folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    except OSError:
        return []
    try:
        return [int(thread) for thread in os.listdir(folder)]
    except OSError:
        return []
    finally:
        os.close(folder)


def _turns(text: str) -> Turns | None:
    """What the file says; nothing where Linux does not count (CONFIG_SCHED_INFO) or the thread has ended."""
    fields = text.split()
    return Turns(int(fields[0]), int(fields[1])) if len(fields) == 3 else None


def read_process_file(proc: int, name: str) -> str:
    """The text of a file of an open /proc, or nothing when the process has ended."""
    try:
        stream = os.open(name, os.O_RDONLY, dir_fd=proc)
    except OSError:
        return ""
    try:
        return os.read(stream, STAT_MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(stream)
