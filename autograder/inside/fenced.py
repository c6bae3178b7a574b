"""A kernel that no namespace encloses: what keeps its processes together, and what ends all of them at once.

The supervisor puts a Landlock domain over itself that only confines signals, and the kernel one inside it that confines
all else. So the supervisor can signal whatever the kernel started and nothing else, and none of these can signal it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
from collections.abc import Mapping
from typing import Any

from .entry import PR_SET_NO_NEW_PRIVS, checked, linux, prctl

PR_SET_CHILD_SUBREAPER = 36
RESTRICT_SELF = 446


def restrict(ruleset: int) -> None:
    """Put this process under the ruleset for good, and close it."""
    try:
        checked(linux.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def hold_together(scope: int) -> None:
    """Get all that the kernel leaves behind as children, and be able to signal nobody else."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    restrict(scope)
    if not is_scoped():
        raise OSError(1, "the supervisor can still signal its own parent")


def is_scoped() -> bool:
    """Whether Linux keeps signals of this process from its parent, as proof that it keeps them from all others."""
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    return False


class Household:
    """The supervisor's view of the kernel and all that it starts."""

    def __init__(self, leash: socket.socket, user: int | None, *, scoped: bool) -> None:
        self._leash = leash
        self._user = user
        self._scoped = scoped
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def stay(self, pid: int) -> tuple[int, Any]:
        """How the kernel ended and what it used, once it has, or the grader pulled the leash; then nothing is left."""
        ended = self._reaped(pid)
        while ended is None and not self._is_pulled():
            ended = self._reaped(pid)
        self.sweep()
        return ended or self._last(pid)

    def _is_pulled(self) -> bool:
        """Wait for something to happen; whether it is that the grader says so, or has gone."""
        leash = self._leash.fileno()
        ready, _, _ = select.select([leash, self._woken], [], [])
        if self._woken in ready:
            os.read(self._woken, 4096)
        return leash in ready

    def _reaped(self, pid: int) -> tuple[int, Any] | None:
        """What ended meanwhile is waited for; the kernel's end is returned."""
        ended = None
        while True:
            found, status, usage = os.wait4(-1, os.WNOHANG) if has_children() else (0, 0, None)
            if found == 0:
                return ended
            if found == pid:
                ended = status, usage

    def _last(self, pid: int) -> tuple[int, Any]:
        """The kernel's end, for which the sweep left it."""
        _, status, usage = os.wait4(pid, 0)
        return status, usage

    def sweep(self) -> None:
        """Kill all that the kernel started."""
        if self._user is not None:
            self._kill_as_user(self._user)
        if self._scoped:
            # SECURITY: outside of the domain this would end everything that the operator runs.
            if not is_scoped():
                raise OSError(1, "the supervisor's domain does not hold")
            kill_all()
        else:
            kill_tree(os.getpid())

    def _kill_as_user(self, user: int) -> None:
        helper = os.fork()
        if helper == 0:
            try:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
                if user > 0 and os.getresuid() == (user, user, user):
                    kill_all()
            finally:
                os._exit(0)
        os.waitpid(helper, 0)


def kill_all() -> None:
    """Kill whatever this process may signal, at one moment: Linux lets nothing be forked meanwhile."""
    try:
        os.kill(-1, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def kill_tree(pid: int) -> None:
    """Kill the descendants of a process, as far as they can be found."""
    for child in children_of(pid):
        kill_tree(child)
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


def children_of(pid: int) -> list[int]:
    """Its children, none where Linux does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(word) for word in children.read().split()]
    except OSError:
        return []


def has_children() -> bool:
    """Whether there is a child that has not been waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def prove_closed(proof: Mapping[str, Any]) -> None:
    """Try what must not be possible, last of all layers; raises OSError with the first thing that is."""
    for act, attempt in attempts(proof).items():
        try:
            attempt()
        except OSError:
            continue
        raise OSError(1, f"it is still possible to {act}")


def attempts(proof: Mapping[str, Any]) -> dict[str, Any]:
    """What no kernel may be able to do -> a try at it; the file is one that any user of the host may read and write."""
    outside = proof["file"]
    return {
        "read a file outside of the work folder": lambda: os.close(os.open(outside, os.O_RDONLY)),
        "write a file outside of the work folder": lambda: os.close(os.open(outside, os.O_WRONLY)),
        "empty a file outside of the work folder": lambda: os.truncate(outside, 0),
        "list the host's folders": lambda: os.listdir("/"),
        "make a file outside of the work folder": lambda: os.mkdir(outside + "-new"),
        "open a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "signal the supervisor": lambda: os.kill(os.getppid(), 0),
        "signal the warm parent": lambda: os.kill(proof["parent"], 0),
        "read the supervisor's memory": lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY)),
        "read the supervisor's environment": lambda: os.close(os.open(f"/proc/{os.getppid()}/environ", os.O_RDONLY)),
    }
