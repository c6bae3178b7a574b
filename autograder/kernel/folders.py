"""The private folder of this process on the host, and the sweep of those that crashed graders left.

Each kernel's listening sockets and connection file are in a folder here that only the operator can enter and
no sandbox can see, so removing it follows nobody's links.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import SandboxError
from autograder.kernel import cgroup

SOCKET_PATH_MAX_CHARS = 107
"""What Linux takes for the path of a local socket (``sun_path`` less its end)."""

_LONGEST_TAIL = len("/autograder-4294967295/owner-12345678/k-12345678/s-1")


def base_folder() -> Path:
    """The folder that this operator's graders share, made if need be; raises SandboxError if not ours."""
    parent = tempfile.gettempdir()
    if len(parent) + _LONGEST_TAIL > SOCKET_PATH_MAX_CHARS:
        parent = "/tmp"
    base = Path(parent) / f"autograder-{os.geteuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SandboxError("folders", f"{base} is not a private folder of ours", remedy="Remove it and run again")
    return base


def sweep_folders(base: Path) -> int:
    """How many folders of graders that are gone were removed from there."""
    gone = [owner for owner in base.glob("owner-*") if _is_abandoned(owner)]
    for owner in gone:
        shutil.rmtree(owner, ignore_errors=True)
    return len(gone)


def _is_abandoned(owner: Path) -> bool:
    # The lock goes with the process that held it, however that ended; a pid could be somebody else's by now.
    try:
        with open(owner / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not owner.exists()
    return True


@functools.lru_cache(maxsize=1)
def _owner_folder(pid: int) -> tuple[Path, int]:
    base = base_folder()
    sweep_folders(base)
    cgroup.sweep_groups()
    staging = Path(tempfile.mkdtemp(prefix="new-", dir=base))
    lock = os.open(staging / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Another grader sweeps what is called owner-*, so the name comes after the lock.
    owner = staging.rename(staging.with_name(staging.name.replace("new-", "owner-")))
    return owner, lock


def owner_folder() -> Path:
    """The folder that holds those of this process's kernels."""
    return _owner_folder(os.getpid())[0]


@contextlib.contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards; when this process is killed before, the next grader sweeps it."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=owner_folder(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def new_kernel_folder() -> Path:
    """A fresh folder for one kernel of this process."""
    return Path(tempfile.mkdtemp(prefix="k-", dir=owner_folder()))


def remove_owner_folder() -> None:
    """Remove what this process made; for the end of the process, when its kernels are gone."""
    if _owner_folder.cache_info().currsize:
        owner, lock = _owner_folder(os.getpid())
        _owner_folder.cache_clear()
        shutil.rmtree(owner, ignore_errors=True)
        os.close(lock)


# Registered when this module is first imported, so it runs after the kernels of later importers are gone.
atexit.register(remove_owner_folder)
