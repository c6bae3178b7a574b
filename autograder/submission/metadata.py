"""What platforms write about submissions into files of their own: Gradescope's YAML, Blackboard's and Sakai's texts."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.errors import SubmissionError
from autograder.people import Person
from autograder.submission.archive import Entry
from autograder.submission.times import Untimely, time_text

GRADESCOPES_FILE = "submission_metadata.yml"
METADATA_MAX_BYTES = 50_000_000
TEXT_MAX_BYTES = 100_000
BLACKBOARDS_NAME = re.compile(r"^Name:([^\n]*)\(([^()\n]+)\)[ \t\r]*$", re.MULTILINE)

Owners = tuple[tuple[Person, ...], datetime | None]
"""Everybody whom a submission belongs to, and its time."""


class PlainLoader(yaml.SafeLoader):
    """YAML without objects: Gradescope writes tags of Ruby's, whose content is read as if they were not there."""


def untagged(loader: PlainLoader, suffix: str, node: yaml.Node) -> Any:
    """The content of a tagged node."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else str(node.value)


PlainLoader.add_multi_constructor("!", untagged)


def gradescope_owners(entries: Iterable[Entry]) -> dict[str, Owners]:
    """Folder -> students and time, from Gradescope's metadata; empty when there are none that can be read."""
    owners: dict[str, Owners] = {}
    for entry in entries:
        if entry.name.rpartition("/")[2] != GRADESCOPES_FILE:
            continue
        try:
            data = yaml.load(text_of(entry, METADATA_MAX_BYTES), PlainLoader)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        for folder, about in data.items() if isinstance(data, dict) else ():
            if isinstance(about, dict) and (people := tuple(submitters(about.get(":submitters")))):
                owners[str(folder)] = people, yaml_time(about.get(":created_at"))
    return owners


def submitters(rows: Any) -> Iterator[Person]:
    """The students of one submission: called by number, else by address, else by name."""
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict):
            continue
        sid, email, name = (str(row.get(key) or "") for key in (":sid", ":email", ":name"))
        if sid or email or name:
            ids = {"gradescope.sid": sid, "gradescope.email": email}
            yield Person(sid or email or name, name, email, ids={key: value for key, value in ids.items() if value})


def yaml_time(value: Any) -> datetime | None:
    """A time as YAML reads it, or Gradescope's mapping around one; without a zone it is UTC."""
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


def blackboard_users(found: Iterable[tuple[Entry, Mapping[str, str | None]]]) -> dict[str, tuple[str, str]]:
    """Start of a file name -> user and name, from the text that Blackboard adds to each attempt: users may have a _."""
    users = {}
    for entry, parts in found:
        head = parts["head"] or ""
        told = BLACKBOARDS_NAME.search(text_of(entry, TEXT_MAX_BYTES)) if parts["text"] else None
        if told and head.endswith(f"_{told[2]}"):
            users[f"{head} {parts['time']}"] = told[2], told[1].strip()
    return users


def stamped(entries: Sequence[Entry], read: Callable[[str], datetime]) -> tuple[datetime | None, str]:
    """The time in the first of these files, and why there is none."""
    for entry in entries:
        try:
            return read(time_text(entry.read()[:TEXT_MAX_BYTES])), ""
        except (Untimely, SubmissionError) as error:
            return None, f"its timestamp.txt tells no time: {error}"
    return None, ""


def text_of(entry: Entry, max_bytes: int) -> str:
    """The text of a small file; empty when it cannot be read."""
    try:
        return entry.read()[:max_bytes].decode("utf-8", "replace")
    except SubmissionError:
        return ""
