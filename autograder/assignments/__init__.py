"""The assignments that this package can grade: probes, inputs and hidden tests, one folder each."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

SHIPPED = ("__init__.py", "inputs.py", "preload.py", "probes.py")
"""Files that may reach a kernel; every other one is the judge's."""


@dataclass(frozen=True)
class Assignment:
    """One assignment's folder in this package."""

    name: str
    folder: Path

    @property
    def probes(self) -> str:
        """Source text that is sent into the kernel: no expected value, no reference solution."""
        return (self.folder / "probes.py").read_text(encoding="utf-8")

    @property
    def inputs(self) -> str:
        """Source text of the input generators, sent along with the probes."""
        return (self.folder / "inputs.py").read_text(encoding="utf-8")

    @property
    def preload(self) -> str:
        """Source text that a zygote runs once: models that the probes copy."""
        return (self.folder / "preload.py").read_text(encoding="utf-8")

    @property
    def probes_sha256(self) -> str:
        """Digest of everything that is sent into the kernel."""
        return hashlib.sha256((self.probes + self.inputs + self.preload).encode()).hexdigest()

    def hidden_test_files(self) -> list[Path]:
        """The trusted side's files: never sent anywhere."""
        return sorted(p for p in self.folder.glob("*.py") if p.name not in SHIPPED)


def load(name: str) -> Assignment:
    """The assignment of this name; UsageError when the package has no hidden tests for it."""
    folder = Path(__file__).parent / name
    if not name.isidentifier() or not (folder / "probes.py").is_file():
        known = ", ".join(sorted(p.parent.name for p in Path(__file__).parent.glob("*/probes.py")))
        raise UsageError(f"there are no hidden tests for '{name}' (found: {known})")
    return Assignment(name, folder)
