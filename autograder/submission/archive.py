"""The files of a folder or zip archive that strangers filled: names that are safe to use, contents read on demand.

Nothing is unpacked to the disk and nothing is read that nobody asked for. What is not safe is refused by itself, with
the reason; the rest is not affected.
"""

import functools
import io
import itertools
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SubmissionError, UsageError
from autograder.submission.find import IGNORED, SUBMITTED_MAX_BYTES, contents, walked
from autograder.text import short_name

ENTRIES_MAX = 50_000
"""Of all archives together: 1,000 students with 50 files each."""
NESTED_MAX_BYTES = 100_000_000
DIRECTORY_MAX_BYTES = 5_000_000
END_MAX_BYTES = 65_557
ARCHIVES_DEEP_MAX = 2
"""A bulk download, and in it the archive that a student made."""
RATIO_MAX = 200
"""Of a large file. Notebooks shrink 5 to 50 times; what deflate can do to zeros is 1,030."""
RATIO_MATTERS_BYTES = 10_000_000
JOINING = re.compile("(?<=\\w)[\u200c\u200d](?=\\w)")
"""What Persian and Hindi write between letters; it turns no direction and hides nothing."""
UNSEEN_SIGNS = re.compile(
    "[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202c\u2060\u2066-\u2069\ufeff]"
    "|(?<!\\w)[\u200c\u200d]|[\u200c\u200d](?!\\w)"
)
"""What people's names have picked up from right-to-left writing, from copied text and from emoji. They are left out
of names, so that they hide nothing there. What turns the direction by force (U+202D, U+202E) is refused."""
NAME_MAX_CHARS = 255
PATH_MAX_CHARS = 1_000
DEVICE = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
"""What zipfile raises for damaged, encrypted or unknown data; RuntimeError is a wrong password."""


@dataclass(frozen=True)
class Entry:
    """A regular file under a safe relative name; ``read`` returns its bytes or raises SubmissionError."""

    name: str
    read: Callable[[], bytes]
    size_bytes: int = 0
    """As far as it can be known without reading it."""


@dataclass(frozen=True)
class Refused:
    """A file that is not taken, and why, in words that a person can act on."""

    name: str
    reason: str


def files(path: Path) -> tuple[list[Entry], list[Refused]]:
    """The files below a folder or in a zip, in order of their names; UsageError when it is neither."""
    if path.is_dir():
        found = list(itertools.islice(in_folder(path), ENTRIES_MAX + 1))
    elif zipfile.is_zipfile(path):
        found = list(itertools.islice(in_archive(path, ""), ENTRIES_MAX + 1))
    else:
        raise UsageError(f"{path} is neither a folder nor a zip archive; name what the learning platform gave you")
    if len(found) > ENTRIES_MAX:
        raise UsageError(f"{path} has more than {ENTRIES_MAX:,} files; take it in in parts")
    entries = sorted((one for one in found if isinstance(one, Entry)), key=lambda entry: entry.name)
    return entries, [one for one in found if isinstance(one, Refused)]


def in_folder(root: Path) -> Iterator[Entry | Refused]:
    """The files of a folder, links neither followed nor taken."""
    for found in walked(root):
        path = Path(found.path)
        relative = path.relative_to(root).as_posix()
        if found.is_symlink() and os.path.isdir(path):
            yield Refused(relative, "it is a link to a folder")
        elif not found.is_file(follow_symlinks=False):
            yield Refused(relative, "it is a link, a pipe or a device; put the file itself in its place")
        elif found.name.lower().endswith(".zip"):
            yield from in_archive(path, relative)
        else:
            yield Entry(relative, lambda path=path: contents(path), path.lstat().st_size)  # type: ignore[misc]


def in_archive(path: Path, name: str) -> Iterator[Entry | Refused]:
    """The files of an archive on the disk, which stays open for them."""
    return in_zip(functools.cache(lambda: zipfile.ZipFile(path)), name, 1)


def in_zip(open_archive: Callable[[], zipfile.ZipFile], name: str, depth: int) -> Iterator[Entry | Refused]:
    """The files of an archive, and of archives in it; an archive that cannot be read is refused as a whole."""
    try:
        archive = open_archive()
    except (*BROKEN, SubmissionError) as error:
        yield Refused(name or "the archive", f"it cannot be unpacked ({error}); download it again or ask the student")
        return
    infos = [info for info in archive.infolist() if not info.is_dir() and not is_ignored(true_name(info))]
    count = Counter(map(true_name, infos))
    for info in infos:
        inner = true_name(info)
        full = f"{name}/{inner}" if name else inner
        if reason := unsafe_name(inner) or unsafe(info):
            yield Refused(short_name(full), reason)
        elif count[inner] > 1:
            yield Refused(full, "several files in the archive have this name; ask which one is meant")
        elif not inner.lower().endswith(".zip"):
            read = functools.partial(read_again, open_archive, info)
            yield Entry(full, read, info.file_size)
        elif depth >= ARCHIVES_DEEP_MAX:
            yield Refused(full, "it is an archive within an archive within an archive; ask for the notebook itself")
        else:
            yield from in_zip(functools.partial(nested, open_archive, info), full, depth + 1)


def is_ignored(name: str) -> bool:
    """Whether a file is one that systems leave behind, of no use to anybody else."""
    return any(IGNORED.match(part) for part in name.split("/") if part not in ("", ".", ".."))


def nested(open_archive: Callable[[], zipfile.ZipFile], info: zipfile.ZipInfo) -> zipfile.ZipFile:
    """The archive within an archive, opened anew each time: a class of them would not fit into memory."""
    data = read_entry(open_archive(), info, NESTED_MAX_BYTES)
    end = data.rfind(b"PK\5\6", -END_MAX_BYTES)
    # What zipfile believes; it makes an object of every 46 bytes before anybody can count them.
    directory_bytes = int.from_bytes(data[end + 12 : end + 16], "little") if end >= 0 else 0
    if directory_bytes > DIRECTORY_MAX_BYTES:
        raise SubmissionError("it has too many files")
    return zipfile.ZipFile(io.BytesIO(data))


def read_again(open_archive: Callable[[], zipfile.ZipFile], info: zipfile.ZipInfo) -> bytes:
    """The bytes of one file in an archive that is opened for it."""
    return read_entry(open_archive(), info, SUBMITTED_MAX_BYTES)


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The bytes of one file in an archive; SubmissionError when it is damaged or larger than allowed."""
    try:
        with archive.open(info) as file:
            data = file.read(max_bytes + 1)
    except BROKEN as error:
        raise SubmissionError(f"it cannot be unpacked ({error}); download it again or ask the student") from error
    if len(data) > max_bytes:
        raise SubmissionError(f"it is larger than {max_bytes // 1_000_000} MB; ask for it with its outputs cleared")
    return data


def true_name(info: zipfile.ZipInfo) -> str:
    """The entry's name with slashes, composed, and decoded as UTF-8 where the archive forgot to say so.

    Signs that nobody sees are not in it.
    """
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    composed = unicodedata.normalize("NFC", UNSEEN_SIGNS.sub("", name).replace("\\", "/"))
    return composed.encode("utf-8", "replace").decode("utf-8")


def unsafe_name(name: str) -> str:
    """Why a name may not be used, or an empty text."""
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "its name is an absolute path"
    if ".." in parts:
        return "its name leads out of the folder (..)"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in JOINING.sub("", name)):
        return "its name has control characters"
    if any(map(DEVICE.match, parts)):
        return "its name is that of a device"
    if len(name) > PATH_MAX_CHARS or any(len(part) > NAME_MAX_CHARS for part in parts):
        return "its name is too long"
    return ""


def unsafe(info: zipfile.ZipInfo) -> str:
    """Why an entry may not be read, or an empty text."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "it is a link or a device; ask for the file itself"
    if info.flag_bits & 0x1:
        return "it is encrypted; ask for it without a password"
    if info.file_size > SUBMITTED_MAX_BYTES:
        return f"it is larger than {SUBMITTED_MAX_BYTES // 1_000_000} MB; ask for it with its outputs cleared"
    if info.file_size > RATIO_MATTERS_BYTES and info.file_size > RATIO_MAX * max(info.compress_size, 1):
        return "it would grow more than two hundredfold when unpacked, as no notebook does"
    return ""
