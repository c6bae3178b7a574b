"""Find and open a submitted file, following no link, waiting for no pipe, reading no more than is allowed."""

import contextlib
import hashlib
import itertools
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.errors import SubmissionError
from autograder.text import short_name

SUBMITTED_MAX_BYTES = 200_000_000
"""Saved outputs of 100 MB occur; outputs are dropped before anything else happens."""
COURSE_MARK = "nbgrader_config.py"
"""What the root of a course holds; imported from nowhere, because a worker that reads has little loaded."""
SEARCHED_MAX = 1_000
DEEP_MAX = 40
"""Folders within folders that are looked into."""
IGNORED = re.compile(r"^(\.|__MACOSX$|__pycache__$)")
KINDS = (".ipynb", ".json", ".py")
"""Endings that a notebook may have, the surest first; browsers write .ipynb.txt and .ipynb.json."""


class SubmittedBytes(bytes):
    """The bytes of a submitted file, and a sentence for everything odd about where it was found."""

    notes: tuple[str, ...] = ()
    path: Path | None = None
    """Where they were found."""
    others: tuple[Path, ...] = ()
    """Further files there that may be the notebook."""


class SeveralMeant(SubmissionError):
    """No file has the expected name, and several may be meant."""

    def __init__(self, message: str, files: Sequence[Path]) -> None:
        super().__init__(message)
        self.files = tuple(files)


def read_bytes(path: Path) -> SubmittedBytes:
    """The submitted notebook's bytes; SubmissionError says why when there are none to be had.

    In a folder of its own name, as nbgrader lays submissions out, a notebook under another name is taken when
    it is the only one. Symbolic links are not followed there or on the way: they could name anybody's file.
    """
    if not is_handed_in(path):
        data = contents(path)
        data.others = tuple(copies(path))
        return data
    refuse_links(path)
    found, notes = located(path)
    data = contents(found)
    data.notes, data.others = notes, tuple(others(path.parent, found))
    return data


def is_handed_in(path: Path, assignment: str = "") -> bool:
    """Whether a notebook lies where nbgrader puts it: in a folder of its own name, or of its assignment's.

    What lies there was handed in with it. A course may have the student's folder in the assignment's.
    """
    names = {path.stem, assignment or path.stem}
    above = path.parent.parent
    return path.parent.name in names or (above.name in names and not (above / COURSE_MARK).exists())


def others(folder: Path, chosen: Path) -> Iterator[Path]:
    """Everything else in a student's folder, or below it, that may be the notebook: notebooks first, then scripts."""
    files = below(folder)
    for kind in (".ipynb", ".py"):
        yield from (file for file in files if file.name.lower().endswith(kind) and file != chosen)


def copies(path: Path) -> Iterator[Path]:
    """Copies that Jupyter or a browser made of a file and put beside it."""
    stem = re.escape(path.stem)
    name = re.compile(rf"(?:{stem}(?:-Copy\d+| ?\(\d+\))|Copy of {stem})\.ipynb$", re.IGNORECASE)
    with contextlib.suppress(OSError), os.scandir(path.parent) as scan:
        yield from (path.parent / one.name for one in itertools.islice(scan, SEARCHED_MAX) if name.match(one.name))


def refuse_links(path: Path) -> None:
    """SubmissionError when the student's folder, or the assignment's in it, is a link."""
    for folder in (path.parent.parent, path.parent):
        if folder.is_symlink():
            raise SubmissionError(
                f"the folder {short_name(folder.name)} is a symbolic link, which is never followed. "
                "If you trust where it leads, put a copy of the files in its place"
            )


def located(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The file to read, and a note when it has another name or company."""
    if os.path.lexists(path):
        return path, ()
    files = notebooks(path.parent)
    if not files:
        return path, ()
    alike = [file for file in files if bare_name(file.name) == bare_name(path.name)]
    chosen = alike if len(alike) == 1 else files
    if len(chosen) > 1 and not are_alike(chosen):
        raise SeveralMeant(
            f"the file {path.name} is missing, and {first_names([f.name for f in files])} may each be meant. "
            f"Ask the student, rename the right one to {path.name}, and grade again",
            files,
        )
    return chosen[0], (renamed(chosen[0], path),)


def are_alike(files: Sequence[Path]) -> bool:
    """Whether all of these files hold the same; one after the other, for together they may be large."""
    if len({file.lstat().st_size for file in files}) > 1:
        return False
    return len({hashlib.sha256(contents(file)).digest() for file in files}) == 1


def renamed(found: Path, expected: Path) -> str:
    """The note on a file that has another name than it should have."""
    return f"the notebook was named {short_name(found.name)} and was read as {expected.name}"


def notebooks(folder: Path) -> list[Path]:
    """Files in a folder or below it that may be the notebook: of the surest kind that there is."""
    files = below(folder)
    for kind in KINDS:
        if of_kind := [file for file in files if kind in file.name.lower()]:
            return of_kind
    return []


def below(folder: Path) -> list[Path]:
    """The first files in a folder or below it; hidden ones and those of a cache are left out."""
    found = (one for one in walked(folder) if not os.path.isdir(one.path))
    return [Path(one.path) for one in itertools.islice(found, SEARCHED_MAX + 1)]


def walked(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """The files and links in a folder and below, by name, a folder's own first; hidden ones are left out.

    No link is followed. Not os.walk, which calls itself for each folder on the way down.
    """
    folders = [(str(folder), 0)]
    while folders:
        where, depth = folders.pop()
        try:
            with os.scandir(where) as scan:
                found = sorted((one for one in scan if not IGNORED.match(one.name)), key=lambda one: one.name)
        except OSError:
            continue
        inner = [one for one in found if one.is_dir(follow_symlinks=False)]
        yield from (one for one in found if not one.is_dir(follow_symlinks=False))
        folders += [(one.path, depth + 1) for one in reversed(inner) if depth < DEEP_MAX]


def bare_name(name: str) -> str:
    """A file name without case, punctuation and what follows the first dot."""
    return re.sub(r"[\W_]", "", name.lower().split(".")[0])


def first_names(found: list[str]) -> str:
    """The first few names, for a message."""
    return ", ".join(short_name(name)[:60] for name in found[:4]) + (" and more" if len(found) > 4 else "")


def contents(path: Path) -> SubmittedBytes:
    """The bytes of a regular file; SubmissionError for anything else."""
    if not os.path.lexists(path):
        raise SubmissionError(
            f"the file {short_name(path.name)} is missing; the student should submit it under this name"
        )
    try:
        # A device may act on being opened, and a pipe would make us wait.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise irregular(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise irregular(path)
            data = SubmittedBytes(file.read(SUBMITTED_MAX_BYTES + 1))
            data.path = path
    except OSError as error:
        raise SubmissionError(
            f"{short_name(path.name)} cannot be read ({error.strerror}); "
            "look at its permissions and at the disk, and grade again"
        ) from error
    if len(data) > SUBMITTED_MAX_BYTES:
        raise SubmissionError(f"the file is larger than {SUBMITTED_MAX_BYTES // 1_000_000} MB; clear its outputs")
    return data


def irregular(path: Path) -> SubmissionError:
    """The error for a folder, link, pipe or device."""
    return SubmissionError(
        f"{short_name(path.name)} is not a regular file (a folder, a link or a pipe?); "
        "ask the student for the notebook itself"
    )
