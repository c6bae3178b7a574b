"""The sandbox for places that forbid namespaces: Landlock, a stricter filter of calls, and a user for each kernel.

It shows what bubblewrap's shows. Where the operator is root, each kernel has a user of its own; else only Landlock and
the filter stand between a kernel and the operator's other processes and files.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.errors import SandboxError
from autograder.kernel import landlock, shown, users
from autograder.kernel.folders import owner_folder, remove_folder
from autograder.kernel.layers import remedy
from autograder.kernel.mounts import SandboxPlan
from autograder.kernel.own_time import read_process_file, threads_of
from autograder.kernel.place import place_files
from autograder.kernel.shipping import filter_problem
from autograder.kernel.storage import Stored
from autograder.kernel.waiting import has_input

FENCE_END_TIMEOUT_S = 10.0
"""For all processes of a kernel to be gone, and their supervisor with them."""
MEASURED_AT_MOST = 0.05
"""Of the time that is spent measuring a work folder, as a part of all."""
OPEN_FILE_MODE = 0o666
SETPCAP = 8
PROVED = frozenset({"landlock", "scope", "identity", "seccomp"})
"""Layers without which the acts that must fail would not; only the tests' twins leave them out."""


class Fence:
    """What a kernel is to be enclosed by, ready to be handed to a forked process."""

    name = "landlock"

    def __init__(self, plan: SandboxPlan, folder: Path, user: users.KernelUser | None, abi: int) -> None:
        self.plan = plan
        self.home, self._temporary = folder / "home", folder / "tmp"
        self._folder, self._user = folder, user
        self._scope = landlock.Ruleset(files=False, abi=abi) if abi >= landlock.SCOPE_ABI else None
        self._inner = landlock.Ruleset(files=True, abi=abi)
        self._leash, self._held = socket.socketpair()
        self.pid = 0
        """The supervisor, to which what the kernel leaves behind belongs; 0 until there is one."""
        self.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self._stored, self._next_s = Stored(), 0.0

    @property
    def handed(self) -> list[int]:
        """The descriptors that the supervisor needs first."""
        scope = self._scope or self._inner
        return [scope.descriptor, self._inner.descriptor, self._held.fileno()]

    def request(self) -> dict[str, Any]:
        """What the forked process is told of it."""
        layers_off = {*self.plan.layers_off, *([] if self._scope else ["scope"]), *self.missing}
        if PROVED & self.plan.layers_off:
            layers_off.add("proof")
        own = self._user.uid if self._user else None
        return {
            "sandbox": self.name,
            "folder": str(self.home),
            "uid": os.geteuid() if own is None else own,
            "gid": os.getegid() if own is None else own,
            "own_user": own,
            "filter": "alone" if own is None else "users",
            "layers_off": sorted(layers_off),
            "proof": {"file": str(proof_file())},
        }

    def environment(self) -> dict[str, str]:
        """Where a kernel finds the folders that have another place here."""
        return {"HOME": str(self.home), "TMPDIR": str(self._temporary)}

    @property
    def counts_processes(self) -> bool:
        """Whether Linux counts its processes apart from all others: it counts for each user."""
        return self._user is not None

    @property
    def missing(self) -> dict[str, str]:
        """Layers that cannot be had here, and why it may go on without."""
        return missing_here(with_users=self._user is not None)

    def knows(self, supervisor: int) -> None:
        """Take in which process is the supervisor; the kernel is in."""
        self.pid = supervisor

    def processes(self) -> Iterator[str]:
        """The kernel and all that it started, by their numbers."""
        return self._descendants(str(self.pid)) if self.pid else iter(())

    def _descendants(self, pid: str) -> Iterator[str]:
        for thread in threads_of(self.proc, pid):
            for child in read_process_file(self.proc, f"{pid}/task/{thread}/children").split():
                yield child
                yield from self._descendants(child)

    def memory_of(self, pid: str) -> str:
        """What Linux tells of a process's memory: all of it to root, in a container only to the process's own user."""
        name = f"{pid}/smaps_rollup"
        if text := read_process_file(self.proc, name):
            return text
        if self._user:
            with users.seen_as(self._user.uid):
                text = read_process_file(self.proc, name)
        # A process can refuse that to everybody.
        return text or read_process_file(self.proc, f"{pid}/status")

    def reaped_cpu_fields(self) -> list[str]:
        """Processor time of what ended and belonged to the supervisor, as Linux tells it."""
        return read_process_file(self.proc, f"{self.pid}/stat").rpartition(")")[2].split()[13:15] if self.pid else []

    def stored(self) -> Stored:
        """What lies in the work folder; measured again when that costs little."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._stored = Stored.of(self._folder, self.plan.limits)
            ended_s = time.monotonic()
            self._next_s = ended_s + (ended_s - now_s) / MEASURED_AT_MOST
        return self._stored

    def kill(self) -> None:
        """Have the supervisor kill all of it."""
        with contextlib.suppress(OSError):
            self._leash.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Kill it, wait until it is gone, and give back what it held on the host."""
        self.kill()
        self._held.close()
        # Only the supervisor has the other end, and it goes when nothing else is left.
        is_gone = has_input(self._leash, FENCE_END_TIMEOUT_S)
        self._leash.close()
        self._inner.close()
        if self._scope:
            self._scope.close()
        os.close(self.proc)
        remove_folder(self._folder)
        if self._user and is_gone:
            self._user.give_back()

    def furnish(self) -> None:
        """Make the folder, with what was handed in and what is shown, and fill the ruleset."""
        for made in (self.home, self._temporary):
            made.mkdir()
        if sum(len(data) for _, data in self.plan.files) > self.plan.limits.disk_bytes // 2:
            raise SandboxError("files", "No space left on device", remedy=remedy("disk"))
        place_files(self.home, self.plan.files)
        readable = shown.furnished(self.plan, self.home)
        if self._user:
            _give(self._folder, self._user.uid)
        for path, rights in (*shown.visible_paths(_without_files(self.plan)), *readable):
            self._inner.allow(path, rights)
        # SECURITY: no device and no socket can be made, not even there.
        made_there = self._inner.handled & ~(1 << 6 | 1 << 9 | 1 << 11 | landlock.IOCTL_DEVICE)
        for made in (self.home, self._temporary):
            self._inner.allow(made, made_there)


def _without_files(plan: SandboxPlan) -> SandboxPlan:
    """The part of the plan that decides what is shown, the same for a whole class."""
    return SandboxPlan(gpu=plan.gpu, hidden=plan.hidden)


def _give(folder: Path, uid: int) -> None:
    for at, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.lchown(os.path.join(at, name), uid, uid)


def open_fence(plan: SandboxPlan) -> Fence:
    """A fence for one kernel; raises SandboxError when one cannot be had."""
    if problem := filter_problem():
        raise SandboxError("seccomp", problem, remedy="Install libseccomp 2.5 or later: apt-get install libseccomp2")
    with_users = users.has_users() and "identity" not in plan.layers_off
    abi = landlock.require_abi(landlock.ABI_WITH_USERS if with_users else landlock.ABI_ALONE)
    if with_users:
        shown.require_passable(owner_folder())
    with contextlib.ExitStack() as undo:
        user = users.take_user() if with_users else None
        if user:
            undo.callback(user.give_back)
        folder = Path(tempfile.mkdtemp(prefix="h-", dir=owner_folder()))
        undo.callback(remove_folder, folder)
        try:
            fence = Fence(plan, folder, user, abi)
            undo.pop_all()
            undo.callback(fence.close)
            fence.furnish()
        except OSError as error:
            raise SandboxError("landlock", f"{error}", remedy=remedy("landlock")) from error
        undo.pop_all()
    return fence


def missing_here(*, with_users: bool) -> dict[str, str]:
    """Layers of this sandbox that cannot be had on this machine, and why it may go on without."""
    found = {}
    if not users.holds_capability(SETPCAP):
        found["bounding_set"] = "it takes CAP_SETPCAP; no_new_privs keeps every program from what the set allows"
    if not with_users:
        found["own_user"] = "only root can give a kernel one; Landlock and the filter alone keep it from the operator's"
    return found


def proof_file() -> Path:
    """A file that every user may read and write, were it not for the fence."""
    path = owner_folder() / "proof"
    if not path.exists():
        path.touch()
        path.chmod(OPEN_FILE_MODE)
    return path
