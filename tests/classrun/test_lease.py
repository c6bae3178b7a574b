"""Two runs on one course: the second is refused, from whatever machine, and nobody waits for the dead."""

import dataclasses
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autograder.classrun import lease as leases
from autograder.classrun.lease import Holder, keep_counting, lease, taken
from autograder.classrun.ledger import FILE, Ledger
from autograder.errors import Locked, Unwritable, UsageError
from autograder.observe.stop import Stop

HOLDS = """
import sys
from pathlib import Path
from autograder.classrun.lease import lease
from autograder.classrun.ledger import Ledger
from autograder.observe.stop import Stop
with lease(Ledger(Path(sys.argv[1])), Stop()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A course's ledger."""
    with closing(Ledger(tmp_path / FILE)) as found:
        yield found


@pytest.fixture
def other(ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has the lease until its input ends."""
    command = [sys.executable, "-c", HOLDS, str(ledger.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_and_told_who_is_at_work(ledger: Ledger, other: subprocess.Popen[str]) -> None:
    with pytest.raises(Locked, match=rf"graded already, by process {other.pid} on .+, since "), lease(ledger, Stop()):
        pytest.fail("two runs at once")


def test_a_lease_whose_process_was_killed_is_nobodys(ledger: Ledger, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with lease(ledger, Stop()):
        assert holder(ledger).pid == os.getpid()


def test_a_lease_is_given_back(ledger: Ledger) -> None:
    for _ in range(2):
        with lease(ledger, Stop()):
            assert holder(ledger).pid == os.getpid()


def holder(ledger: Ledger) -> Holder:
    """Who has the lease."""
    found = taken(ledger, Holder.here(), None)
    assert found is not None
    return found


def elsewhere(ledger: Ledger) -> Holder:
    """A holder on another machine, who has the lease."""
    there = dataclasses.replace(Holder.here(), host="far", machine="another boot")
    assert taken(ledger, there, None) is None
    return there


def test_a_process_id_that_is_somebody_elses_by_now_holds_nothing(ledger: Ledger) -> None:
    assert taken(ledger, dataclasses.replace(Holder.here(), started="1"), None) is None
    with lease(ledger, Stop()):
        assert holder(ledger).started != "1"


def test_a_holder_on_another_machine_who_counts_on_is_left_alone(ledger: Ledger) -> None:
    there, ended = elsewhere(ledger), threading.Event()
    beating = threading.Thread(target=keep_counting, args=(ledger, there, ended, Stop(), 0.01))
    beating.start()
    with pytest.raises(Locked, match="on far"), lease(ledger, Stop()):
        pytest.fail("two runs at once")
    ended.set()
    beating.join()


def test_a_holder_on_another_machine_who_counts_no_more_is_gone(ledger: Ledger) -> None:
    elsewhere(ledger)
    with lease(ledger, Stop(), watched_s=0.1):
        assert holder(ledger).host != "far"


def test_a_clock_that_jumps_is_nothing_to_the_lease(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(ledger)
    monkeypatch.setattr("time.time", iter([0.0, 1e10, -1e10] * 1000).__next__)
    with lease(ledger, Stop(), watched_s=0.1), pytest.raises(Locked), lease(ledger, Stop()):
        pytest.fail("two runs at once")


def test_whoever_lost_the_lease_meanwhile_ends_its_run(ledger: Ledger) -> None:
    stop = Stop()
    elsewhere(ledger)
    keep_counting(ledger, Holder.here(), threading.Event(), stop, 0.01)
    assert stop.reason == "another run has taken this course over"


def test_a_disk_that_refuses_a_beat_is_tried_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, refused, ended = Holder.here(), threading.Event(), threading.Event()
    assert taken(ledger, mine, None) is None
    transaction = ledger.transaction

    def refusing() -> object:
        if not refused.is_set():
            refused.set()
            raise Unwritable("full")
        ended.set()
        return transaction()

    monkeypatch.setattr(ledger, "transaction", refusing)
    keep_counting(ledger, mine, ended, Stop(), 0.01)
    monkeypatch.undo()
    assert holder(ledger).beat == 1


def test_the_ledger_keeps_no_log_that_needs_shared_memory(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("content", [b"no database, but long enough to be looked at" * 99, None])
def test_a_ledger_that_cannot_be_one_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / FILE
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"remove it: Records are then judged|look at its folder's rights"):
        Ledger(path)


def test_a_ledger_of_another_version_says_what_to_do(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match=r"version 99, and this is 1; remove it"):
        Ledger(ledger.path)


def test_a_process_that_is_not_there_has_no_beginning() -> None:
    assert leases.started(2**22 + 1) == ""
    assert leases.started(os.getpid()) != ""
