"""The files handed in with a notebook: which may lie beside it when it runs, and why the others may not.

Read as hostile as the notebook itself: links, pipes and devices are never opened, names that a terminal or another
system could trip over are refused, and there is a bound on everything. Modules come before data and what lies near
the notebook before what lies deep, so that a folder of 10,000 pictures does not cost the one helper module.
"""

import functools
import itertools
import os
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import SubmissionError
from autograder.submission.archive import Entry, Refused, unsafe_name
from autograder.submission.find import COURSE_MARK, IGNORED, contents
from autograder.text import short_name

FILES_MAX = 200
BESIDE_MAX_BYTES = 20_000_000
ALL_FILES_MAX_BYTES = 50_000_000
FOLDERS_DEEP_MAX = 8
SEEN_MAX = 20_000
"""Files and folders that are looked at; beyond them nobody looks."""
IMPORTS_DEEP_MAX = 5
"""How many modules deep a notebook's helpers may import each other to be found in somebody's own folder."""

SYSTEM_FILES = ("timestamp.txt", "thumbs.db", "desktop.ini")
"""nbgrader's and Windows's, of no use to a notebook."""
ENVIRONMENTS = ("venv", "env", "node_modules", "site-packages", "pyvenv.cfg")
COMPILED_FILES = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
ARCHIVES = (".zip", ".egg", ".whl", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class Beside:
    """What lies beside a notebook when it runs, and what was left out."""

    files: tuple[tuple[str, bytes], ...] = ()
    """Relative name, with slashes, and content."""
    not_taken: tuple[Refused, ...] = ()


@dataclass
class Bounds:
    """How much has been taken so far."""

    files: int = 0
    size_bytes: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def refuses(self, size_bytes: int) -> str:
        """Why a file of this size is one too many, or an empty text."""
        if size_bytes > BESIDE_MAX_BYTES:
            return f"larger than the {BESIDE_MAX_BYTES // 1_000_000} MB allowed beside a notebook"
        if self.files >= FILES_MAX:
            return f"more than the {FILES_MAX} files allowed beside a notebook"
        if self.size_bytes + size_bytes > ALL_FILES_MAX_BYTES:
            return f"more than the {ALL_FILES_MAX_BYTES // 1_000_000} MB that all files together may have"
        return ""

    def take(self, name: str, data: bytes) -> None:
        """Count a file in."""
        self.files += 1
        self.size_bytes += len(data)
        self.taken.append((name, data))


def gathered(notebook: Path, wanted: Callable[[str], bool] = lambda name: True) -> Beside:
    """The files in the notebook's folder and below, within the bounds; ``wanted`` is asked of each name at the top."""
    found = list(entries_below(notebook, wanted))
    beside = within_bounds(one for one in found if isinstance(one, Entry))
    return Beside(beside.files, (*(one for one in found if isinstance(one, Refused)), *beside.not_taken))


def asked_for(notebook: Path, code: str) -> Beside:
    """Of a folder that is nobody's submission, what the notebook's code names, or what it names so names in turn.

    Nothing in a course's folder, nor around one: a notebook need only say "grading" to be given the hidden tests.
    """
    text, beside = code, Beside()
    if is_in_a_course(notebook.parent.absolute()):
        return beside
    for _ in range(IMPORTS_DEEP_MAX):
        words = frozenset(re.findall(r"\w+", text))
        found = gathered(notebook, functools.partial(is_named, words))
        if found == beside:
            break
        beside = found
        text = "\n".join(
            [code, *(data.decode("utf-8", "replace") for name, data in found.files if is_module_file(name))]
        )
    return beside


def is_in_a_course(folder: Path) -> bool:
    """Whether a folder is a course's, or lies in one."""
    return any((one / COURSE_MARK).exists() for one in (folder, *folder.parents))


def is_named(words: frozenset[str], name: str) -> bool:
    """Whether a file's name, without its endings, is made of these words."""
    own = re.findall(r"\w+", name.split(".")[0])
    return bool(own) and words.issuperset(own)


def entries_below(notebook: Path, wanted: Callable[[str], bool]) -> Iterator[Entry | Refused]:
    """What lies beside a notebook and in folders below; notebooks, hidden files and caches are passed over."""
    folders, left = deque([""]), SEEN_MAX
    while folders:
        prefix = folders.popleft()
        try:
            with os.scandir(notebook.parent / prefix) as scan:
                found = sorted(itertools.islice(scan, left), key=lambda one: one.name)
        except OSError as error:
            yield Refused(prefix, f"cannot be read ({error.strerror})")
            continue
        left -= len(found)
        if prefix and any(one.name == COURSE_MARK for one in found):
            yield Refused(prefix, "it is the folder of a course")
            continue
        for one in found:
            if is_passed_over(one.name) or Path(one.path) == notebook or not (prefix or wanted(one.name)):
                continue
            name = f"{prefix}{one.name}"
            if not one.is_dir(follow_symlinks=False):
                yield looked_at(one, name)
            elif reason := unfit_folder(one, name):
                yield Refused(f"{name}/", reason)
            else:
                folders.append(f"{name}/")
    if left <= 0:
        yield Refused("the rest", f"more than the {SEEN_MAX:,} files and folders that are looked at")


def is_passed_over(name: str) -> bool:
    """Whether nobody would miss a file: hidden, a cache, a system's own, or a notebook, of which there is one."""
    return bool(IGNORED.match(name)) or name.lower() in SYSTEM_FILES or ".ipynb" in name.lower()


def unfit_folder(folder: "os.DirEntry[str]", name: str) -> str:
    """Why nobody looks into a folder, or an empty text."""
    if folder.name.lower() in ENVIRONMENTS or os.path.lexists(os.path.join(folder.path, "pyvenv.cfg")):
        return "a virtual environment or installed packages"
    return f"more than {FOLDERS_DEEP_MAX} folders deep" if name.count("/") >= FOLDERS_DEEP_MAX else ""


def looked_at(found: "os.DirEntry[str]", name: str) -> Entry | Refused:
    """A file that may be read later, or why not; nothing is opened."""
    try:
        status = found.stat(follow_symlinks=False)
    except OSError as error:
        return Refused(name, f"cannot be read ({error.strerror})")
    if not found.is_file(follow_symlinks=False):
        return Refused(name, "a link, a pipe or a device, none of which is ever followed")
    path = Path(found.path)
    return Entry(name, lambda: contents(path), status.st_size)


def within_bounds(entries: Iterable[Entry]) -> Beside:
    """The files that may be taken, as many as the bounds allow, and why not the others."""
    bounds, refused = Bounds(), list[Refused]()
    for entry in sorted(entries, key=lambda entry: (entry.name.count("/"), not is_module_file(entry.name), entry.name)):
        reason = unfit_name(entry.name) or bounds.refuses(entry.size_bytes)
        try:
            data = b"" if reason else entry.read()
        except SubmissionError as error:
            reason = str(error)
        # It may have grown, or an archive may have lied.
        if reason := reason or bounds.refuses(len(data)):
            refused.append(Refused(entry.name, reason))
        else:
            bounds.take(entry.name, data)
    return Beside(tuple(bounds.taken), tuple(refused))


def unfit_name(name: str) -> str:
    """Why a file of this name is not taken, or an empty text."""
    if "\ufffd" in name or name != name.encode("utf-8", "replace").decode("utf-8"):
        return "a name that is no UTF-8"
    if reason := unsafe_name(name):
        return reason
    if name.lower().endswith(COMPILED_FILES):
        return "compiled code, which nobody can read"
    return "an archive; hand in the files that are in it" if name.lower().endswith(ARCHIVES) else ""


def is_module_file(name: str) -> bool:
    """Whether Python can import this file."""
    return name.endswith(".py")


def sentences(refused: Sequence[Refused]) -> tuple[str, ...]:
    """For a person: one sentence for each reason, with the first few names."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in refused:
        by_reason[one.reason].append(short_name(one.name)[:60])
    return tuple(f"{first_few(names)}: {reason}" for reason, names in by_reason.items())


def first_few(names: Sequence[str]) -> str:
    """Up to four names, and how many more there are."""
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
