"""Take in what a learning platform hands out, into the folders where nbgrader looks for submissions."""

import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import SubmissionError, UsageError
from autograder.submission.archive import Entry, Refused, files, printable
from autograder.submission.find import KINDS, plain, refuse_links
from autograder.submission.further import Further, further, own_name, put_beside
from autograder.submission.platforms import Upload, told_apart, uploads
from autograder.submission.several import defined

Which = Literal["latest", "first"]
TIMESTAMP = "timestamp.txt"
COPY = re.compile(r"([-_ ]*\(\d+\)|[-_ ]+\d+|[-_ ]*copy\d*)+$", re.IGNORECASE)
"""What browsers, platforms and Jupyter add to the name of a second copy."""


@dataclass(frozen=True)
class Taken:
    """One notebook that now lies in a student's folder."""

    student: str
    name: str
    """Where it was found."""
    platform: str
    time: datetime | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collected:
    """What was taken, and what was not."""

    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]

    def table(self) -> Iterator[str]:
        """One line for every notebook taken, one for everything refused, and a sum."""
        width = max((len(one.student) for one in self.taken), default=0)
        for one in self.taken:
            time = f"{one.time:%Y-%m-%d %H:%M}" if one.time else "time unknown"
            yield f"{one.student:{width}}  {time:16}  {one.platform}: {printable(one.name)}" + "".join(
                f"; {note}" for note in one.notes
            )
        for refused in self.refused:
            yield f"refused {printable(refused.name)}: {refused.reason}"
        yield f"{len(self.taken)} taken, {len(self.refused)} refused"


def collect(
    course: Course, assignment: str, path: Path, *, attempts: Which = "latest", replace: bool = False
) -> Collected:
    """Copy one notebook of each student into ``submitted/``; nothing that is there and may be newer is lost.

    UsageError when the course has no such assignment, or the path is no folder and no archive.
    """
    if course.notebooks(assignment) != [assignment]:
        raise UsageError(
            f"'{assignment}' has notebooks besides {assignment}.ipynb, and collect takes one of each student. "
            "Use nbgrader zip_collect"
        )
    source = nbformat.read(course.source(assignment), as_version=4)
    entries, refused = files(path)
    pattern = str(course.config.FileNameCollectorPlugin.get("named_regexp", ""))
    found = list(uploads(entries, assignment, pattern))
    results = [*each_student(course, source, assignment, found, attempts, replace), *map(nobodys, found)]
    taken = tuple(one for one in results if isinstance(one, Taken))
    return Collected(taken, (*refused, *(one for one in results if isinstance(one, Refused))))


def nobodys(found: Upload | Entry) -> Refused | None:
    """The refusal of a notebook whose name tells no student; other files without an owner are of no interest."""
    if isinstance(found, Upload) or not is_kind(found.name, ".ipynb"):
        return None
    return Refused(found.name, "its name does not tell whose it is; put it into a folder named like the student")


def each_student(
    course: Course,
    source: NotebookNode,
    assignment: str,
    found: Sequence[Upload | Entry],
    attempts: Which,
    replace: bool,
) -> Iterator[Taken | Refused]:
    """What became of each student's files, in order of their names."""
    by_student: dict[str, list[Upload]] = defaultdict(list)
    for upload in told_apart([one for one in found if isinstance(one, Upload)]):
        by_student[upload.student].append(upload)
    for student, mine in sorted(by_student.items()):
        try:
            pick = max if attempts == "latest" else min
            upload, notes = chosen(mine, source, assignment, pick)
            path = course.submitted(student, assignment)
            notes += place(course, path, upload, further(mine, upload, pick), replace=replace)
            yield Taken(student, upload.entry.name, upload.platform, upload.time, tuple(notes))
        except SubmissionError as error:
            yield Refused(names(mine, lambda u: u.entry.name), f"{student}: {error}")
        except OSError as error:
            yield Refused(names(mine, lambda u: u.entry.name), f"{student}: it cannot be written ({error.strerror})")


def chosen(
    mine: Sequence[Upload], source: NotebookNode, assignment: str, pick: Callable[..., Any]
) -> tuple[Upload, list[str]]:
    """The one notebook that counts of a student's files; SubmissionError when there is none, or no telling which."""
    if len({(upload.owner, upload.number) for upload in mine}) > 1:
        raise SubmissionError("two students would share this folder; rename one of them in the download")
    books = next((found for kind in KINDS if (found := [u for u in mine if is_kind(u.file, kind)])), [])
    if not books:
        raise SubmissionError(f"there is no notebook, only {names(mine, lambda u: u.file)}; ask for the .ipynb")
    moments = sorted({upload.time for upload in books if upload.time})
    attempt = [upload for upload in books if not moments or upload.time == pick(moments)]
    notes = [f"{len(moments) - 1} other attempt{'s' * (len(moments) > 2)} left out"] if len(moments) > 1 else []
    upload = of_one_attempt(attempt, source, assignment, pick)
    older = [u for u in attempt if u is not upload and own_name(u, upload) == own_name(upload, upload)]
    notes += [f"not taken: {names(older, lambda u: u.file)}"] if older else []
    return upload, notes + (["late"] if upload.late else [])


def of_one_attempt(
    attempt: Sequence[Upload], source: NotebookNode, assignment: str, pick: Callable[..., Any]
) -> Upload:
    """The notebook of one attempt: the one named like the assignment, of its copies the one uploaded last or first.

    Of those under other names it is the only one that defines a function of the homework.
    """
    exact = [u for u in attempt if plain(last(own_name(u, u))) == plain(assignment)]
    fitting = exact or [upload for upload in attempt if fits(upload.file, assignment)]
    fitting = fitting or [u for u in attempt if len(attempt) > 1 and defined(source, u.entry.read())] or [*attempt]
    if len(fitting) == 1:
        return fitting[0]
    if len({upload.order for upload in fitting}) == len(fitting):
        found: Upload = pick(fitting, key=lambda upload: upload.order)
        return found
    if len({upload.entry.read() for upload in fitting}) == 1:
        return fitting[0]
    several = names(fitting, lambda upload: upload.file)
    raise SubmissionError(f"{several} may each be meant; ask which one, remove the others and collect again")


def fits(name: str, assignment: str) -> bool:
    """Whether a file is named like the assignment, as a second copy perhaps."""
    stem = last(name).split(".")[0]
    stem = re.sub(r"^copy of ", "", stem, flags=re.IGNORECASE)
    return plain(assignment) in (plain(stem), plain(COPY.sub("", stem)))


def place(course: Course, path: Path, upload: Upload, beside: Further, *, replace: bool) -> list[str]:
    """Write a notebook, what is beside it and its time where they belong.

    SubmissionError rather than lose a notebook that may be newer.
    """
    refuse_links(path)
    data, folder = upload.entry.read(), path.parent
    before = submitted_time(course, folder)
    notes = [] if is_kind(upload.file, ".ipynb") else ["no .ipynb; it is read as well as can be"]
    newer, replaced = upload.time is not None and before is not None and upload.time > before, False
    if os.path.lexists(path) and (path.is_symlink() or path.read_bytes() != data):
        if not newer and not replace:
            raise SubmissionError(f"another notebook is there {reason(before)}; remove it, or collect with --replace")
        replaced = True
        notes.append("replaced the one of " + (f"{before:%Y-%m-%d %H:%M}" if before else "unknown time"))
    folder.mkdir(parents=True, exist_ok=True)
    write(path, data)
    notes += put_beside(folder, beside, write, overwrite=replace or newer)
    if upload.time:
        write(folder / TIMESTAMP, f"{upload.time:%Y-%m-%d %H:%M:%S} UTC\n".encode())
    elif replaced and before:
        (folder / TIMESTAMP).unlink(missing_ok=True)
    return notes


def reason(before: datetime | None) -> str:
    """What is known of a notebook that may not be replaced."""
    return f"(of {before:%Y-%m-%d %H:%M} UTC)" if before else "and no time tells which is newer"


def submitted_time(course: Course, folder: Path) -> datetime | None:
    """The time in nbgrader's file beside a submission; None when there is none that can be read."""
    try:
        found = course.directory.get_existing_timestamp(str(folder))
    except (ValueError, OSError):
        return None
    return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None


def write(path: Path, data: bytes) -> None:
    """Put a file in its place whole or not at all; a link that was there is replaced, not followed."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def names(found: Sequence[Upload], of: Callable[[Upload], str]) -> str:
    """The first few names, for a message."""
    return ", ".join(printable(of(upload)) for upload in found[:3]) + (" and more" if len(found) > 3 else "")


def is_kind(name: str, kind: str) -> bool:
    """Whether a file's own name has this ending, or had it before a browser added another."""
    return kind in last(name).lower()


def last(name: str) -> str:
    """The last part of a name."""
    return name.rsplit("/", 1)[-1]
