"""Worker processes: whatever a request does to one, its owner learns why and the next request is answered.

Covers autograder/frames.py and autograder/worker.py.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder.frames import Message
from autograder.workers import Pool, RequestBounds, WorkerLost, WorkerRaised
from tests import acts

TIGHT = RequestBounds(cpu_s=1, memory_bytes=300 << 20, reply_bytes=100_000)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two workers that do what they are asked."""
    made = Pool("tests.acts", Message({"greeting": "hello"}), size=2, bounds=TIGHT)
    yield made
    made.close()


def ask(pool: Pool, act: str, *parts: bytes) -> Message:
    return pool.ask(Message({"act": act}, parts))


def test_a_worker_answers_with_what_it_was_told_first(pool: Pool) -> None:
    reply = ask(pool, "greet", b"\0one", b"")
    assert (reply.values["said"], reply.parts) == ("hello", (b"\0one", b""))


@pytest.mark.parametrize(
    ("act", "why"),
    [
        ("loop", "within 1 s of processor time"),
        ("match_slowly", "within 1 s of processor time"),
        ("grow", "with 300 MiB of memory"),
        ("leave", "by a process that ended with exit status 3"),
        ("crash", "by a process that ended with SIGSEGV"),
        ("talk", "within bounds: what it left had "),
        ("babble", "by a worker that answered nonsense"),
        ("write", "by a process that ended with SIGXFSZ"),
    ],
)
def test_of_a_worker_that_is_lost_the_limit_is_told_and_the_next_one_answers(pool: Pool, act: str, why: str) -> None:
    with pytest.raises(WorkerLost, match=why):
        ask(pool, act)
    assert ask(pool, "greet").values["said"] == "hello"


def test_a_worker_that_waits_for_nothing_is_not_waited_for_for_ever() -> None:
    with pytest.raises(WorkerLost, match="within 1 s"):
        ask(Pool("tests.acts", Message({"greeting": ""}), size=1, bounds=RequestBounds(wall_s=1.0)), "hang")


def test_an_exception_is_told_without_what_a_terminal_would_obey(pool: Pool) -> None:
    with pytest.raises(WorkerRaised, match=r"^ValueError: red\\udc80$"):
        ask(pool, "fail")


def test_a_request_that_a_fresh_worker_answers_is_not_to_blame(pool: Pool, tmp_path: Path) -> None:
    reply = pool.ask(Message({"act": "die_once", "path": str(tmp_path / "been_here")}))
    assert reply.values["said"] == "hello"


def test_a_worker_that_was_killed_while_it_was_idle_costs_nobody_anything(pool: Pool) -> None:
    os.kill(ask(pool, "greet").values["pid"], signal.SIGKILL)
    assert ask(pool, "greet").values["said"] == "hello"


def test_a_worker_that_keeps_memory_is_replaced(pool: Pool) -> None:
    keeping = ask(pool, "keep").values["pid"]
    assert keeping not in [ask(pool, "greet").values["pid"] for _ in range(2)]


def test_many_threads_share_the_workers_and_each_gets_its_own_answer(pool: Pool) -> None:
    acts_ = ["greet", "leave"] * 6
    with ThreadPoolExecutor(len(acts_)) as threads:
        futures = [threads.submit(ask, pool, act, str(i).encode()) for i, act in enumerate(acts_)]
    assert [future.result().parts for future in futures[::2]] == [(str(i).encode(),) for i in range(0, 12, 2)]
    assert all(isinstance(future.exception(), WorkerLost) for future in futures[1::2])


def test_each_request_has_its_own_processor_time(pool: Pool) -> None:
    one = Pool("tests.acts", Message({"greeting": ""}), size=1, bounds=TIGHT)
    pids = {ask(one, "work").values["pid"] for _ in range(4)}
    one.close()
    assert len(pids) == 1
    assert TIGHT.cpu_s < acts.WORK_S * 4


def test_a_worker_that_cannot_start_says_why() -> None:
    with pytest.raises(WorkerLost, match=r"exit status 1: ModuleNotFoundError: No module named 'tests\.nothing'"):
        ask(Pool("tests.nothing", Message(), size=1), "greet")
