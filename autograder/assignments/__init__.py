"""The assignments that this package can grade: probes, inputs and hidden tests, one folder each."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

SHIPPED = ("preload", "inputs", "probes")
"""Files that may reach a kernel; every other one is the judge's."""


@dataclass(frozen=True)
class Assignment:
    """One assignment's folder in this package."""

    name: str
    folder: Path

    @property
    def shipped(self) -> dict[str, str]:
        """Name -> text of what runs in the student's process, in the order in which they need each other.

        No expected value and no reference solution is in it.
        """
        return {name: (self.folder / f"{name}.py").read_text(encoding="utf-8") for name in SHIPPED}

    @property
    def probes_sha256(self) -> str:
        """Digest of everything that is sent into the kernel."""
        return hashlib.sha256("".join(self.shipped.values()).encode()).hexdigest()

    def hidden_test_files(self) -> list[Path]:
        """The trusted side's files: never sent anywhere."""
        return sorted(p for p in self.folder.glob("*.py") if p.stem not in (*SHIPPED, "__init__"))


def load(name: str) -> Assignment:
    """The assignment of this name; UsageError when the package has no hidden tests for it."""
    folder = Path(__file__).parent / name
    if not name.isidentifier() or not (folder / "probes.py").is_file():
        known = ", ".join(sorted(p.parent.name for p in Path(__file__).parent.glob("*/probes.py")))
        raise UsageError(f"there are no hidden tests for '{name}' (found: {known})")
    return Assignment(name, folder)
