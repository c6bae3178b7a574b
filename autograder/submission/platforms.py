"""Whose file it is, and of when, by the names that learning platforms give to what they hand out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.errors import SubmissionError
from autograder.submission.archive import Entry

TIME = r"\d{4}-\d\d-\d\d[-_ T]\d\d[-_:]\d\d[-_:]\d\d"
MOODLE = re.compile(r"(?:^|/)(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?/?(?P<file>.+)$")
GRADESCOPE = re.compile(r"(?:^|/)(?P<name>submission_(?P<number>\d+))/(?P<file>.+)$")
BLACKBOARD = re.compile(
    rf"(?:^|/)(?P<head>[^/]+)_attempt_(?P<time>{TIME})(?:_(?P<file>.+)|(?P<text>\.txt))$", re.IGNORECASE
)
CANVAS = re.compile(
    r"(?:^|/)(?:(?P<name>[^/]+?)_)?(?P<late>LATE_)?(?P<user>\d+|anon_\w+?)_(?P<order>\d+)_(?P<file>[^/].*)$"
)
EXCHANGE = re.compile(rf"(?:^|/)(?P<name>[^/+]+(?:\+[^/+]+)*?)\+[^/+]+\+(?P<time>{TIME})[^/]*?/(?P<file>.+)$")
"""Where nbgrader's own submit puts things: student+assignment+time+random/."""
CONTAINERS = re.compile(
    r"^(submitted|submissions?|downloaded|archive|extracted|.*_export|.*submissions)(\.zip)?$", re.I
)
METADATA = "submission_metadata.yml"
METADATA_MAX_BYTES = 50_000_000


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
    late: bool = False
    owner: str = ""
    """The student as the platform writes the name, once ``student`` is the name of a folder."""


def uploads(entries: Sequence[Entry], assignment: str, pattern: str = "") -> Iterator[Upload | Entry]:
    """Each file with its student; the file alone when nobody can tell whose it is.

    ``pattern`` is the regular expression of the course, with nbgrader's group names, and is tried first.
    """
    owners, users = gradescope_owners(entries), blackboard_users(entries)
    books = [entry.name.split("/") for entry in entries if ".ipynb" in entry.name.lower()]
    containers = common_folders(books, assignment)
    for entry in entries:
        if entry.name.endswith(METADATA):
            continue
        found = [
            *by_pattern(entry, pattern),
            *by_platform(entry, owners, users),
            *by_folder(entry, containers, assignment),
        ]
        if not found:
            yield entry
        elif found[0].platform == "Gradescope":
            yield from (upload for upload in found if upload.platform == "Gradescope")
        else:
            yield found[0]


def by_pattern(entry: Entry, pattern: str) -> Iterator[Upload]:
    """What the course's own regular expression says, as nbgrader's FileNameCollectorPlugin reads it."""
    if found := re.match(pattern, entry.name) if pattern else None:
        groups = found.groupdict()
        name = groups.get("file_id") or entry.name.rsplit("/", 1)[-1]
        yield Upload(groups["student_id"], entry, name, "named_regexp", moment(groups.get("timestamp") or ""))


def by_platform(entry: Entry, owners: Mapping[str, Any], users: Mapping[str, str]) -> Iterator[Upload]:
    """What the names of the known platforms say; for a group's submission, one for each of its members."""
    if found := MOODLE.search(entry.name):
        yield Upload(found["name"], entry, found["file"], "Moodle", number=found["number"])
    elif found := GRADESCOPE.search(entry.name):
        names, time = owners.get(found["name"], ([found["name"]], None))
        yield from (Upload(name, entry, found["file"], "Gradescope", time, int(found["number"])) for name in names)
    elif found := BLACKBOARD.search(entry.name):
        head = found["head"]
        user = users.get(f"{head} {found['time']}") or head.rpartition("_")[2]
        yield Upload(user, entry, found["file"] or f"{head}.txt", "Blackboard", moment(found["time"]))
    elif found := EXCHANGE.search(entry.name):
        yield Upload(found["name"], entry, found["file"], "nbgrader", moment(found["time"]))
    elif found := CANVAS.search(entry.name):
        name = "_".join(filter(None, (found["name"], found["user"])))
        late, order = bool(found["late"]), int(found["order"][:18])
        yield Upload(name, entry, found["file"], "Canvas", order=order, late=late)


def by_folder(entry: Entry, containers: int, assignment: str) -> Iterator[Upload]:
    """The student whose folder, or whose archive, a file lies in."""
    parts = entry.name.split("/")[containers:]
    if len(parts) > 1:
        student = re.sub(r"\.zip$", "", parts[0], flags=re.IGNORECASE)
        inner = [part for part in parts[1:] if part != assignment] or parts[-1:]
        yield Upload(student, entry, "/".join(inner), "folder")


def common_folders(names: Sequence[Sequence[str]], assignment: str) -> int:
    """How many folders at the start of every name are no student's."""
    shared = 0
    while names and all(len(parts) > shared + 2 for parts in names):
        first, *others = {parts[shared] for parts in names}
        inner = {parts[shared + 1] for parts in names}
        # One folder with many in it holds a class, unless it holds the assignments of one student.
        if others or not (is_container(first, assignment) or (len(inner) > 1 and assignment not in inner)):
            break
        shared += 1
    return shared


def is_container(folder: str, assignment: str) -> bool:
    """Whether a folder's name is one that platforms and nbgrader use, and not a student's."""
    return folder == assignment or CONTAINERS.match(folder) is not None


def blackboard_users(entries: Sequence[Entry]) -> dict[str, str]:
    """Start of a file name -> user, from the text file that Blackboard adds to each attempt: users may have a _."""
    users = {}
    for entry in entries:
        found = BLACKBOARD.search(entry.name)
        if found and found["text"]:
            name = re.search(r"^Name:[^\n]*\(([^()\n]+)\)[ \t\r]*$", text_of(entry, 100_000), re.MULTILINE)
            if name and found["head"].endswith(f"_{name[1]}"):
                users[f"{found['head']} {found['time']}"] = name[1]
    return users


class PlainLoader(yaml.SafeLoader):
    """YAML without objects: Gradescope writes tags of Ruby's, whose content is read as if they were not there."""


def untagged(loader: PlainLoader, suffix: str, node: yaml.Node) -> Any:
    """The content of a tagged node."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else str(node.value)


PlainLoader.add_multi_constructor("!", untagged)


def gradescope_owners(entries: Sequence[Entry]) -> dict[str, tuple[list[str], datetime | None]]:
    """Folder -> (students, time), from Gradescope's metadata; empty when there are none that can be read."""
    owners: dict[str, tuple[list[str], datetime | None]] = {}
    for entry in entries:
        if not entry.name.endswith(METADATA):
            continue
        try:
            data = yaml.load(text_of(entry, METADATA_MAX_BYTES), PlainLoader)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        for folder, about in data.items() if isinstance(data, dict) else ():
            if isinstance(about, dict) and (names := submitters(about.get(":submitters"))):
                owners[str(folder)] = names, moment(about.get(":created_at"))
    return owners


def submitters(rows: Any) -> list[str]:
    """The students of one submission: by number, else by address, else by name."""
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = (row.get(":sid") or row.get(":email") or row.get(":name") for row in rows)
    return [str(name) for name in names if name]


def text_of(entry: Entry, max_bytes: int) -> str:
    """The text of a small file; empty when it cannot be read."""
    try:
        return entry.read()[:max_bytes].decode("utf-8", "replace")
    except SubmissionError:
        return ""


def moment(value: Any) -> datetime | None:
    """A time as platforms write it, or as YAML reads it; without a zone it is UTC, as nbgrader takes it."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("utc", "time", ":utc") if key in value), None)
    if isinstance(value, str):
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)", value)
        try:
            value = datetime(*map(int, found.groups()), tzinfo=UTC) if found else None  # type: ignore[arg-type,misc]
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def told_apart(found: Sequence[Upload]) -> list[Upload]:
    """The files with folder names for students: two who would share one get the platform's number."""
    by_name: dict[str, set[tuple[str, str]]] = {}
    for upload in found:
        by_name.setdefault(folder_name(upload.student).casefold(), set()).add((upload.student, upload.number))
    return [replace(upload, student=unshared_name(upload, by_name), owner=upload.student) for upload in found]


def unshared_name(upload: Upload, by_name: Mapping[str, set[tuple[str, str]]]) -> str:
    """A folder name that no other student of this download has."""
    name = folder_name(upload.student)
    shared = len(by_name[name.casefold()]) > 1
    return folder_name(f"{upload.student}_{upload.number}") if shared and upload.number else name


def folder_name(student: str) -> str:
    """A student's name as the name of a folder: no spaces, no separators, nothing that begins with a dot."""
    return re.sub(r"[^\w.@-]+", "_", student.strip()).lstrip(".-_")[:80].rstrip("._") or "unnamed"
