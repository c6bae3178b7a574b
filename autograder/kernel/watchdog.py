"""One thread that watches all kernels of this process, and kills those that cost more than they may.

It limits a whole tree of processes where there is no cgroup to do so, and names the limit in any case.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable

from autograder.kernel.cgroup import Cgroup
from autograder.kernel.choice import Walls
from autograder.kernel.crowd import Crowd
from autograder.kernel.fence import Fence
from autograder.kernel.limits import LimitHit, Limits
from autograder.kernel.nvml import Meter
from autograder.kernel.own_time import OwnTime, read_process_file, turns_of

WATCH_INTERVAL_S = 0.05
"""Between looks: what a tree of processes can pass a limit by, and what watching costs."""

FAILED_MAX = 20
"""Looks in a row that may fail, about a second of them; then the sandbox is not watched, and so it is ended."""

SHARED_AT_ONCE = 8
"""Processes whose shared memory is measured in one look."""

MEMORY_LINES = ("Pss:", "RssAnon:", "RssShmem:")
"""Shared pages in part; or, of a process that may not be asked for that, all of its own and what it wrote to."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def same_sandbox(sandbox: Walls) -> Callable[[int], bool]:
    """Whether a process of the host is in it: by its namespace of processes, or where it has none, by its descent."""
    if isinstance(sandbox, Fence):
        # There is no supervisor yet when the watch begins, and later the kernel starts further processes.
        return lambda other: str(other) in sandbox.processes()
    own = _processes_namespace(sandbox.pid)
    return lambda other: own is not None and _processes_namespace(other) == own


def _processes_namespace(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return None


@dataclasses.dataclass(frozen=True)
class Usage:
    """What the processes of a sandbox cost at one moment."""

    cpu_s: float = 0.0
    """Since the start, with that of processes which ended and were waited for."""

    memory_bytes: int = 0
    """Resident pages, each counted once for every process that has it."""

    processes: int = 0
    """Threads, of all processes."""


def usage_of(sandbox: Walls) -> Usage:
    """What the sandbox's processes cost now; all 0 when they are gone."""
    total = Usage()
    for pid in sandbox.processes():
        fields = read_process_file(sandbox.proc, f"{pid}/stat").rpartition(")")[2].split()
        if fields:
            total = Usage(
                total.cpu_s + sum(map(int, fields[11:15])) / _TICKS_PER_S,
                total.memory_bytes + int(fields[21]) * _PAGE_BYTES,
                total.processes + int(fields[17]),
            )
    reaped_s = sum(map(int, sandbox.reaped_cpu_fields())) / _TICKS_PER_S
    return dataclasses.replace(total, cpu_s=total.cpu_s + reaped_s)


class SharedMemory:
    """Resident memory of a sandbox with shared pages counted in part, summed up over several looks.

    Linux walks through all pages of a process for it, so a hundred of them would hold up everybody at every look.
    """

    def __init__(self) -> None:
        self._left: list[str] = []
        self._sum = 0
        self.most_bytes = 0
        """No less than the sandbox has: what was measured last, and all growth since."""

    def grows(self, added_bytes: int) -> None:
        """Take in how much all processes together grew, pages that they share counted for each."""
        self.most_bytes += max(0, added_bytes)

    def measure(self, sandbox: Walls) -> bool:
        """Look at some more processes; whether the sum is complete, and ``most_bytes`` is it."""
        if not self._left:
            self._left, self._sum = list(sandbox.processes()), 0
        chosen, self._left = self._left[:SHARED_AT_ONCE], self._left[SHARED_AT_ONCE:]
        self._sum += sum(_proportional_bytes(sandbox, pid) for pid in chosen)
        if not self._left:
            self.most_bytes = self._sum
        return not self._left


def _proportional_bytes(sandbox: Walls, pid: str) -> int:
    lines = sandbox.memory_of(pid).splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(MEMORY_LINES))


class Watch:
    """One sandbox under watch, and what was seen of it."""

    def __init__(
        self, sandbox: Walls, limits: Limits, kernel_pid: int, group: Cgroup | None = None, card: str = ""
    ) -> None:
        self._sandbox = sandbox
        self._group = group
        self._limits = limits
        self._crowd = Crowd(kernel_pid, sandbox.pid)
        self.meter = Meter(card, same_sandbox(sandbox)) if card else None
        now_s = time.monotonic()
        self._deadline = now_s + limits.wall_s
        self.time = OwnTime(now_s)
        self.cpu_s = 0.0
        self.peak_bytes = 0
        self._last_bytes = 0
        self._shared = SharedMemory()
        self._failed = 0
        self.limit_hit: LimitHit | None = None
        self.problem = ""
        """Why it could not be watched and was ended, or nothing."""
        self.looking = threading.Lock()
        """Held during a look."""

    def try_to_look(self) -> None:
        """Look once; a look that fails is tried again, and a sandbox that nobody can look at is ended."""
        try:
            self.look()
            self._failed = 0
        except Exception as error:
            self._failed += 1
            if self._failed >= FAILED_MAX:
                self.give_up(f"{type(error).__name__}: {error}")

    def give_up(self, problem: str) -> None:
        """End the sandbox, because it cannot be watched."""
        self.problem = self.problem or problem
        with contextlib.suppress(Exception):
            self._sandbox.kill()

    def look(self) -> None:
        """Measure once; kill the sandbox when it is over a limit."""
        usage = usage_of(self._sandbox)
        now_s = time.monotonic()
        self.time.look(now_s, turns_of(self._sandbox.proc, self._sandbox.processes()))
        self._crowd.look(now_s, self.time.wanted)
        self.cpu_s = max(self.cpu_s, usage.cpu_s)
        # What is seen once may be a process between vfork and exec, which shows its parent's memory as its own.
        self.peak_bytes = max(self.peak_bytes, min(self._last_bytes, usage.memory_bytes))
        self._shared.grows(usage.memory_bytes - self._last_bytes)
        self._last_bytes = usage.memory_bytes
        if self.meter is not None:
            self.meter.look(now_s)
        name = self._fatal(usage)
        if name:
            self.limit_hit = LimitHit(name, getattr(self._limits, name), killed=True)
            self._sandbox.kill()
        elif self.limit_hit is None and self._sandbox.stored().is_full:
            self.limit_hit = LimitHit("disk_bytes", self._limits.disk_bytes, killed=False)

    def settle(self) -> None:
        """Add what the control group counted, now that all processes are gone."""
        if self._group is not None:
            self.cpu_s = max(self.cpu_s, self._group.cpu_s())
            self.peak_bytes = max(self.peak_bytes, self._group.peak_bytes())
            if self.limit_hit is None and self._group.ran_out_of_memory():
                self.limit_hit = LimitHit("memory_bytes", self._limits.memory_bytes, killed=True)

    def _fatal(self, usage: Usage) -> str:
        """The limit that is exceeded, or nothing."""
        limits = self._limits
        if time.monotonic() > self._deadline:
            return "wall_s"
        if usage.cpu_s > limits.cpu_s:
            return "cpu_s"
        if usage.processes > limits.processes:
            return "processes"
        if min(usage.memory_bytes, self._shared.most_bytes) > limits.memory_bytes and self._is_out_of_memory():
            return "memory_bytes"
        stored = self._sandbox.stored()
        if stored.bytes_over:
            return "disk_bytes"
        if self.meter is not None and self.meter.peak_bytes > limits.gpu_memory_bytes:
            return "gpu_memory_bytes"
        return "files" if stored.files > limits.files else ""

    def _is_out_of_memory(self) -> bool:
        return self._shared.measure(self._sandbox) and self._shared.most_bytes > self._limits.memory_bytes


class Watchdog:
    """The thread, which runs while there is something to watch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None

    def add(self, watch: Watch) -> None:
        """Watch from now on."""
        with self._changed:
            if self._thread is None:
                # Known only once it runs: where no thread can be had, the next kernel shall try again.
                thread = threading.Thread(target=self._run, name="sandbox-watchdog", daemon=True)
                thread.start()
                self._thread = thread
            self._watches.add(watch)

    def remove(self, watch: Watch) -> None:
        """Stop watching; on return no look at it is under way, so the sandbox may be closed."""
        with self._changed:
            self._watches.discard(watch)
            self._changed.notify()
        with watch.looking:
            pass

    def _run(self) -> None:
        try:
            self._watch_all()
        except BaseException as error:
            # Nobody watches any more: what runs is ended, and who starts another kernel starts another thread.
            with self._changed:
                left, self._watches, self._thread = self._watches, set(), None
            for watch in left:
                watch.give_up(f"the watchdog ended with {type(error).__name__}: {error}")

    def _watch_all(self) -> None:
        while watches := self._still_there():
            for watch in watches:
                # Not under the lock of all: a look at a crowded sandbox takes long, and must not hold up others' ends.
                with watch.looking:
                    if watch in self._watches:
                        watch.try_to_look()
            with self._changed:
                self._changed.wait(WATCH_INTERVAL_S)

    def _still_there(self) -> tuple[Watch, ...]:
        with self._changed:
            if not self._watches:
                self._thread = None
            return tuple(self._watches)


watchdog = Watchdog()


def _start_afresh() -> None:
    watchdog.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_start_afresh)
