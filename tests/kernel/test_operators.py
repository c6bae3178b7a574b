"""The sandbox works for an operator who is not root; tests run as root become one here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.kernel import sandbox

BECOME_ORDINARY = """
set -e
mount --make-rprivate /
mount --bind "$PYTHON_FOLDER" "$STAGE"
if [ -n "$BLOCKED" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$BLOCKED"
    mkdir -p "$PYTHON_FOLDER"
    mount --bind "$STAGE" "$PYTHON_FOLDER"
fi
exec setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
"""
"""Shows the interpreter to everybody, in a mount namespace of its own, where it is in root's home."""

RUN = """
import os
from tests.kernel.driver import Kernel
from tests.kernel.soak import run_kernel, soak
with Kernel() as kernel:
    print(os.geteuid(), kernel.run("import os; print(os.geteuid())").text)
with Kernel(files={"lib/mine.py": b"NAME = 'mine'"}) as kernel:
    print(kernel.run("import lib.mine; open('lib/mine.py', 'a').close(); print(lib.mine.NAME)").text)
assert soak(3, run_kernel, warm_up=1) == []
"""


def first_blocked(folder: Path) -> Path | None:
    """The outermost parent that others may not pass."""
    return next((parent for parent in reversed(folder.parents) if not parent.stat().st_mode & 0o001), None)


@pytest.fixture
def ordinary_home() -> Iterator[Path]:
    """A folder that the ordinary operator owns, with a short path."""
    folder = Path("/tmp", f"ordinary-{os.getpid()}")
    folder.mkdir()
    os.chown(folder, 54321, 54321)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is by an ordinary operator already")
def test_an_ordinary_operator_can_run_kernels(tmp_path: Path, ordinary_home: Path) -> None:
    root = Path(sandbox.__file__).parents[2]
    if first_blocked(root / "tests") or first_blocked(Path(sys.prefix, "bin")):
        pytest.skip("this checkout is in a folder that only root may enter")
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("util-linux is not installed")
    command = ["unshare", "--mount", "sh", "-c", BECOME_ORDINARY, "sh", sys.executable, "-c", RUN]
    variables = {
        "PYTHON_FOLDER": sys.base_prefix,
        "BLOCKED": str(first_blocked(Path(sys.base_prefix)) or ""),
        "STAGE": str(tmp_path),
        "HOME": str(ordinary_home),
        "TMPDIR": str(ordinary_home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }
    ran = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "54321 1000\n" in ran.stdout
    assert "mine\n" in ran.stdout
