"""Where fetched models and data lie, and how a kernel without a network finds them.

A course keeps them in ``fetched/<assignment>/<profile>/``: ``hub/`` is a cache of the Hugging Face hub as its libraries
lay it out, ``datasets/`` what the library ``datasets`` makes of the Parquet files in it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import Pinned, Profile
from autograder.course import Course

CACHE = ".cache/huggingface"
"""Where the libraries look, below the home folder."""
PREPARED_MAX_BYTES = 256 * 1024 * 1024
"""Of data that every kernel gets a copy of."""


@dataclass(frozen=True)
class Fetched:
    """What was fetched for one profile."""

    folder: Path
    profile: Profile

    @property
    def hub(self) -> Path:
        """What kernels may read: models, and the files that data sets were made of."""
        return self.folder / "hub"

    @property
    def prepared(self) -> Path:
        """Data sets as the library keeps them. It makes lock files beside them, so every kernel has its own copy."""
        return self.folder / "datasets"

    def missing(self) -> Iterator[str]:
        """What is not there, or is not what the declaration says, in words; all files are read."""
        for pinned in self.profile.pinned:
            for name, digest in pinned.files.items():
                path = snapshot(self.hub, pinned) / name
                if not path.is_file():
                    yield f"{pinned.repo}/{name} is missing"
                elif digest_of_file(path) != digest:
                    yield f"{pinned.repo}/{name} is another file than was declared"
            if pinned.splits and not (dataset_folder(self.prepared, pinned) / "dataset_info.json").is_file():
                yield f"{pinned.repo} is not prepared"

    def copies(self) -> tuple[tuple[str, bytes], ...]:
        """Name below the home folder, and content, of what a kernel must be able to write beside."""
        paths = sorted(p for p in self.prepared.rglob("*") if p.is_file())
        return tuple((f"{CACHE}/datasets/{p.relative_to(self.prepared).as_posix()}", p.read_bytes()) for p in paths)


def fetched_for(course: Course, assignment: str, name: str, profile: Profile) -> Fetched | None:
    """Where a profile's models and data belong in a course; None for one that needs none."""
    return Fetched(course.root / "fetched" / assignment / name, profile) if profile.pinned else None


def repository(hub: Path, pinned: Pinned) -> Path:
    """The folder of a repository in a cache of the hub."""
    return hub / f"{pinned.kind}s--{pinned.repo.replace('/', '--')}"


def snapshot(hub: Path, pinned: Pinned) -> Path:
    """The folder of its files at the commit."""
    return repository(hub, pinned) / "snapshots" / pinned.revision


def dataset_folder(prepared: Path, pinned: Pinned) -> Path:
    """Where the library looks for a data set that it cannot ask the hub about."""
    return prepared / pinned.repo.replace("/", "___") / pinned.config / "0.0.0" / pinned.revision


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
