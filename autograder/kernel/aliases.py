"""Under which other names a folder can be reached: what is mounted twice has two paths, and no link tells of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mountinfo")


@dataclasses.dataclass(frozen=True)
class Mounted:
    """One line of the table: which folder of which filesystem can be seen where."""

    device: str
    root: Path
    point: Path

    @classmethod
    def of(cls, line: str) -> Mounted:
        """Read from the line; spaces and the like are in octal there."""
        _, _, device, *paths = line.split(" ")[:5]
        root, point = (Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), path)) for path in paths)
        return cls(device, root, point)

    def name_of(self, device: str, inner: Path) -> Path | None:
        """Where this mount shows that folder of the filesystem, or the part of it that it shows; None for neither."""
        if device != self.device:
            return None
        if inner.is_relative_to(self.root):
            return self.point / inner.relative_to(self.root)
        return self.point if self.root.is_relative_to(inner) else None


def mounted_here() -> tuple[Mounted, ...]:
    """All that this process sees mounted."""
    return tuple(map(Mounted.of, MOUNT_TABLE.read_text(errors="surrogateescape").splitlines()))


def mounted_names(path: Path, table: Sequence[Mounted]) -> Iterable[Path]:
    """The path, without links, and every other one at which the same folder, or a part of it, is mounted."""
    around = [mount for mount in table if path.is_relative_to(mount.point)]
    # The innermost one is what counts, and of several at one place the last.
    own = max(enumerate(around), key=lambda pair: (len(pair[1].point.parts), pair[0]))[1] if around else None
    seen = [(own.device, own.root / path.relative_to(own.point))] if own else []
    seen += [(mount.device, mount.root) for mount in table if mount.point.is_relative_to(path)]
    names = (mount.name_of(device, inner) for device, inner in seen for mount in table)
    return dict.fromkeys([path, *(name for name in names if name)])


def hidden_names(hidden: Iterable[str], shown: Sequence[Path]) -> tuple[Path, ...]:
    """What is to be hidden, wherever it can be reached; what is around a shown folder hides nothing of that."""
    table = mounted_here()
    resolved = [Path(name).resolve() for name in hidden]
    others = [name for path in resolved for name in mounted_names(path, table) if _can_be_left_out(name, shown)]
    return tuple(dict.fromkeys([*resolved, *others]))


def _can_be_left_out(name: Path, shown: Sequence[Path]) -> bool:
    return name.exists() and not any(folder.is_relative_to(name) for folder in shown)
