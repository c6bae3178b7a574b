"""Put the files handed in with a notebook into its kernel's folder, before anybody is there who could interfere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o777, 0o666
"""Whoever the student is in there, the files are theirs to change; nobody else ever sees the folder."""


def place_files(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write each file under its relative name; OSError when something is there already, or no space is left."""
    for name, data in files:
        path = folder / name
        for parent in reversed(path.relative_to(folder).parents[:-1]):
            made = folder / parent
            if not made.is_dir():
                made.mkdir()
                made.chmod(FOLDER_MODE)
        with path.open("xb") as file:
            file.write(data)
        path.chmod(FILE_MODE)
