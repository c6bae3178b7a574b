"""The warm parent: what its kernels find in it, and what goes with it.

Covers autograder/inside/warm.py, autograder/kernel/shipping.py and autograder/kernel/spawner.py.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autograder.errors import KernelLost
from autograder.kernel import folders, shipping
from autograder.kernel.zygote import Zygote, ZygotePlan, environment, visible_path, zygote_for
from tests import builders
from tests.kernel.driver import DEADLINE_S, Kernel, eventually

SMALL = {"preload_modules": ["ipykernel.ipkernel", "ipykernel.zmqshell"]}
"""Little to import, so that a test may start one of its own."""


@pytest.fixture
def small_zygote() -> Iterator[Zygote]:
    """One that has loaded little."""
    zygote = zygote_for(ZygotePlan(tuple(SMALL["preload_modules"])))
    zygote.start()
    yield zygote
    zygote.close()


def test_the_zygote_has_one_thread_and_no_descriptor_but_its_socket() -> None:
    zygote = zygote_for(ZygotePlan())
    zygote.start()
    process = psutil.Process(zygote.pid)
    assert process.num_threads() == 1
    # The three standard streams and the control socket; a ZMQ context would add eventfds and epolls.
    assert process.num_fds() == 4
    assert process.open_files() == []


def test_the_zygote_knows_none_of_the_operators_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_SECRET", "canary")
    zygote = Zygote(ZygotePlan(("ipykernel.ipkernel",)))
    zygote.start()
    known = psutil.Process(zygote.pid).environ()
    zygote.close()
    assert known == environment()


def test_the_zygote_imports_from_nowhere_in_the_course() -> None:
    root = str(Path(folders.__file__).parents[2])
    assert [folder for folder in visible_path() if Path(folder) == Path(root)] == []
    assert all(Path(folder).is_relative_to(sys.prefix) or not folder.startswith(root) for folder in visible_path())


def test_kernels_with_one_plan_share_a_zygote_and_others_do_not() -> None:
    assert zygote_for(ZygotePlan()) is zygote_for(ZygotePlan())
    assert zygote_for(ZygotePlan(source="x = 1")) is not zygote_for(ZygotePlan())


def test_a_homework_asks_for_the_same_zygote_every_time() -> None:
    # Marshalled code differs with the number of references to it.
    first = shipping.ahead(builders.assignment())
    held = [shipping.compiled(name, text) for name, text in builders.assignment().shipped.items()]
    assert held
    assert shipping.ahead(builders.assignment()) == first


def test_a_zygote_that_died_is_replaced(small_zygote: Zygote) -> None:
    first = small_zygote.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    with Kernel(**SMALL) as kernel:
        assert kernel.run("print('alive')").text == "alive\n"
    assert small_zygote.pid != first


def test_a_kernel_outlives_its_zygote(small_zygote: Zygote) -> None:
    with Kernel(**SMALL) as kernel:
        small_zygote.close()
        assert kernel.run("print('alive')").text == "alive\n"
        kernel.run("import os; os._exit(5)")
        assert eventually(kernel.poll, "the kernel ends") == 5


def test_what_the_host_preloads_is_there_as_the_module_warm() -> None:
    with Kernel(**SMALL, preload_source="models = {'tiny': [1, 2, 3]}") as kernel:
        assert kernel.run("import warm; print(warm.models)").text == "{'tiny': [1, 2, 3]}\n"
    zygote_for(kernel.provisioner.zygote_plan).close()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "started 1 threads"),
    ],
    ids=["raises", "starts a thread"],
)
def test_no_kernel_is_forked_after_a_preload_that(source: str, reason: str) -> None:
    with pytest.raises(KernelLost, match=reason):
        Zygote(ZygotePlan((), source)).start()


OWNER = """
import os, sys
from tests import builders
from tests.kernel.driver import Kernel
from tests.kernel.test_zygote import SMALL
with Kernel(**SMALL) as kernel:
    kernel.run("import subprocess; daemon = subprocess.Popen(['sleep', '7654'], start_new_session=True)")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that no other grader sweeps, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="swept-") as folder:
        monkeypatch.setattr("tempfile.gettempdir", lambda: folder)
        yield Path(folder)


def test_everything_goes_with_a_grader_that_is_killed_and_the_next_start_sweeps(temporary: Path) -> None:
    root, variables = Path(folders.__file__).parents[2], os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=root, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        family = psutil.Process(owner.pid).children(recursive=True)
        assert len(family) >= 4
        owner.kill()
    _, alive = psutil.wait_procs(family, timeout=DEADLINE_S)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert folders.sweep_folders(folders.base_folder()) == 1
