"""What would fail at the end of a long run is looked at before its beginning."""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from autograder.course import Course
from autograder.errors import UsageError
from autograder.kernel.mounts import interpreter_folders, is_privileged

DESCRIPTORS_EACH = 27
"""Of one kernel: sockets, pipes, its sandbox's descriptors."""
DESCRIPTORS_OWN = 100
"""Of the grader itself, its warm parent and the judge."""
SPACE_EACH_BYTES = 1_000_000
"""A Record and an autograded notebook, each beside the one that it replaces."""
SPACE_OWN_BYTES = 50_000_000


def require_ready(course: Course, assignment: str, submissions: int) -> None:
    """UsageError, with what, where, why and what to do, when the end of the run is known to fail."""
    autograded = course.folder("autograded", "x", assignment).parent.parent
    for folder in (course.root / "reports", course.records(assignment), autograded):
        require_writable(folder)
    if (gradebook := gradebook_file(course)) is not None:
        require_file_writable(gradebook)
    require_space(course.root, submissions)


def require_writable(folder: Path) -> None:
    """UsageError unless files can be written in a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"nothing can be written in {folder} ({error.strerror}). Is it another user's, or its disk full or "
            "read-only? Change its owner or its rights, or free some space, and grade again."
        ) from error


def gradebook_file(course: Course) -> Path | None:
    """The gradebook's file; None when it is a server's."""
    url = make_url(course.gradebook_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def require_file_writable(path: Path) -> None:
    """UsageError unless the gradebook's file can be written, if it is there, and its journal beside it."""
    require_writable(path.parent)
    if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        raise UsageError(
            f"the gradebook {path} cannot be written. Is it another user's or read-only? Change its owner or its "
            "rights (chmod u+w) and grade again."
        )


def require_space(root: Path, submissions: int) -> None:
    """UsageError unless there is room for what this many submissions leave."""
    needed, free = SPACE_OWN_BYTES + SPACE_EACH_BYTES * submissions, shutil.disk_usage(root).free
    if free < needed:
        raise UsageError(
            f"the disk of {root} has {free / 1e6:,.0f} MB free, and {submissions} submissions may need "
            f"{needed / 1e6:,.0f}. Free some, or grade fewer at a time with --student."
        )


def jobs_allowed(jobs: int) -> int:
    """As many jobs as the system gives descriptors for, at most so many; the soft limit is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_OWN + DESCRIPTORS_EACH * jobs
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = jobs if soft == resource.RLIM_INFINITY else (soft - DESCRIPTORS_OWN) // DESCRIPTORS_EACH
    if allowed < 1:
        raise UsageError(
            f"a process may have {soft} files open here, and one kernel needs {DESCRIPTORS_OWN + DESCRIPTORS_EACH}. "
            "Raise the limit (ulimit -n 4096) and grade again."
        )
    return min(jobs, allowed)


def require_interpreter() -> None:
    """UsageError when students, who are a user of their own under root, could not read this Python."""
    for path in unreadable() if sys.platform == "linux" and is_privileged() else ():
        raise UsageError(
            f"students' processes run as another user, who cannot read this Python: {path} is closed to others. "
            f"Open it (chmod -R o+rX {path}), or install the autograder with a Python that is open to all."
        )


def unreadable() -> Iterator[Path]:
    """The interpreter's own folders, and the program, as far as they are closed to other users."""
    for path in (*map(Path, interpreter_folders()), Path(os.path.realpath(sys.executable))):
        if path.stat().st_mode & 0o005 != 0o005:
            yield path
