"""Landlock's three system calls: a ruleset, made on the host, that a process can put over itself for good.

Linux refuses to a process under a ruleset every access of the handled kinds that no rule allows, and hands the refusal
down to all its children. It needs no privilege and no namespace.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from autograder.errors import SandboxError

CREATE_RULESET, ADD_RULE = 444, 445
"""The same numbers on every architecture."""
VERSION_FLAG, BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that an ABI knows, from that one on."""
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
"""Those that make sense for what is no folder."""

TCP = 3
"""To bind and to connect, from ABI 4 on."""
TCP_ABI, SCOPE_ABI = 4, 6
SCOPES = 3
"""Signals and abstract sockets, from ABI 6 on."""

ABI_WITH_USERS, ABI_ALONE = 3, SCOPE_ABI
"""What is needed where each kernel has a user of its own, and where only Landlock keeps signals from others."""

_linux = ctypes.CDLL(None, use_errno=True)


class RulesetAttributes(ctypes.Structure):
    """``landlock_ruleset_attr``."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathAttributes(ctypes.Structure):
    """``landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_abi() -> int:
    """The version that this Linux has, 0 for none: it is too old, was started without, or a container forbids it."""
    return max(0, int(_linux.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)))


def require_abi(needed: int) -> int:
    """The version that this Linux has; SandboxError when that is not enough."""
    found = landlock_abi()
    if found >= needed:
        return found
    problem = f"version {found} of Landlock is here, and {needed} is needed" if found else "Landlock is not here"
    remedy = (
        "Landlock 3 comes with Linux 6.2 and suffices for root, 6 comes with Linux 6.12 and is needed for others; it "
        "must be among the modules of `lsm=` on the kernel's command line, and a container's seccomp profile must "
        "allow landlock_create_ruleset, as Docker's does"
    )
    raise SandboxError("landlock", problem, remedy=remedy)


class Ruleset:
    """What may be opened under it, on an open descriptor."""

    def __init__(self, *, files: bool, abi: int) -> None:
        self.handled = max(rights for since, rights in RIGHTS_BY_ABI.items() if since <= abi) if files else 0
        network = TCP if files and abi >= TCP_ABI else 0
        scoped = SCOPES if abi >= SCOPE_ABI else 0
        attributes = RulesetAttributes(self.handled, network, scoped)
        # Linux takes no field that it does not know.
        size = 24 if abi >= SCOPE_ABI else 16 if abi >= TCP_ABI else 8
        self.descriptor = _result(_linux.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0))

    def allow(self, path: Path, rights: int) -> None:
        """Allow this to a file, or to a folder and all that is below it; what is not there is left out."""
        try:
            opened = os.open(path, os.O_PATH)
        except FileNotFoundError:
            return
        try:
            meant = rights if path.is_dir() else rights & OF_FILES
            attributes = PathAttributes(meant & self.handled, opened)
            if attributes.allowed:
                _result(_linux.syscall(ADD_RULE, self.descriptor, BENEATH, ctypes.byref(attributes), 0))
        finally:
            os.close(opened)

    def close(self) -> None:
        """Give back the descriptor; whoever is under the ruleset stays there."""
        os.close(self.descriptor)


def _result(value: int) -> int:
    if value < 0:
        number = ctypes.get_errno() or errno.EINVAL
        raise OSError(number, os.strerror(number))
    return value
