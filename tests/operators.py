"""This checkout run by root or by an ordinary user, where everybody may pass root's home, in namespaces of its own.

Python may be in root's home, where no other user could import it; processes are those of the run alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ORDINARY = 54321
BECOME = """
set -e
mount --make-rprivate /
mount --bind "$PYTHON_FOLDER" "$STAGE"
if [ -n "$BLOCKED" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$BLOCKED"
    mkdir -p "$PYTHON_FOLDER"
    mount --bind "$STAGE" "$PYTHON_FOLDER"
fi
exec "$@"
"""
DROP = ("setpriv", "--reuid", str(ORDINARY), "--regid", str(ORDINARY), "--clear-groups", "--inh-caps=-all")


def blocked_folder(folder: Path) -> Path | None:
    """The outermost parent that others may not pass."""
    return next((parent for parent in reversed(folder.parents) if not parent.stat().st_mode & 0o001), None)


def run_as(
    command: Sequence[str], *, root: bool, home: Path, stage: Path, env: Mapping[str, str], through: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """What Python did with these arguments as that operator, who owns ``home``; ``stage`` is an empty folder.

    ``through`` is a program, with its first arguments, that starts Python.
    """
    who = () if root else (*DROP, "--bounding-set=-all")
    variables = {
        "PYTHON_FOLDER": sys.base_prefix,
        "BLOCKED": str(blocked_folder(Path(sys.base_prefix)) or ""),
        "STAGE": str(stage),
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": os.environ["PATH"],
        **env,
    }
    own = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
    return subprocess.run(
        [*own, "sh", "-c", BECOME, "sh", *who, *through, sys.executable, *command],
        cwd=Path(__file__).parents[1],
        env=variables,
        capture_output=True,
        text=True,
    )
