"""What a bulk download holds of a student besides the notebook, under the names that the student gave it."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError
from autograder.submission.archive import Entry, Refused
from autograder.submission.beside import (
    ENVIRONMENTS,
    FOLDERS_DEEP_MAX,
    SYSTEM_FILES,
    Beside,
    first_few,
    sentences,
    unfit_name,
    within_bounds,
)
from autograder.submission.platforms import Upload

NOTEBOOKS_MAX = 12
NUMBERED = re.compile(r"-\d+(?=\.\w+$)")
"""What Canvas puts before the ending of a file that is handed in again."""
PLATFORMS_OWN = re.compile(r"_attempt_[\d-]+\.txt$|_assignsubmission_onlinetext_", re.IGNORECASE)
"""What Blackboard and Moodle write themselves."""


@dataclass(frozen=True)
class Further:
    """The files to be put beside a notebook, and what is not taken."""

    files: tuple[tuple[str, bytes], ...] = ()
    not_taken: tuple[Refused, ...] = ()


def further(mine: Sequence[Upload], chosen: Upload, pick: Callable[..., Any]) -> Further:
    """What belongs to the attempt that the chosen notebook is from, by its name relative to it."""
    here, outside = dict[str, Upload](), list[Refused]()
    base = given_name(chosen, chosen).rpartition("/")[0]
    for upload in sorted(attempt_of(mine, chosen), key=lambda u: u.order, reverse=pick is max):
        name = given_name(upload, chosen)
        if base and not name.startswith(f"{base}/"):
            outside.append(Refused(name, "not in the notebook's folder or below it"))
        elif name != given_name(chosen, chosen):
            here.setdefault(name[len(base) :].removeprefix("/"), upload)
    books = sorted(name for name in here if ".ipynb" in name.lower())
    entries = [replace(upload.entry, name=name) for name, upload in here.items() if name not in books]
    beside, copies = fitting(entries), further_notebooks([replace(here[name].entry, name=name) for name in books])
    return Further((*copies.files, *beside.files), (*outside, *copies.not_taken, *beside.not_taken))


def attempt_of(mine: Sequence[Upload], chosen: Upload) -> Iterator[Upload]:
    """The files handed in with the chosen one; Canvas numbers every file, the others the attempt."""
    for upload in mine:
        together = upload.platform == "Canvas" or upload.order == chosen.order
        if together and upload.time == chosen.time and not PLATFORMS_OWN.search(upload.entry.name):
            yield upload


def given_name(upload: Upload, chosen: Upload) -> str:
    """The name that the student gave a file: no archive around it, no number from Canvas.

    A module's name has no hyphen; other files had none either when the notebook got one too.
    """
    name = "/".join(part for part in upload.file.split("/") if not part.lower().endswith(".zip"))
    renamed = upload.platform == "Canvas" and (name.endswith(".py") or NUMBERED.search(chosen.file))
    return NUMBERED.sub("", name) if renamed and "/" not in name else name


def fitting(entries: Sequence[Entry]) -> Beside:
    """The files but for virtual environments, what lies too deep, and what passes the bounds."""
    made = {entry.name.removesuffix("pyvenv.cfg") for entry in entries if entry.name.endswith("/pyvenv.cfg")}
    kept, refused = [], list[Refused]()
    for entry in entries:
        folders = entry.name.split("/")[:-1]
        if any(part.lower() in ENVIRONMENTS for part in folders) or entry.name.startswith(tuple(made)):
            refused.append(Refused(f"{folders[0]}/", "a virtual environment or installed packages"))
        elif len(folders) > FOLDERS_DEEP_MAX:
            refused.append(Refused(entry.name, f"more than {FOLDERS_DEEP_MAX} folders deep"))
        elif entry.name.rpartition("/")[2].lower() not in SYSTEM_FILES:
            kept.append(entry)
    found = within_bounds(kept)
    return Beside(found.files, (*dict.fromkeys(refused), *found.not_taken))


def further_notebooks(entries: Sequence[Entry]) -> Beside:
    """Further notebooks, which are not graded but compared; they may be as long as the one that is."""
    taken, refused = [], list[Refused]()
    for number, entry in enumerate(entries):
        reason = unfit_name(entry.name) or ("one notebook too many" if number >= NOTEBOOKS_MAX else "")
        try:
            if not reason:
                taken.append((entry.name, entry.read()))
        except SubmissionError as error:
            reason = str(error)
        if reason:
            refused.append(Refused(entry.name, reason))
    return Beside(tuple(taken), tuple(refused))


def put_beside(folder: Path, found: Further, write: Callable[[Path, bytes], None], *, overwrite: bool) -> Iterator[str]:
    """Write the files into a student's folder and say what was done; another file of that name is kept unless told."""
    put, refused = [], list(found.not_taken)
    for name, data in found.files:
        if reason := put_one(folder, name, data, write, overwrite=overwrite):
            refused.append(Refused(name, reason))
        else:
            put.append(name)
    if put:
        yield f"with {first_few(put)}"
    yield from (f"not taken: {sentence}" for sentence in sentences(refused))


def put_one(folder: Path, name: str, data: bytes, write: Callable[[Path, bytes], None], *, overwrite: bool) -> str:
    """Why a file could not be written, or an empty text when it lies there now."""
    path = folder / name
    if any((folder / parent).is_symlink() for parent in path.relative_to(folder).parents[:-1]):
        return "a folder on the way is a link"
    try:
        there = os.path.lexists(path)
        if there and not overwrite and (path.is_symlink() or path.read_bytes() != data):
            return "another file of this name is there; remove it, or collect with --replace"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, data)
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    return ""
