"""Which platform a download is from: the one whose way of naming explains every name at the top of it."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.submission.archive import Entry
from autograder.submission.metadata import GRADESCOPES_FILE

CLOCK = r"\d{4}-\d\d-\d\d[-_ T]\d\d[-_:]\d\d[-_:]\d\d"
CONTAINERS = re.compile(
    r"^(submitted|submissions?|downloaded|archive|extracted|.*_export|.*submissions)( ?\(\d+\))?(\.zip)?$", re.I
)
CLONES = re.compile(r"^(?P<slug>.+?)(?:-submissions|_submissions(?:_\d{4}_\d\d_\d\d_T_\d\d_\d\d_\d\d)?)$")
"""The folders that GitHub Classroom's `gh classroom clone` and Classroom 50's `gh teacher download` make."""
DOWNLOADS_DEEP_MAX = 5
UPLOAD_DIGITS = 4
"""Canvas counts the uploads of all its courses together."""


@dataclass(frozen=True)
class Platform:
    """How one platform names what it hands out."""

    name: str
    item: re.Pattern[str]
    """Of one thing at the top of a download: a student's folder or file."""
    folders: bool | None = None
    """Whether these are folders; None where there may be both."""
    own: re.Pattern[str] = re.compile(r"(?!)")
    """Of what the platform adds itself, and which is no student's."""
    is_common: bool = False
    """Whether other people's files are named so, too."""


PLATFORMS = (
    Platform(
        "Moodle", re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)")
    ),
    Platform("Gradescope", re.compile(r"submission_(?P<number>\d+)"), True, re.compile(re.escape(GRADESCOPES_FILE))),
    Platform(
        "Blackboard",
        re.compile(rf"(?P<head>.+?)_attempt_(?P<time>{CLOCK})(?:_(?P<file>.+)|(?P<text>\.txt))", re.IGNORECASE),
        False,
    ),
    Platform(
        "nbgrader",
        re.compile(
            rf"(?P<name>.+?)\+(?P<assignment>[^+]+)\+(?P<time>{CLOCK}[^+]*?(?:[+-]\d\d(?::?\d\d)?)?)"
            r"(?:\+(?P<random>[\w-]{2,}))?"
        ),
        True,
    ),
    Platform(
        "Brightspace",
        re.compile(r"(?P<number>\d+)-\d+ - (?P<name>.+) - (?P<time>[^-]*\d{4}[^-]*)"),
        True,
        re.compile(r"index\.html?"),
    ),
    Platform(
        "Sakai",
        re.compile(r"(?P<last>[^,]+), ?(?P<first>.*)\((?P<user>[^()]+)\)"),
        True,
        re.compile(r"grades\.(csv|xlsx?)"),
    ),
    Platform(
        "Canvas",
        re.compile(
            r"(?:(?P<name>(?!LATE_).+?)_)?(?P<late>LATE_)?(?P<user>\d+|anon_\w+?)_"
            r"(?:(?P<order>\d+)_(?P<file>.+)|(?P<page>(?:text|link)\.html))"
        ),
        False,
        is_common=True,
    ),
)
"""The surest first."""


@dataclass(frozen=True)
class Layout:
    """What a download was found to be."""

    platform: Platform | None
    """None for folders of students under any names."""
    depth: int = 0
    """How many folders lie around all of it."""
    prefix: str = ""
    """What is before a student's login in the names of cloned repositories."""


def layout(entries: Sequence[Entry], assignment: str, root: Path) -> Layout:
    """The one way of naming that explains the most names, and more than half of them; surer ones come first."""
    names = [entry.name.split("/") for entry in entries]
    around = root.name.removesuffix(".zip")
    for depth in range(DOWNLOADS_DEEP_MAX):
        items = {parts[depth]: is_folder(parts, depth) for parts in names if len(parts) > depth}
        if prefix := clones(items, around, root.joinpath(*names[0][:depth]) if names else root):
            return Layout(None, depth, prefix)
        known = depth == 0 or is_container(around, assignment) or holds_a_class(items)
        if best := explaining(items, is_known=known):
            return Layout(best, depth)
        if depth == 0 and len(items) > 1 and (best := of_several_downloads(names)):
            return Layout(best, 1)
        if len(items) != 1 or not all(items.values()):
            break
        (around,) = items
    return Layout(None)


def holds_a_class(items: dict[str, bool]) -> bool:
    """Whether names are Canvas's in a folder of any name too: of several users, with numbers as Canvas has them."""
    common = next(platform for platform in PLATFORMS if platform.is_common)
    found = [common.item.fullmatch(name) for name, is_folder_ in items.items() if not is_folder_]
    users = {match["user"] for match in found if match and len(match["order"] or "") >= UPLOAD_DIGITS}
    return len(users) > 1 and all(found)


def of_several_downloads(names: Sequence[Sequence[str]]) -> Platform | None:
    """The platform of which several archives lie in a folder, as of two sections; None where they are students'."""
    archives = {parts[0] for parts in names}
    if not all(name.lower().endswith(".zip") for name in archives):
        return None
    items = {f"{parts[0]}/{parts[1]}": is_folder(parts, 1) for parts in names if len(parts) > 1}
    bare = {name.partition("/")[2]: folder for name, folder in items.items()}
    found = explaining(bare, is_known=holds_a_class(bare))
    return found if found and len(bare) == len(items) else None


def explaining(items: dict[str, bool], *, is_known: bool) -> Platform | None:
    """The platform that explains more than half of the names, and more of them than any other one."""
    counts = Counter[Platform]()
    for platform in PLATFORMS:
        if is_known or not platform.is_common:
            counts[platform] = sum(explains(platform, name, folder) for name, folder in items.items())
    for platform, count in counts.most_common(1):
        others = sum(platform.own.fullmatch(name) is None for name in items)
        return platform if 2 * count > others else None
    return None


def explains(platform: Platform, name: str, folder: bool) -> bool:
    """Whether a platform names something so."""
    return platform.folders in (None, folder) and platform.item.fullmatch(name) is not None


def is_folder(parts: Sequence[str], depth: int) -> bool:
    """Whether this part of a name is a folder's; an archive is a file of the student's."""
    return len(parts) > depth + 1 and not parts[depth].lower().endswith(".zip")


def clones(items: dict[str, bool], around: str, folder: Path) -> str:
    """What all names of cloned repositories begin with, up to the login; empty when these are no clones."""
    folders = [name for name, is_one in items.items() if is_one]
    slug = CLONES.match(around)
    if slug and folders and all(name.startswith(f"{slug['slug']}-") for name in folders):
        return f"{slug['slug']}-"
    if len(folders) > 1 and all((folder / name / ".git").exists() for name in folders):
        shared = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*folders, strict=False))
        return re.sub(r"[^-]*$", "", "".join(letters[0] for letters in shared))
    return ""


def common_folders(names: Sequence[Sequence[str]], assignment: str) -> int:
    """How many folders at the start of every name are no student's."""
    shared = within_submitted(names, assignment)
    while names and all(len(parts) > shared + 2 for parts in names):
        first, *others = {parts[shared] for parts in names}
        inner = {parts[shared + 1] for parts in names}
        # One folder with many in it holds a class, unless it holds the assignments of one student.
        if others or not (is_container(first, assignment) or (len(inner) > 1 and assignment not in inner)):
            break
        shared += 1
    return shared


def within_submitted(names: Sequence[Sequence[str]], assignment: str) -> int:
    """How many folders lead to nbgrader's students: all names go on submitted, student, assignment; 0 otherwise."""
    places = {parts.index("submitted") if "submitted" in parts else -1 for parts in names}
    place = places.pop() if len(places) == 1 else -1
    inside = place >= 0 and all(parts[place + 2 : place + 3] == [assignment] for parts in names)
    return place + 1 if inside and len({tuple(parts[:place]) for parts in names}) == 1 else 0


def is_container(folder: str, assignment: str) -> bool:
    """Whether a folder's name is one that platforms and nbgrader use, and not a student's."""
    return folder == assignment or CONTAINERS.match(folder) is not None
