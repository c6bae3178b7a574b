"""What is to be observed of one submission, read in a worker process: here nobody looks into a student's bytes.

The instructor's cells come from the source that this process has; a worker tells only where they stand.
"""

import atexit
import hashlib
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.cells import is_solution
from autograder.classrun.settings import Settings
from autograder.errors import GraderError
from autograder.frames import Message
from autograder.models import HandedIn, Submission
from autograder.submission.align import Aligned
from autograder.submission.archive import Refused
from autograder.submission.beside import Beside, unfit_name
from autograder.text import short_name
from autograder.workers import Pool, WorkerLost

WORKERS = max(2, (os.cpu_count() or 1) // 4)
"""Reading takes a thirtieth of what a submission takes; with two, one that hangs holds up nobody."""
ASK = "look at the file, or ask the student for the notebook with its outputs cleared"


@dataclass(frozen=True)
class Prepared:
    """What is to be observed of one submission."""

    submission_sha256: str
    """Of the notebook's bytes as they were handed in; of nothing when none could be read."""
    aligned: Aligned | None = None
    beside: Beside = field(default_factory=Beside)
    newer: dict[str, str] = field(default_factory=dict)
    """Module beside the notebook -> why this Python cannot run it."""
    not_run: str = ""
    """Why there is nothing to be observed."""

    @property
    def files(self) -> tuple[HandedIn, ...]:
        """The files beside the notebook by name, size and digest."""
        return tuple(HandedIn(name, len(data), digest(data)) for name, data in self.beside.files)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def prepare(submission: Submission, settings: Settings) -> Prepared:
    """Read and align one submission; one that cannot be read says so in ``not_run``."""
    request = Message({"path": str(submission.path.absolute()), "assignment": submission.assignment})
    try:
        reply = readers(settings).ask(request)
    except WorkerLost as lost:
        return Prepared(digest(b""), not_run=f"{short_name(submission.path.name)} could not be read {lost}; {ASK}")
    return from_worker(reply, settings.source)


_pools: dict[str, Pool] = {}
_pools_lock = threading.Lock()


def readers(settings: Settings) -> Pool:
    """The workers that read submissions to this homework; they last as long as this process."""
    hello, key = settings.homework
    with _pools_lock:
        if key not in _pools:
            _pools[key] = Pool("autograder.submission.prepare", hello, size=WORKERS)
        return _pools[key]


@atexit.register
def end_readers() -> None:
    """End the workers that read."""
    with _pools_lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()


# A forked process must not talk to the workers of its parent.
os.register_at_fork(after_in_child=_pools.clear)


def from_worker(reply: Message, source: NotebookNode) -> Prepared:
    """What a worker said of a submission; GraderError when it is nothing that our own code says."""
    values = reply.values
    if "not_run" in values:
        return Prepared(values["submission_sha256"], not_run=str(values["not_run"]))
    try:
        if any(map(unfit_name, values["names"])):
            raise ValueError("a name that is not fit to lie beside a notebook")
        notebook = NotebookNode(source | {"cells": [cell_of(row, source) for row in values["cells"]]})
        files = tuple(zip(map(str, values["names"]), reply.parts, strict=True))
        refused = tuple(Refused(str(name), str(reason)) for name, reason in values["not_taken"])
        aligned = Aligned(
            notebook, tuple(map(str, values["repairs"])), dict(values["ambiguous"]), dict(values["unread"])
        )
        return Prepared(values["submission_sha256"], aligned, Beside(files, refused), dict(values["newer"]))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise GraderError(f"what a worker read of a submission is malformed ({error})") from error


def cell_of(row: dict[str, Any], source: NotebookNode) -> NotebookNode:
    """A cell of the source, with the student's text if it is a solution cell, or one that the student added."""
    if "at" not in row:
        make = new_code_cell if row["kind"] == "code" else new_markdown_cell
        added: NotebookNode = make(str(row["source"]))
        return added
    cell = source.cells[row["at"]]
    if "source" in row and not is_solution(cell):
        raise ValueError("another text in a cell of the instructor's")
    # A cell of its own, which gets outputs; what is in it is shared and only read.
    return NotebookNode(cell | {"source": str(row["source"])} if "source" in row else cell)
