"""Take in what a learning platform hands out, into the folders where nbgrader looks for submissions."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.people import HandIn, People
from autograder.submission.archive import Refused, files
from autograder.submission.choose import Chosen, chosen, is_kind, upload_names
from autograder.submission.find import refuse_links
from autograder.submission.further import further, given_name, put_beside
from autograder.submission.platforms import Download, Upload, sort_out
from autograder.submission.roster import join_roster
from autograder.submission.times import STAMP_FILE, Times, canonical, stamp_of
from autograder.submission.who import identified
from autograder.text import plain_text, short_name

Which = Literal["latest", "first"]


@dataclass(frozen=True)
class Taken:
    """One notebook that now lies in a student's folder."""

    student: str
    name: str
    """Where it was found."""
    platform: str
    time: datetime | None
    notes: tuple[str, ...] = ()
    late: bool | None = None


@dataclass(frozen=True)
class Collected:
    """What was taken, and what was not."""

    taken: tuple[Taken, ...]
    refused: tuple[Refused, ...]
    left: tuple[str, ...] = ()
    """Names of what no student has handed in."""
    said: tuple[str, ...] = ()
    """What was found out about the people."""

    def table(self) -> Iterator[str]:
        """One line for every notebook taken, one for everything refused, and a sum."""
        width = max((len(one.student) for one in self.taken), default=0)
        for one in self.taken:
            time = f"{one.time:%Y-%m-%d %H:%M}" if one.time else "time unknown"
            yield f"{one.student:{width}}  {time:16}  {one.platform}: {short_name(one.name)}" + "".join(
                f"; {note}" for note in one.notes
            )
        for refused in self.refused:
            yield f"refused {short_name(refused.name)}: {refused.reason}"
        if self.left:
            yield f"not taken, for it is no student's: {upload_names(self.left, str)}"
        yield from map(plain_text, self.said)
        yield f"{len(self.taken)} taken, {len(self.refused)} refused"


def collect(
    course: Course,
    assignment: str,
    path: Path,
    *,
    attempts: Which = "latest",
    replace: bool = False,
    roster: Path | None = None,
) -> Collected:
    """Copy each student's notebooks into ``submitted/``; nothing that is there and may be newer is lost.

    Who they are on the platform goes into the course's table of people, with the roster's names and addresses.

    UsageError when the course has no such assignment, or the path is no folder and no archive.
    """
    sources = {n: nbformat.read(course.source(assignment, n), as_version=4) for n in course.notebooks(assignment)}
    entries, refused = files(path)
    people = People.load(course)
    said = [join_roster(people, roster, assignment)] if roster else []
    pattern = str(course.config.FileNameCollectorPlugin.get("named_regexp", ""))
    found = sort_out(Download(entries, assignment, path.resolve(), Times.of_course(course)), pattern)
    pick = max if attempts == "latest" else min
    uploads = identified(found.uploads, people)
    results = [*each_student(course, sources, assignment, uploads, pick, replace)]
    taken = tuple(one for one in results if isinstance(one, Taken))
    # Who handed in what nobody can take has handed in all the same.
    for upload in uploads:
        if people.hand_in(assignment, upload.student) is None:
            people.take(hand_in_of(assignment, upload.student, upload.platform, upload.entry.name, upload))
    for one in reversed(taken):
        people.take(hand_in_of(assignment, one.student, one.platform, one.name, one))
    people.save()
    also = (one for one in results if isinstance(one, Refused))
    return Collected(taken, (*refused, *also, *found.refused), found.left, (*said, *people.said))


def hand_in_of(assignment: str, student: str, platform: str, name: str, one: Taken | Upload) -> HandIn:
    """What the table of people holds of something handed in."""
    return HandIn(assignment, student, platform, name, one.time.isoformat() if one.time else "", one.late)


def each_student(
    course: Course,
    sources: Mapping[str, NotebookNode],
    assignment: str,
    found: Sequence[Upload],
    pick: Callable[..., Any],
    replace: bool,
) -> Iterator[Taken | Refused]:
    """What became of each student's files, in order of their names."""
    by_student: dict[str, list[Upload]] = defaultdict(list)
    for upload in found:
        by_student[upload.student].append(upload)
    for student, mine in sorted(by_student.items()):
        try:
            yield from take_student(course, sources, assignment, student, mine, pick, replace)
        except SubmissionError as error:
            yield Refused(upload_names(mine, lambda u: u.entry.name), f"{student}: {error}")
        except OSError as error:
            yield Refused(
                upload_names(mine, lambda u: u.entry.name), f"{student}: it cannot be written ({error.strerror})"
            )


def take_student(
    course: Course,
    sources: Mapping[str, NotebookNode],
    assignment: str,
    student: str,
    mine: Sequence[Upload],
    pick: Callable[..., Any],
    replace: bool,
) -> Iterator[Taken]:
    """Write a student's notebooks, and what is beside them, where they belong.

    SubmissionError, before anything is written, rather than lose a notebook that may be newer.
    """
    found = chosen(mine, sources, pick)
    paths = {name: course.submitted(student, assignment, name) for name in found}
    folder = course.submitted(student, assignment).parent
    before, _ = stamp_of(course, folder)
    replaced = {name for name, one in found.items() if holds_another(paths[name], one.upload)}
    said = {
        name: [
            *about_ending(one.upload),
            *(overwriting(one.upload, before, replace=replace) if name in replaced else []),
        ]
        for name, one in found.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in found.items():
        write_whole(paths[name], one.upload.entry.read())
    first = next(iter(found.values())).upload
    newer = is_newer(first, before)
    beside = [*put_beside(folder, further(alone(mine, found), first, pick), write_whole, overwrite=replace or newer)]
    if first.time:
        write_whole(folder / STAMP_FILE, f"{canonical(first.time)}\n".encode())
    elif before and replaced:
        (folder / STAMP_FILE).unlink(missing_ok=True)
    missing = [f"no {name}.ipynb" for name in sources if name not in found]
    for name, one in found.items():
        told = (*one.notes, *said[name], *beside, *missing)
        yield Taken(student, one.upload.entry.name, one.upload.platform, one.upload.time, told, one.upload.late)
        beside, missing = [], []


def alone(mine: Sequence[Upload], found: Mapping[str, Chosen]) -> list[Upload]:
    """A student's files without the notebooks that count, and their copies; the first of them stays."""
    first, *others = (one.upload for one in found.values())
    taken = {given_name(upload, upload) for upload in others}
    return [upload for upload in mine if upload is first or given_name(upload, upload) not in taken]


def holds_another(path: Path, upload: Upload) -> bool:
    """Whether something else is at a notebook's place; SubmissionError when a link leads there."""
    refuse_links(path)
    return os.path.lexists(path) and (path.is_symlink() or path.read_bytes() != upload.entry.read())


def about_ending(upload: Upload) -> list[str]:
    """What is to be said of a file's ending."""
    return [] if is_kind(upload.file, ".ipynb") else ["no .ipynb; it is read as well as can be"]


def overwriting(upload: Upload, before: datetime | None, *, replace: bool) -> list[str]:
    """What is to be said when another notebook is overwritten; SubmissionError when it may be newer."""
    if not replace and not is_newer(upload, before):
        raise SubmissionError(f"another notebook is there {reason(before)}; remove it, or collect with --replace")
    return ["replaced the one of " + (f"{before:%Y-%m-%d %H:%M}" if before else "unknown time")]


def is_newer(upload: Upload, before: datetime | None) -> bool:
    """Whether a file is known to be newer than what was submitted before."""
    return upload.time is not None and before is not None and upload.time > before


def reason(before: datetime | None) -> str:
    """What is known of a notebook that may not be replaced."""
    return f"(of {before:%Y-%m-%d %H:%M} UTC)" if before else "and no time tells which is newer"


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place whole or not at all; a link that was there is replaced, not followed."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(data)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
