"""Files that are whole or not there: whatever happens meanwhile, the old one or the new one has the name."""

import hashlib
import os
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file, with its folder; OSError, and the old file as it was, when that cannot be done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name for all tries, and a short one: what a killed run leaves is overwritten by the next.
    draft = path.with_name(f".new-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
