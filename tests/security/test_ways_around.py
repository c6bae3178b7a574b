"""No second way leads to what is hidden inside of a folder that is shown; with nothing hidden, each of them does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.kernel.mounts import HOME
from tests.kernel.driver import Kernel
from tests.security.attacks import HERE

SECRET = "what is expected"
WAYS = {
    "by its name": "tests/test_one.py",
    "by its parent": "weights/../tests/test_one.py",
    "by a link to the file": "link",
    "by a link to its folder": "folder/test_one.py",
    "by a link to a folder around it": "weights/up/tests/test_one.py",
    "by its compiled code": "tests/__pycache__/test_one.cpython-311.pyc",
}
THROUGH = {"from here": "", "through the root of the process": "/proc/self/root", "through /proc": "/proc/self/cwd"}
PLACES = {"copied or mounted below home": f"{HOME}/data", "at its own place": ""}


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder with something to show and something to hide, which every user may read."""
    folder = Path(tempfile.mkdtemp(prefix="shown-", dir=tempfile.gettempdir()))
    for name in ("tests/test_one.py", WAYS["by its compiled code"], "weights/one.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SECRET)
    for name, target in {"link": "tests/test_one.py", "folder": "tests", "weights/up": ".."}.items():
        (folder / name).symlink_to(target)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def reading(place: str) -> str:
    """A cell that says which ways lead to the secret."""
    return f"""
import os
home = os.path.expanduser("~")
place = {place!r}.replace({HOME!r}, home)
for way in {list(WAYS.values())!r}:
    for through in {list(THROUGH.values())!r}:
        relative = os.path.relpath(f"{{place}}/{{way.split('/')[0]}}", os.getcwd())
        rest = way.partition("/")[2]
        name = f"{{relative}}/{{rest}}".rstrip("/") if through.endswith("cwd") else f"{{place}}/{{way}}"
        try:
            if open(f"{{through}}/{{name}}" if through else name).read() == {SECRET!r}:
                print(way, "through", through)
        except OSError:
            pass
print(open(f"{{place}}/weights/one.bin").read())
"""


def found(data: Path, place: str, hidden: list[str]) -> list[str]:
    """Which ways led there, and at the end what a file beside it holds."""
    place = place or str(data)
    with Kernel(read_only={str(data): place}, hidden=hidden) as kernel:
        reply = kernel.run(reading(place))
    assert not reply.error
    return reply.text.splitlines()


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_SECURITY_no_way_leads_into_a_hidden_folder(data: Path, place: str) -> None:
    assert found(data, place, [str(data / "tests")]) == [SECRET]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_twin_with_nothing_hidden_every_way_leads_there(data: Path, place: str) -> None:
    ways = found(data, place, [])
    copied = HERE == "landlock" and place
    # A copy has no link that leads back to a folder around it.
    expected = [way for name, way in WAYS.items() if not (copied and "around" in name)]
    assert ways == [*(f"{way} through {through}" for way in expected for through in THROUGH.values()), SECRET]
