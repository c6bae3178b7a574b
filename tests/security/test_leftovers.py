"""Nothing that one submission does is there for the next, and nothing of the host is in its memory."""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
from pathlib import Path

import nbformat
import psutil
import pytest

import autograder
from tests.builders import GRADING
from tests.kernel.driver import Kernel, eventually
from tests.security.attacks import HERE

PLACES = "(Path.home(), Path.home() / '.ipython', Path(tempfile.gettempdir()), Path('/dev/shm'))"
PLANT = f"""
import contextlib, tempfile
from pathlib import Path
for folder in {PLACES}:
    with contextlib.suppress(PermissionError):
        folder.mkdir(exist_ok=True)
        (folder / "planted").write_text("mine")
print(all((folder / "planted").exists() for folder in {PLACES}[:3]))
"""

FIND = f"""
import tempfile
from pathlib import Path
print([str(path) for root in (Path("/home"), *{PLACES}) for path in root.rglob("planted")])
"""

SHARED_SEGMENT = "import ctypes; print(ctypes.CDLL(None).shmget({key}, 64, {flags}))"

DAEMON = """
import os, subprocess
daemon = subprocess.Popen(["sleep", "SECONDS"], start_new_session=True)
print(daemon.pid)
"""


def unlike_any_other() -> int:
    """A number by which to know what this test made among all that runs on the machine."""
    return 4321 + secrets.randbelow(1 << 30)


def daemons(seconds: int) -> list[psutil.Process]:
    """The daemons of DAEMON that sleep so long, anywhere on this machine."""
    wanted = ["sleep", str(seconds)]
    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == wanted]


def test_SECURITY_files_of_one_submission_are_gone_for_the_next() -> None:
    with Kernel() as first:
        assert first.run(PLANT).text == "True\n"
    with Kernel() as second:
        assert second.run(FIND).text == "[]\n"


def test_SECURITY_packages_and_system_folders_cannot_be_written() -> None:
    with Kernel() as kernel:
        reply = kernel.run("""
import os, sys, sysconfig
places = ["/", "/etc", "/usr", "/dev", "/home/..", sys.prefix, sysconfig.get_path("purelib"), "/proc/sys/kernel"]
written = []
for place in places:
    try:
        open(os.path.join(place, "planted"), "w").close()
        written.append(place)
    except OSError:
        pass
print(written)
""")
        assert reply.text == "[]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a kernel without mounts of its own")
def test_twin_without_mounts_a_file_is_there_for_the_next() -> None:
    folder = Path(tempfile.mkdtemp(prefix="leftover-"))
    layers = {"mounts", "identity", "landlock"}
    with Kernel(layers_off=layers) as first:
        first.run(f"open({str(folder / 'planted')!r}, 'w').write('mine')")
    with Kernel(layers_off=layers) as second:
        assert second.run(f"print(open({str(folder / 'planted')!r}).read())").text == "mine\n"
    (folder / "planted").unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("layers_off", "found"),
    [(set(), False), ({"seccomp"}, False), ({"seccomp", "ipc", "user", "identity"}, True)],
    ids=["with all layers", "with the namespace alone", "twin with neither"],
)
def test_SECURITY_a_shared_memory_segment_is_found_by_the_next_only(layers_off: set[str], found: bool) -> None:
    if layers_off == {"seccomp"} and HERE == "landlock":
        pytest.skip("only the filter keeps kernels apart here")
    if "user" in layers_off and os.geteuid() != 0:
        pytest.skip("only root can run a kernel without a user namespace")
    key = unlike_any_other()
    with Kernel(layers_off=layers_off) as first:
        first.run(SHARED_SEGMENT.format(key=key, flags=0o1600))
    with Kernel(layers_off=layers_off) as second:
        reply = second.run(SHARED_SEGMENT.format(key=key, flags=0))
        if found:
            second.run(f"ctypes.CDLL(None).shmctl({int(reply.text)}, 0, None)")
    assert (int(reply.text) >= 0) is found


def test_SECURITY_a_daemon_dies_with_its_kernel() -> None:
    seconds = unlike_any_other()
    with Kernel() as kernel:
        kernel.run(DAEMON.replace("SECONDS", str(seconds)))
        assert len(daemons(seconds)) == 1
    assert daemons(seconds) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a kernel without namespaces of its own")
def test_twin_without_the_pid_namespace_a_daemon_outlives_its_kernel() -> None:
    seconds = unlike_any_other()
    if HERE == "landlock":
        pytest.skip("the supervisor ends what it can find even then")
    with Kernel(layers_off={"pid"}) as kernel:
        kernel.run(DAEMON.replace("SECONDS", str(seconds)))
    survivors = daemons(seconds)
    for process in survivors:
        process.send_signal(signal.SIGKILL)
    assert len(survivors) == 1
    eventually(lambda: not daemons(seconds), "the daemon is gone")


SCAN = """
flip = bytes(byte ^ 1 for byte in range(256))
def holders(flipped):
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps.read().splitlines():
            span, mode, _, _, inode, *_ = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            while "r" in mode and "[v" not in line and start < end:
                try:
                    memory.seek(start)
                    block = memory.read(min(end - start, 1 << 22)).translate(flip)
                except OSError:
                    break
                found |= {name for name, needle in flipped.items() if needle in block}
                start += 1 << 22
    return sorted(found)
"""


def flipped(text: str) -> bytes:
    """The text with the last bit of every byte changed, so that asking for it does not put it into memory."""
    return bytes(byte ^ 1 for byte in text.encode())


def test_SECURITY_the_memory_that_a_kernel_inherits_holds_nothing_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPERATOR_SECRET", "operator-canary")
    hidden_test = next(GRADING.glob("test_*.py"))
    hidden = hidden_test.read_text(encoding="utf-8")
    needles = {
        "environment": flipped("operator-canary"),
        "path of hidden tests": flipped(str(hidden_test.parent)),
        "text of a hidden test": flipped(hidden[200:260]),
        "an earlier submission": flipped("first-submission-canary"),
        "this submission": flipped("own-submission-canary"),
    }
    with Kernel() as first:
        first.run("mine = 'first-submission' + '-canary'")
    with Kernel() as kernel:
        kernel.run("mine = 'own-' + 'submission-canary'")
        kernel.run(SCAN)
        assert kernel.run(f"print(holders({needles!r}))").text == "['this submission']\n"


def test_SECURITY_a_kernel_holds_no_module_file_or_descriptor_of_the_package() -> None:
    root = str(Path(autograder.__file__).parent)
    with Kernel() as kernel:
        reply = kernel.run(f"""
import gc, linecache, os, sys
def can_read(path):
    try:
        return bool(open(path))
    except OSError:
        return False
def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []
root = {root!r}
names = [f"/proc/self/fd/{{name}}" for name in os.listdir("/proc/self/fd")]
links = [os.readlink(name) for name in names if os.path.lexists(name)]
print(
    [name for name in sys.modules if name.split(".")[0] == "autograder" and not name.startswith("autograder.inside.")],
    [name for name in linecache.cache if root in name],
    [path for path in sys.path if path and root.startswith(path)],
    [link for link in links if link.startswith("/") and link != "/dev/null"],
    root in open("/proc/self/maps").read(),
    can_read(os.path.join(root, "__init__.py")),
    listed(os.path.dirname(root)),
)
""")
    # What runs in a kernel has the names that it has here, and no file.
    assert reply.text.startswith("['autograder', 'autograder.inside'] [] [] [] False False ")
    assert reply.text.split("False False ")[1] in ("[]\n", "['.venv']\n")


def test_SECURITY_a_folder_that_the_host_hides_is_empty_in_the_sandbox() -> None:
    folder = Path(nbformat.__file__).parent
    with Kernel(hidden=[str(folder)]) as kernel:
        names = kernel.run(f"import os; print(os.listdir({str(folder)!r}))").text
        source = kernel.run(f"open({str(folder / '__init__.py')!r}).read()").error
        reply = kernel.run(f"open({str(folder / 'new')!r}, 'w')")
    # Landlock hides what is in files, and not that they are there.
    assert names == "[]\n" or HERE == "landlock"
    assert source.startswith(("FileNotFoundError", "PermissionError"))
    assert "Read-only" in reply.error or "PermissionError" in reply.error


def test_twin_a_folder_that_the_host_does_not_hide_is_there() -> None:
    folder = Path(nbformat.__file__).parent
    with Kernel() as kernel:
        assert "__init__.py" in kernel.run(f"import os; print(os.listdir({str(folder)!r}))").text
