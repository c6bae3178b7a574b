"""What a submission uses of its card is read and bounded; nothing hangs on a library that cannot say it."""

import os
import subprocess
import sys
from typing import Any

import pytest

from autograder.kernel import nvml, watchdog
from autograder.kernel.fence import Fence
from autograder.kernel.limits import Limits
from autograder.kernel.nvml import CardMemory, Meter, memory_of
from autograder.kernel.storage import Stored
from autograder.kernel.watchdog import Usage, Watch, same_sandbox
from tests.kernel.cards import FIRST, SECOND
from tests.kernel.nvml_stand_in import Library, Process
from tests.kernel.test_watchdog import Sandboxed

OURS, THEIRS = 100, 200
GRANDCHILD = """
import subprocess, sys
with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library that knows the first card."""
    found = Library(FIRST)
    monkeypatch.setattr(nvml, "nvml", lambda: found)
    return found


def meter(name: str = FIRST) -> Meter:
    return Meter(name, lambda pid: pid == OURS)


def test_only_the_submissions_own_processes_count(library: Library) -> None:
    seen = meter()
    library.processes = [Process(OURS, 3_000), Process(THEIRS, 9_000), Process(OURS, 1_000), Process(OURS, None)]
    seen.look(1.0)
    library.processes = [Process(THEIRS, 9_000)]
    seen.look(3.0)
    assert seen.peak_bytes == 4_000


def test_seconds_and_use_are_counted_while_it_has_memory_of_the_card(library: Library) -> None:
    seen = meter()
    seen.look(1.0)
    library.processes = [Process(OURS, 1)]
    for now_s, library.busy in ((2.0, 20), (2.1, 99), (4.0, 40)):
        seen.look(now_s)
    library.processes = []
    seen.look(9.0)
    # The reading at 2.1 came too early.
    assert seen.report() == {"peak_bytes": 1, "used_s": 3.0, "busy_percent": 30.0}


def test_a_slice_that_does_not_say_how_busy_it_is_says_the_rest(library: Library) -> None:
    seen, library.busy, library.processes = meter(), None, [Process(OURS, 7)]
    seen.look(1.0)
    seen.look(2.0)
    assert seen.report() == {"peak_bytes": 7, "used_s": 1.0}


def test_of_a_card_that_the_library_does_not_know_nothing_is_said(library: Library) -> None:
    seen = meter(SECOND)
    seen.look(1.0)
    assert seen.report() == {}
    assert memory_of(SECOND) is None
    assert memory_of(FIRST) == CardMemory(16_000_000_000, 15_000_000_000)


def test_without_the_library_the_reason_is_said_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    nvml.nvml.cache_clear()
    assert nvml.nvml() == "nvidia-ml-py is not installed (pip install 'autograder[full]')"
    assert memory_of(FIRST) is None
    seen = meter()
    seen.look(1.0)
    assert seen.report() == {}
    nvml.nvml.cache_clear()


@pytest.mark.parametrize(("used", "hit"), [(1_000, ""), (1_001, "gpu_memory_bytes = 1000")])
def test_who_takes_more_of_a_shared_card_than_its_part_is_ended(
    library: Library, monkeypatch: pytest.MonkeyPatch, used: int, hit: str
) -> None:
    monkeypatch.setattr(watchdog, "same_sandbox", lambda sandbox: lambda other: other == OURS)
    monkeypatch.setattr(watchdog, "usage_of", lambda sandbox: Usage())
    sandbox: Any = Sandboxed()
    sandbox.proc, sandbox.processes, sandbox.stored = -1, list, Stored
    library.processes = [Process(OURS, used), Process(THEIRS, 50_000)]
    watch = Watch(sandbox, Limits(gpu_memory_bytes=1_000), 0, card=FIRST)
    watch.look()
    assert str(watch.limit_hit or "") == hit
    assert sandbox.killed.is_set() == bool(hit)


def test_a_process_is_told_by_the_namespace_that_it_shares_with_the_sandbox() -> None:
    here, gone = sandbox_of(os.getpid()), sandbox_of(2**22 + 1)
    assert same_sandbox(here)(os.getppid())
    assert not same_sandbox(here)(2**22 + 1)
    assert not same_sandbox(gone)(2**22 + 1)


def sandbox_of(pid: int) -> Any:
    """A sandbox with namespaces, of which only that is known."""
    sandbox: Any = Sandboxed()
    sandbox.pid = pid
    return sandbox


def test_without_namespaces_the_meter_counts_what_the_kernel_and_its_children_use(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence: Any = object.__new__(Fence)
    monkeypatch.setattr(fence, "pid", 0, raising=False)
    monkeypatch.setattr(fence, "proc", os.open("/proc", os.O_RDONLY | os.O_DIRECTORY), raising=False)
    watch = Watch(fence, Limits(), 0, card=FIRST)
    assert watch.meter is not None
    child = subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        library.processes = [Process(child.pid, 3_000), Process(grandchild, 400), Process(os.getppid(), 50_000)]
        # The kernel comes in after the watch has begun.
        fence.knows(os.getpid())
        watch.meter.look(1.0)
        child.communicate()
    os.close(fence.proc)
    assert watch.meter.peak_bytes == 3_400
