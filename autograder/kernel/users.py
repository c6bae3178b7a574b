"""A user of its own for every running kernel, where the operator is root and no namespace gives one.

Their numbers belong to nobody: systemd's list of them calls the range unused. Where a container maps fewer users, they
are taken below its last ones.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import SandboxError

RANGES = (range(1_900_000_000, 1_900_010_000), range(64_000, 65_000))
CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7}
"""What root needs to give a kernel a user and to take the user's files and processes away; Docker's default has all."""


_libc = ctypes.CDLL(None)


def has_users() -> bool:
    """Whether each kernel can have a user of its own: the operator is root, and not only by name."""
    if os.geteuid() != 0:
        return False
    return all(map(holds_capability, CAPABILITIES.values())) and bool(candidates())


def holds_capability(capability: int) -> bool:
    """Whether this process has the capability of that number."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> capability & 1)


def candidates() -> range:
    """Numbers of users that this user namespace knows; empty where it knows too few."""
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    mapped = [(int(first), int(first) + int(count)) for first, _, count in map(str.split, lines)]
    known = [few for few in RANGES if any(start <= few.start and few.stop <= end for start, end in mapped)]
    return known[0] if known else range(0)


class KernelUser:
    """One such user, taken until it is given back or this process ends."""

    def __init__(self, uid: int, claim: socket.socket) -> None:
        self.uid = uid
        self._claim = claim

    def give_back(self) -> None:
        """Let another kernel have it; nothing of this one may run any more."""
        self._claim.close()


def take_user() -> KernelUser:
    """A user that no kernel of any grader on this machine has."""
    busy = _users_of_processes()
    for uid in candidates():
        if uid not in busy and not _is_known(uid) and (claim := _claimed(uid)):
            return KernelUser(uid, claim)
    raise SandboxError("identity", "all users for kernels are taken", remedy="Run fewer submissions at a time")


def _claimed(uid: int) -> socket.socket | None:
    # An abstract name goes with the process that holds it, and no file of ours has to be found by other graders.
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0autograder-user-{uid}")
    except OSError:
        claim.close()
        return None
    return claim


def _is_known(uid: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(uid))
    return False


def _users_of_processes() -> set[int]:
    """Whoever runs something now: a crashed grader's kernel may be about to end."""
    found = set()
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            found.add(os.stat(f"/proc/{name}").st_uid)
    return found


@contextlib.contextmanager
def seen_as(uid: int) -> Iterator[None]:
    """Have Linux take this thread, and no other one, for that user when it opens a file."""
    _libc.setfsgid(ctypes.c_uint(uid))
    _libc.setfsuid(ctypes.c_uint(uid))
    try:
        yield
    finally:
        _libc.setfsuid(ctypes.c_uint(os.geteuid()))
        _libc.setfsgid(ctypes.c_uint(os.getegid()))
