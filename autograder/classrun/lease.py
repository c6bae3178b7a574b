"""One run at a time on a course: whoever comes second is told who is at work.

On one machine the holder's process says whether a lease is still held. From another machine nobody can ask for it;
there the holder counts, and whoever wants the lease watches by its own clock whether the count goes on. No two clocks
are ever compared.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from autograder.classrun.ledger import Ledger
from autograder.errors import Locked, Unwritable
from autograder.observe.stop import Stop

BEAT_S = 5.0
WATCHED_S = 30.0
"""Six beats: a disk on the network may hold up some of them."""


@dataclass(frozen=True)
class Holder:
    """Who has the lease."""

    token: str
    host: str
    machine: str
    """What tells this boot of this machine, and this container on it, from any other."""
    pid: int
    started: str
    """When the process began, in its machine's own count: a pid alone may be somebody else's by now."""
    since: str
    """For people."""
    beat: int = 0

    @classmethod
    def here(cls) -> "Holder":
        """This process."""
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        return cls(secrets.token_hex(8), socket.gethostname(), machine(), os.getpid(), started(os.getpid()), now)

    def is_gone(self) -> bool:
        """Whether its process is known to have ended; False as well where nobody can know."""
        return self.machine == machine() and started(self.pid) != self.started

    def is_here(self) -> bool:
        """Whether its process can be looked at."""
        return self.machine == machine()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def machine() -> str:
    """This boot of this machine and this space of process ids; the host's name where Linux does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def started(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return "" if Path("/proc/self/stat").exists() else started_elsewhere(pid)


def started_elsewhere(pid: int) -> str:
    """The same on another system than Linux."""
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


@contextlib.contextmanager
def lease(ledger: Ledger, stop: Stop, *, beat_s: float = BEAT_S, watched_s: float = WATCHED_S) -> Iterator[None]:
    """The course is ours in here; Locked, with who has it, when it is somebody else's.

    Should somebody take it over meanwhile, as when this machine stood still for long, ``stop`` is asked for.
    """
    mine = Holder.here()
    acquire(ledger, mine, watched_s)
    ended = threading.Event()
    beating = threading.Thread(
        target=keep_counting, args=(ledger, mine, ended, stop, beat_s), name="lease", daemon=True
    )
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        # Left behind, it is seen to be nobody's: its process is gone.
        with contextlib.suppress(Unwritable), ledger.transaction() as db:
            db.execute("DELETE FROM lease WHERE token = ?", (mine.token,))


def acquire(ledger: Ledger, mine: Holder, watched_s: float) -> None:
    """Write the lease; Locked when it is held."""
    seen: Holder | None = None
    while (other := taken(ledger, mine, seen)) is not None:
        if other.is_here() or seen is not None:
            raise Locked(f"this course is being graded already, by {other}. Wait until that run has ended, or end it.")
        watch(ledger, other, watched_s)
        seen = other


def taken(ledger: Ledger, mine: Holder, stale: Holder | None) -> Holder | None:
    """Whoever has the lease; None once it is ours, since nobody had it or the holder is gone or has not moved."""
    with ledger.transaction() as db:
        found = db.execute("SELECT token, host, machine, pid, started, since, beat FROM lease").fetchone()
        holder = Holder(*found) if found else None
        if holder is not None and not holder.is_gone() and holder != stale:
            return holder
        db.execute(
            "INSERT OR REPLACE INTO lease (one, token, host, machine, pid, started, since, beat)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            (mine.token, mine.host, mine.machine, mine.pid, mine.started, mine.since, mine.beat),
        )
        return None


def watch(ledger: Ledger, holder: Holder, watched_s: float) -> None:
    """Return when the lease has changed, or the time is over, which is counted here and nowhere else."""
    end = time.monotonic() + watched_s
    pause = threading.Event()
    while time.monotonic() < end and not pause.wait(min(1.0, watched_s / 10)):
        with ledger.transaction() as db:
            found = db.execute("SELECT token, beat FROM lease").fetchone()
        if found != (holder.token, holder.beat):
            return


def keep_counting(ledger: Ledger, mine: Holder, ended: threading.Event, stop: Stop, beat_s: float) -> None:
    """Count on until the end; a disk that refuses for a while is tried again."""
    while not ended.wait(beat_s):
        try:
            with ledger.transaction() as db:
                moved = db.execute("UPDATE lease SET beat = beat + 1 WHERE token = ?", (mine.token,)).rowcount
        except Unwritable:
            continue
        if not moved:
            stop.ask("another run has taken this course over")
            return
