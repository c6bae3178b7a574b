"""The attacks, the endings and the leftovers once more, against the sandbox without namespaces, by either operator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.kernel.choice import SANDBOX_VARIABLE
from tests import operators

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become both operators"),
    pytest.mark.skipif(not shutil.which("setpriv"), reason="util-linux is not installed"),
]


@pytest.fixture
def short_home() -> Iterator[Path]:
    """A folder that both operators may write to, with a short path."""
    folder = Path("/tmp", f"operator-{os.getpid()}")
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["test_attacks.py", "test_endings.py", "test_leftovers.py", "test_ways_around.py"])
@pytest.mark.parametrize("root", [True, False], ids=["root", "an ordinary user"])
def test_SECURITY_the_sandbox_of_landlock_holds_for(root: bool, name: str, short_home: Path, tmp_path: Path) -> None:
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/security/{name}"]
    env = {SANDBOX_VARIABLE: "landlock"}
    done = operators.run_as(command, root=root, home=short_home, stage=tmp_path, env=env)
    assert done.returncode == 0, done.stdout[-6000:]
