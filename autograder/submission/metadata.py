"""What platforms write about submissions into files of their own: Gradescope's YAML, Blackboard's and Sakai's texts."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from autograder.errors import SubmissionError
from autograder.people import Person
from autograder.submission.archive import Entry
from autograder.submission.times import Times, Untimely, time_text

GRADESCOPES_FILE = "submission_metadata.yml"
METADATA_MAX_BYTES = 50_000_000
TEXT_MAX_BYTES = 100_000
BLACKBOARDS_NAME = re.compile(r"^[^\n:\uff1a]{1,60}[:\uff1a]([^\n]*)\(([^()\n]+)\)[ \t\r]*$", re.MULTILINE)
"""After a word for "Name" in the site's language."""
NO_VALUE = "tag:yaml.org,2002:null"

Owners = tuple[tuple[Person, ...], datetime | None]
"""Everybody whom a submission belongs to, and its time."""


class PlainLoader(yaml.SafeLoader):
    """YAML without objects: Gradescope writes tags of Ruby's, whose content is read as if they were not there.

    Everything but nothing is a text: a student's number may begin with zeros, which YAML takes for octal.
    """

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag == NO_VALUE]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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
    """A time as Gradescope writes it, or its mapping around one; without a zone it is UTC."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("utc", "time", ":utc") if key in value), None)
    try:
        return Times().read(value) if isinstance(value, str) else None
    except Untimely:
        return None


def blackboard_users(found: Iterable[tuple[Entry, Mapping[str, str | None]]]) -> dict[str, tuple[str, str]]:
    """Start of a file name -> user and name, from the text that Blackboard adds to each attempt: users may have a _."""
    users = {}
    for entry, parts in found:
        head = parts["head"] or ""
        text = text_of(entry, TEXT_MAX_BYTES) if parts["text"] else ""
        told = next((one for one in BLACKBOARDS_NAME.finditer(text) if head.endswith(f"_{one[2]}")), None)
        if told:
            users[f"{head} {parts['time']}"] = told[2], told[1].strip()
    return users


def blackboard_user(head: str, users: Mapping[str, tuple[str, str]]) -> str:
    """The user of an attempt without its text: what follows the assignment's title, as the others' texts tell it."""
    titles = {start.rpartition(" ")[0].removesuffix(user) for start, (user, _) in users.items()}
    found = [head.removeprefix(title) for title in titles if head.startswith(title)]
    return min(found, key=len, default="") or head.rpartition("_")[2]


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
