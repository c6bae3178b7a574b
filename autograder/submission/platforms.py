"""Whose file it is, and of when, by the names that learning platforms give to what they hand out.

A download is read as a whole: it is from one platform, whose naming explains the names at its top. No file is taken for
somebody's by what only its own name looks like.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from autograder.people import Person
from autograder.submission.archive import Entry, Refused
from autograder.submission.metadata import Owners, blackboard_user, blackboard_users, gradescope_owners, stamped
from autograder.submission.naming import Layout, common_folders, explains, is_folder, layout
from autograder.submission.times import STAMP_FILE, Times, Untimely
from autograder.text import short_name

SAKAIS_FOLDER = "Submission attachment(s)/"
HANDED_IN = re.compile(r"\.(ipynb|py|json)\b", re.IGNORECASE)
"""What may be somebody's work, so that its owner has to be found."""

NAMELESS = "Participant"
"""Moodle's word in English; in other languages it is known by standing for everybody."""
NO_PERSON = Person("")


@dataclass(frozen=True)
class Upload:
    """One file of one student, as its name tells."""

    student: str
    entry: Entry
    file: str
    """The name that the student gave it."""
    platform: str
    time: datetime | None = None
    order: int = 0
    """Grows with every upload, where the platform counts them."""
    number: str = ""
    """What the platform tells two students of one name apart by."""
    late: bool | None = None
    """What the platform says; None when it says nothing."""
    owner: str = ""
    """The student as the platform writes the name, once ``student`` is the name of a folder."""
    person: Person = NO_PERSON
    note: str = ""


@dataclass(frozen=True)
class Sorted:
    """A download, file by file: whose each is, what is in the way, and what is nobody's."""

    uploads: tuple[Upload, ...] = ()
    refused: tuple[Refused, ...] = ()
    left: tuple[str, ...] = ()
    """Names of what nobody has handed in."""


@dataclass(frozen=True)
class Download:
    """The files of a download, and how it is read."""

    entries: Sequence[Entry]
    assignment: str
    root: Path
    times: Times = field(default_factory=Times)

    @cached_property
    def layout(self) -> Layout:
        """The platform, and where its names begin."""
        return layout(self.entries, self.assignment, self.root)

    @cached_property
    def owners(self) -> dict[str, Owners]:
        """Who Gradescope says a submission belongs to."""
        return gradescope_owners(self.entries)

    @cached_property
    def users(self) -> dict[str, tuple[str, str]]:
        """Who Blackboard says an attempt belongs to."""
        found = ((entry, self.match(entry)) for entry in self.entries)
        return blackboard_users((entry, match.groupdict()) for entry, match in found if match)

    @cached_property
    def last_words(self) -> dict[str, set[str]]:
        """What stands in the place of Moodle's names, without a group's name before it -> the numbers behind it."""
        found = defaultdict[str, set[str]](set)
        for match in map(self.match, self.entries):
            if match:
                found[match["name"].rpartition("-")[2]].add(match["number"])
        return found

    def is_nameless(self, name: str) -> bool:
        """Whether Moodle has put one word in the place of every name: the assignment is marked blind."""
        alone = [len(numbers) for numbers in self.last_words.values()]
        return name.rpartition("-")[2] == NAMELESS or (len(alone) == 1 and alone[0] > 1)

    @cached_property
    def stamps(self) -> dict[str, tuple[datetime | None, str]]:
        """Folder of a student -> the time in the file there, and why there is none."""
        files = defaultdict[str, list[Entry]](list)
        for entry in self.entries:
            folder, _, inner = self.below(entry).partition("/")
            if inner in (STAMP_FILE, f"{self.assignment}/{STAMP_FILE}"):
                files[folder].append(entry)
        return {folder: stamped(found, self.times.read) for folder, found in files.items()}

    def below(self, entry: Entry) -> str:
        """A file's name without the folders around all of them."""
        names = entry.name.split("/")
        return "/".join(names[self.depth :]) if len(names) > self.depth else ""

    @cached_property
    def depth(self) -> int:
        """How many folders lie around all of it."""
        if self.layout.platform or self.layout.prefix:
            return self.layout.depth
        books = [entry.name.split("/") for entry in self.entries if ".ipynb" in entry.name.lower()]
        return common_folders(books, self.assignment)

    def match(self, entry: Entry) -> re.Match[str] | None:
        """What the platform's naming makes of the item that a file is, or lies in; None when it explains it not."""
        platform, parts = self.layout.platform, entry.name.split("/")
        if platform is None or len(parts) <= self.depth:
            return None
        item, folder = parts[self.depth], is_folder(parts, self.depth)
        return platform.item.fullmatch(item) if explains(platform, item, folder) else None

    def clock(self, text: str, item: str = "") -> tuple[datetime | None, str]:
        """A time that a name tells, else the one of a file in that folder, and why there is none."""
        try:
            return self.times.read(text), ""
        except Untimely as error:
            found, note = self.stamps.get(item, (None, ""))
            return found, "" if found else note or f"its time is not known: {error}"


def sort_out(download: Download, pattern: str = "") -> Sorted:
    """Each file with its student; what cannot be told is refused, once for each thing at the top of the download.

    ``pattern`` is the regular expression of the course, with nbgrader's group names, and is tried first.
    """
    uploads, refused, left = list[Upload](), dict[str, Refused](), dict[str, None]()
    taken = set[str]()
    for entry in download.entries:
        item = download.below(entry).partition("/")[0] or entry.name
        if found := [*(by_pattern(download, entry, pattern) or by_layout(download, entry))]:
            uploads += found
            taken.add(item)
        elif not is_the_platforms(download, entry):
            if why := why_nobodys(download, entry):
                refused.setdefault(item, Refused(entry.name, why))
            left[item] = None
    nobodys = tuple(item for item in left if item not in taken and item not in refused)
    return Sorted(tuple(uploads), tuple(refused.values()), nobodys)


def why_nobodys(download: Download, entry: Entry) -> str:
    """Why the owner of what may be somebody's work cannot be told, and what to do; empty for other files."""
    platform, match = download.layout.platform, download.match(entry)
    if match and platform and "assignment" in platform.item.groupindex:
        return f"it is of the assignment {short_name(match['assignment'])}, not of {download.assignment}"
    if match or not HANDED_IN.search(entry.name):
        return ""
    if platform is None:
        return "its name does not tell whose it is; put it into a folder named like the student"
    return f"it is not named as {platform.name} names what it hands out, as the others here are; " + (
        "put it into a folder named like the student, and collect that by itself"
    )


def is_the_platforms(download: Download, entry: Entry) -> bool:
    """Whether the platform itself has written a file."""
    platform = download.layout.platform
    return platform is not None and platform.own.fullmatch(download.below(entry)) is not None


def by_pattern(download: Download, entry: Entry, pattern: str) -> list[Upload]:
    """What the course's own regular expression says, as nbgrader's FileNameCollectorPlugin reads it."""
    found = re.match(pattern, entry.name) if pattern else None
    if found is None:
        return []
    groups = found.groupdict()
    name, student = groups.get("file_id") or entry.name.rsplit("/", 1)[-1], groups["student_id"]
    time, note = download.clock(with_colons(groups["timestamp"])) if groups.get("timestamp") else (None, "")
    return [Upload(student, entry, name, "named_regexp", time, person=Person(student), note=note)]


def by_layout(download: Download, entry: Entry) -> Iterator[Upload]:
    """What the platform's naming says of a file; for a group's submission, one upload for each of its members."""
    if download.layout.platform is None:
        yield from by_folder(download, entry)
    elif match := download.match(entry):
        rest = download.below(entry).partition("/")[2]
        yield from READERS[download.layout.platform.name](download, entry, match, rest)


def of_moodle(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """A participant's file: the number is the only key that Moodle takes points back under."""
    name, number = match["name"], match["number"]
    ids = {"moodle.participant": number, f"moodle.participant.{download.assignment}": number}
    called = f"{name} {number}" if download.is_nameless(name) else name
    person = Person(called, "" if called.endswith(f" {number}") else called, ids=ids)
    yield Upload(called, entry, inner_name(match["file"], rest), "Moodle", number=number, person=person)


def of_gradescope(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """A submission's file, one for each of its submitters."""
    item = match.string
    people, time = download.owners.get(item, ((Person(item),), None))
    note = "" if item in download.owners else "no metadata say whose it is"
    for person in people:
        order = int(match["number"])
        yield Upload(person.student, entry, rest, "Gradescope", time, order, person=person, note=note)


def of_blackboard(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """An attempt's file, or what Blackboard tells about the attempt."""
    head = match["head"]
    user, name = download.users.get(f"{head} {match['time']}") or (blackboard_user(head, download.users), "")
    time, note = download.clock(with_colons(match["time"]))
    person = Person(user, name, ids={"blackboard.username": user})
    file = inner_name(match["file"] or f"{head}.txt", rest)
    yield Upload(user, entry, file, "Blackboard", time, person=person, note=note)


def of_exchange(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """A file that `nbgrader submit` has put into the inbound folder."""
    if match["assignment"] == download.assignment:
        time, note = download.clock(with_colons(match["time"]), match.string)
        yield Upload(match["name"], entry, rest, "nbgrader", time, person=Person(match["name"]), note=note)


def of_brightspace(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """A file of a submission folder, whose name ends with the time of the site."""
    name, number = match["name"], match["number"]
    time, note = download.clock(match["time"])
    person = Person(name, name, ids={"brightspace.id": number})
    yield Upload(name, entry, rest, "Brightspace", time, number=number, person=person, note=note)


def of_sakai(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """What lies among a student's attachments; the other files are Sakai's."""
    if rest.startswith(SAKAIS_FOLDER):
        user, time, note = match["user"], *download.stamps.get(match.string, (None, ""))
        name = f"{match['first'].strip()} {match['last'].strip()}".strip()
        person = Person(user, name, ids={"sakai.eid": user}, family=match["last"].strip())
        yield Upload(user, entry, rest.removeprefix(SAKAIS_FOLDER), "Sakai", time, person=person, note=note)


def of_canvas(download: Download, entry: Entry, match: re.Match[str], rest: str) -> Iterator[Upload]:
    """One upload; Canvas writes no names, only the letters of them."""
    user = match["user"]
    student = "_".join(filter(None, (match["name"], user)))
    key = "canvas.anonymous" if user.startswith("anon_") else "canvas.id"
    late, order = bool(match["late"]), int((match["order"] or "0")[:18])
    person = Person(student, ids={key: user.removeprefix("anon_")})
    file = inner_name(match["file"] or match["page"], rest)
    yield Upload(student, entry, file, "Canvas", order=order, late=late, person=person)


READERS = {
    "Moodle": of_moodle,
    "Gradescope": of_gradescope,
    "Blackboard": of_blackboard,
    "nbgrader": of_exchange,
    "Brightspace": of_brightspace,
    "Sakai": of_sakai,
    "Canvas": of_canvas,
}


def by_folder(download: Download, entry: Entry) -> Iterator[Upload]:
    """The student whose folder, whose clone or whose archive a file lies in."""
    parts, prefix = download.below(entry).split("/"), download.layout.prefix
    if len(parts) > 1:
        student = re.sub(r"\.zip$", "", parts[0], flags=re.IGNORECASE).removeprefix(prefix)
        inner = [part for part in parts[1:] if part != download.assignment] or parts[-1:]
        time, note = download.stamps.get(parts[0], (None, ""))
        person = Person(student, ids={"github.login": student} if prefix else {})
        platform = "clone" if prefix else "folder"
        yield Upload(student, entry, "/".join(inner), platform, time, person=person, note=note)


def inner_name(file: str, rest: str) -> str:
    """The student's name for a file, which may lie in the folder or archive of this name."""
    return f"{file}/{rest}" if file and rest else file or rest


def with_colons(time: str) -> str:
    """A time in the name of a file, which holds no colons, as it is written elsewhere."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)\D(\d\d)\D(\d\d)\D(\d\d)", r"\1 \2:\3:\4", time)
