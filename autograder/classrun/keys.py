"""What decides a result, as digests: whatever has the same ones need not be run, or judged, a second time.

A key is two digests with a colon between them: of all that was handed in, and of how it is run. The seed is no part of
it: a right solution earns the same under each, and a run that goes on keeps the seeds of its Records.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

from autograder.classrun.settings import Settings, versions
from autograder.models import Submission
from autograder.submission.find import SUBMITTED_MAX_BYTES, is_handed_in

AUTOGRADER = Path(__file__).parent.parent
RUNS = (
    "assignment.py", "cells.py", "models.py", "inside/*.py", "kernel/*.py", "observe/*.py", "submission/*.py",
    "classrun/prepare.py", "classrun/run.py", "text.py",
)  # fmt: skip
"""Our own code that reads submissions or runs them."""
JUDGES = ("models.py", "judge/*.py", "judge/*.txt", "publish/*.py")
"""Our own code that turns Records into scores and words."""
HANDED_IN_MAX = 100_000
"""In one student's folder; nobody looks at what lies beyond."""
CONTENTS_MAX_BYTES = 2_000_000_000
"""Read of one student's files; beyond that a file's size and time stand for it."""


@dataclass(frozen=True)
class Keys:
    """The part of the keys that is the same for a whole class."""

    how: str
    """How a submission is run."""
    verdict: str
    """How a Record is judged and told."""

    @classmethod
    def of(cls, settings: Settings) -> "Keys":
        """Those of these settings."""
        return cls(run_digest(settings), verdict_digest(settings))

    def key(self, submission: Submission) -> str:
        """What decides the result of this submission's run; empty where nobody handed it in."""
        digest = folder_digest(submission)
        return f"{digest}:{self.how}" if digest else ""


def same_files(key: str, other: str) -> bool:
    """Whether two keys are of the same bytes, however they are run."""
    return bool(key) and key.partition(":")[0] == other.partition(":")[0]


def run_digest(settings: Settings) -> str:
    """Digest of the source, what is released and shipped with it, our own code, profile, limits and versions."""
    declared = replace(settings.assignment.declaration, public=(), public_names=())
    words = [
        settings.source_sha256, settings.notebook, settings.profile, settings.sandboxed, settings.assignment.shipped,
        asdict(settings.deadlines), settings.limits, repr(declared), versions(declared.packages), code(RUNS),
        [tree_digest(folder) for folder in settings.files],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def verdict_digest(settings: Settings) -> str:
    """Digest of the hidden tests and everything beside them, the points, our own code, and whether two runs count."""
    words = [
        tree_digest(settings.assignment.folder), settings.max_scores, code(JUDGES), settings.second_seed is not None
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


@cache
def code(patterns: tuple[str, ...]) -> str:
    """Digest of these files of the package, which do not change while it runs."""
    return digest_of(AUTOGRADER, (path for pattern in patterns for path in sorted(AUTOGRADER.glob(pattern))))


def tree_digest(folder: Path) -> str:
    """Digest of all files of ours in a folder and below, what Python has compiled left out."""
    return digest_of(folder, sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts))


def digest_of(folder: Path, paths: Iterable[Path]) -> str:
    """Digest of names and contents."""
    found = [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def folder_digest(submission: Submission) -> str:
    """Digest of everything in a student's folder, read as hostile as it is; empty for a notebook in any other."""
    folder = submission.path.parent
    if not is_handed_in(submission.path, submission.assignment):
        return ""
    digest, left = hashlib.sha256(), CONTENTS_MAX_BYTES
    # No link is followed: what it leads to is nobody's submission.
    linked = folder.is_symlink() or folder.parent.is_symlink()
    for name, path in () if linked else lying_in(folder):
        kind, size, data = seen(path, left)
        left -= size
        digest.update(b"%d %s %s %s\n" % (len(name), name, kind, data))
    return digest.hexdigest()


def lying_in(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """Name, relative to the folder, and path of what lies in it and below, folders before what they hold."""
    folders, left = [folder], HANDED_IN_MAX
    while folders and left > 0:
        here = folders.pop()
        try:
            with os.scandir(here) as scan:
                found = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in islice(scan, left))
        except OSError:
            continue
        left -= len(found)
        for name, is_folder in found:
            yield os.fsencode(os.path.relpath(here / name, folder)), here / name
            folders += [here / name] if is_folder else []


def seen(path: Path, left: int) -> tuple[bytes, int, bytes]:
    """A file's kind, how much of it was read, and what stands for its content."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return b"%o" % stat.S_IFMT(status.st_mode), 0, b""
        if status.st_size > min(SUBMITTED_MAX_BYTES, left):
            return b"large", 0, b"%d %d" % (status.st_size, status.st_mtime_ns)
        # Between the look and the opening it may have become a link or a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return b"file", status.st_size, hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        return b"unreadable", 0, b"%d" % (error.errno or 0)
