"""An assignment as its course declares it: a folder of its own, which is never released.

``grading/<name>/assignment.py`` holds one ``DECLARATION``. Beside it stand ``probes.py``, ``inputs.py`` and, where
something is worth preparing once, ``preload.py``, which run in the student's process; so does every ``probes_*.py``,
for probes that one file cannot hold. Every other file is the judge's.
"""

import hashlib
import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autograder.errors import AuthorError, UsageError

SHIPPED = ("preload.py", "inputs.py", "probes.py", "probes_*.py")
"""Files that may reach a kernel; what is to be prepared comes first."""
NEEDED_FILES = ("assignment.py", "probes.py")


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Files of one repository of the Hugging Face hub, at a commit that nobody can change, and what they must be."""

    repo: str
    """As the notebook asks for it."""
    revision: str
    files: Mapping[str, str]
    """Name -> SHA-256."""
    kind: Literal["model", "dataset"] = "model"
    config: str = ""
    """Of a data set: which part of it the notebook asks for."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """Of a data set: split -> the Parquet file that holds it."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One size in which the notebook runs."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that tell the notebook so."""
    deadlines: Mapping[str, float] = field(default_factory=dict)
    """Fields of autograder.observe.observed.Deadlines that differ from their defaults."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Fields of autograder.kernel.limits.Limits that differ from their defaults."""
    offline: bool = True
    """Whether Hugging Face's libraries are told that there is no network."""
    pinned: tuple[Pinned, ...] = ()
    """What must have been fetched before the notebook can run."""
    once: tuple[str, ...] = ()
    """Grade ids of cells that take too long to be run again when a later cell has killed the kernel."""
    threads: int = 1
    """Of one submission's numerical libraries."""
    gpu: bool = False
    """Whether each submission gets a graphics card."""
    gpu_free_bytes: int = 0
    """What must be free on the card before anything starts."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution -> the oldest version that this size is run with."""
    measured: str = ""
    """Name of the probe that reports what the notebook has measured, once all cells have run; it decides no points."""
    at_least: Mapping[str, float] = field(default_factory=dict)
    """Measured value -> what right work reaches; whoever stays below is named to a person."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What the tool must know of an assignment; all of it is optional."""

    profiles: Mapping[str, Profile] = field(default_factory=lambda: {"default": Profile()})
    """By name; the first is the one that counts."""
    imports: tuple[str, ...] = ()
    """Modules that the warm parent imports once for all kernels; none may start a thread."""
    functions_of: tuple[str, ...] = ()
    """Modules whose functions are put back while a probe runs."""
    classes_of: tuple[str, ...] = ()
    """Modules whose own classes are put back too, attribute by attribute."""
    packages: tuple[str, ...] = ()
    """Distributions whose versions a result may depend on; every Record names them."""
    public: tuple[str, ...] = ()
    """Texts of exceptions that feedback may repeat, with {n}, {shape}, {name} and {names} for what is filled in."""
    public_names: tuple[str, ...] = ()
    """Names that feedback may repeat where an exception mentions them: what the homework's libraries call their own."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Name in the notebook -> package beside ``assignment.py`` that the notebook holds under it, in one cell."""
    changing: tuple[str, ...] = ()
    """Libraries whose names come and go from version to version; in others a missing one is a slip of the pen."""


@dataclass(frozen=True)
class Assignment:
    """One assignment's folder, and what it declares."""

    name: str
    folder: Path
    declaration: Declaration = field(default_factory=Declaration)

    @property
    def shipped(self) -> dict[str, str]:
        """Name -> text of what runs in the student's process: no expected value and no reference solution is in it."""
        files = [file for pattern in SHIPPED for file in sorted(self.folder.glob(pattern))]
        return {file.stem: file.read_text(encoding="utf-8") for file in files}

    @property
    def probes_sha256(self) -> str:
        """Digest of everything that is sent into the kernel."""
        return hashlib.sha256("".join(self.shipped.values()).encode()).hexdigest()

    def hidden_test_files(self) -> list[Path]:
        """The trusted side's files: never sent anywhere."""
        return sorted(p for p in self.folder.glob("*.py") if p.stem not in {"__init__", *self.shipped})

    def profile(self, name: str) -> Profile:
        """The profile of this name; UsageError when there is none."""
        try:
            return self.declaration.profiles[name]
        except KeyError:
            known = ", ".join(self.declaration.profiles)
            raise UsageError(f"{self.name} has no profile '{name}' (it has: {known})") from None

    @property
    def default_profile(self) -> str:
        """The profile that counts."""
        return next(iter(self.declaration.profiles))


def load_assignment(folder: Path) -> Assignment:
    """The assignment in this folder.

    UsageError when its files are not there; AuthorError when ``assignment.py`` cannot be run or declares nothing.
    """
    missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
    if missing or not folder.name.isidentifier():
        found = sorted(p.parent.name for p in folder.parent.glob("*/probes.py"))
        raise UsageError(
            f"there are no hidden tests for '{folder.name}': {' and '.join(missing) or 'a Python name'} is missing in "
            f"{folder} (found: {', '.join(found) or 'none'})"
        )
    try:
        declaration = runpy.run_path(str(folder / "assignment.py"))["DECLARATION"]
    except Exception as error:
        raise AuthorError(f"{folder / 'assignment.py'} declares nothing ({type(error).__name__}: {error})") from error
    if not isinstance(declaration, Declaration):
        raise AuthorError(f"DECLARATION in {folder / 'assignment.py'} is no autograder.assignment.Declaration")
    return Assignment(folder.name, folder, declaration)
