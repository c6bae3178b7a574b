"""The sandbox works for an operator who is not root; tests run as root become one here."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import operators

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


@pytest.fixture
def ordinary_home() -> Iterator[Path]:
    """A folder that the ordinary operator owns, with a short path."""
    folder = Path("/tmp", f"ordinary-{os.getpid()}")
    folder.mkdir()
    os.chown(folder, operators.ORDINARY, operators.ORDINARY)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is by an ordinary operator already")
def test_an_ordinary_operator_can_run_kernels(tmp_path: Path, ordinary_home: Path) -> None:
    if operators.blocked_folder(Path(__file__)) or operators.blocked_folder(Path(sys.prefix, "bin")):
        pytest.skip("this checkout is in a folder that only root may enter")
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("util-linux is not installed")
    ran = operators.run_as(["-c", RUN], root=False, home=ordinary_home, stage=tmp_path, env={})
    assert ran.returncode == 0, ran.stderr
    assert f"{operators.ORDINARY} 1000\n" in ran.stdout
    assert "mine\n" in ran.stdout
