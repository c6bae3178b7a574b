"""The private folder of this process on the host, and the sweep of those that crashed graders left.

Each kernel's listening sockets and connection file are in a folder here that only the operator can enter and
no sandbox can see, so removing it follows nobody's links. Others may pass the folders above, and not list them:
where no namespace encloses a kernel, its work folder is here too.
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
import threading
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import SandboxError
from autograder.kernel import cgroup

SOCKET_PATH_MAX_CHARS = 107
"""What Linux takes for the path of a local socket (``sun_path`` less its end)."""

PASSABLE = 0o711
"""A kernel may have a user of its own, who must reach the work folder and may see no name on the way."""

_LONGEST_TAIL = len("/grading-4294967295/owner-12345678/k-12345678/s-1k")


def base_folder() -> Path:
    """The folder that this operator's graders share, made if need be; raises SandboxError if not ours."""
    parent = tempfile.gettempdir()
    if len(parent) + _LONGEST_TAIL > SOCKET_PATH_MAX_CHARS:
        parent = "/tmp"
    base = Path(parent) / f"grading-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        base.mkdir(mode=PASSABLE)
        # The operator's umask may have taken some of it.
        base.chmod(PASSABLE)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & ~PASSABLE:
        raise SandboxError("folders", f"{base} is not a private folder of ours", remedy="Remove it and run again")
    return base


def sweep_folders(base: Path) -> int:
    """How many folders of graders that are gone were removed from there."""
    gone = [owner for owner in base.glob("owner-*") if _is_abandoned(owner)]
    for owner in gone:
        remove_folder(owner)
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


_first = threading.Lock()


@functools.lru_cache(maxsize=1)
def _owner_folder(pid: int) -> tuple[Path, int]:
    base = base_folder()
    sweep_folders(base)
    cgroup.sweep_groups()
    staging = Path(tempfile.mkdtemp(prefix="new-", dir=base))
    staging.chmod(PASSABLE)
    lock = os.open(staging / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Another grader sweeps what is called owner-*, so the name comes after the lock.
    owner = staging.rename(staging.with_name(staging.name.replace("new-", "owner-")))
    return owner, lock


def owner_folder() -> Path:
    """The folder that holds those of this process's kernels; any thread may be the first to ask."""
    with _first:
        return _owner_folder(os.getpid())[0]


@contextlib.contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards; when this process is killed before, the next grader sweeps it."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=owner_folder(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def new_kernel_folder() -> Path:
    """A fresh folder for one kernel of this process."""
    return Path(tempfile.mkdtemp(prefix="k-", dir=owner_folder()))


def remove_folder(folder: Path) -> None:
    """Remove a folder of ours, also what a kernel that is gone made unreadable in it."""
    if os.geteuid() != 0:
        for at, folders, _ in os.walk(folder):
            for path in (os.path.join(at, name) for name in folders):
                with contextlib.suppress(OSError):
                    if not os.path.islink(path):
                        os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def remove_owner_folder() -> None:
    """Remove what this process made; for the end of the process, when its kernels are gone."""
    if _owner_folder.cache_info().currsize:
        owner, lock = _owner_folder(os.getpid())
        _owner_folder.cache_clear()
        remove_folder(owner)
        os.close(lock)


# Registered when this module is first imported, so it runs after the kernels of later importers are gone.
atexit.register(remove_owner_folder)
