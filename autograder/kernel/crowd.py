"""A sandbox whose processes want more of the machine than one does stands behind the others.

Linux divides the processors by threads, so a submission with a hundred of them would have a hundred times what its
neighbour has. Here all threads of a crowded sandbox but the kernel's main one, which runs the cells, are left what
nobody else wants (``SCHED_IDLE``). The sandbox then weighs about as much as any, and its own cells go on at their
pace. A student can do nothing about it: leaving that class takes a privilege, and children inherit it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from autograder.kernel.own_time import NS_PER_S, read_process_file, threads_of, turns_of

WANTED_MAX = 1.5
"""Processors that a sandbox may want before it counts as crowded: its cells, and something beside them."""

LOOKS_MIN = 2
"""In a row that must find it crowded: a cell may start short-lived helpers."""

ROUND_INTERVAL_S = 0.5
"""After a round in a crowded sandbox that found nothing new."""

BUSY_S = 0.1
"""That a thread of the kernel itself must have run or waited: those that carry its messages do not come near."""

ROUNDS_MAX = 200
"""That may find new threads; after that the main thread, which keeps starting them, stands back too."""

LOWEST = b"19"
"""The nice level of a session, where Linux divides the processors by sessions first."""


class Crowd:
    """One sandbox, and whether it is crowded."""

    def __init__(self, kernel_pid: int, first_pid: int) -> None:
        self._kernel, self._first = kernel_pid, first_pid
        self._looks = self._rounds = 0
        self._next_s = 0.0

    def look(self, now_s: float, wanted: float) -> None:
        """Take in how many processors the sandbox wants; put its threads back when it is crowded."""
        self._looks = self._looks + 1 if wanted > WANTED_MAX else 0
        if self._looks >= LOOKS_MIN and now_s >= self._next_s:
            spared = self._kernel if self._rounds < ROUNDS_MAX else 0
            if stand_back(self._kernel, self._first, spared):
                self._rounds += 1
            else:
                self._next_s = now_s + ROUND_INTERVAL_S


def stand_back(kernel_pid: int, first_pid: int, spared: int) -> int:
    """Leave what others do not want to every busy thread of the sandbox but one; how many had not stood back before."""
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = sum(_stands_back(thread) for thread in _busy(proc, kernel_pid) if thread != spared)
        # Those that lost their parent belong to the sandbox's first process, which may be the kernel's own parent.
        for pid in {*_descendants(proc, kernel_pid), *_descendants(proc, first_pid)} - {kernel_pid}:
            found += sum(map(_stands_back, threads_of(proc, str(pid))))
            _session_stands_back(proc, pid, kernel_pid)
        return found
    finally:
        os.close(proc)


def _busy(proc: int, pid: int) -> list[int]:
    found = turns_of(proc, [str(pid)])
    busy = [name for name, turns in found.items() if turns.ran_ns + turns.waited_ns > BUSY_S * NS_PER_S]
    return [int(name.split("/")[2]) for name in busy]


def _descendants(proc: int, pid: int) -> Iterator[int]:
    for thread in threads_of(proc, str(pid)):
        for child in map(int, read_process_file(proc, f"{pid}/task/{thread}/children").split()):
            yield child
            yield from _descendants(proc, child)


def _stands_back(thread: int) -> bool:
    """Whether the thread stands back now and did not before; it may have ended."""
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(thread) != os.SCHED_IDLE:
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
            return True
    return False


def _session_stands_back(proc: int, pid: int, kernel_pid: int) -> None:
    """The same for a session that the student started, where every session is a group of its own (autogroup)."""
    with contextlib.suppress(OSError):
        if os.getsid(pid) == os.getsid(kernel_pid):
            return
        stream = os.open(f"{pid}/autogroup", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(stream, LOWEST)
        finally:
            os.close(stream)
