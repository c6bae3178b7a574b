"""Waiting for a processor is nobody's own time; running, sleeping and waiting for others are."""

from __future__ import annotations

import os

import pytest

from autograder.kernel.own_time import OwnTime, ProcessTime, Turns, turns_of

S = 1_000_000_000


def seen(*looks: tuple[float, dict[str, tuple[float, float]]]) -> OwnTime:
    """A clock from 0 on, after these looks: when, and what each thread has run and waited by then, in seconds."""
    clock = OwnTime(0.0)
    for now_s, threads in looks:
        clock.look(now_s, {name: Turns(int(ran * S), int(waited * S)) for name, (ran, waited) in threads.items()})
    return clock


def test_a_loop_on_a_quiet_machine_uses_wall_time() -> None:
    assert seen((4.0, {"main": (4.0, 0.0)})).own_s == 4.0


def test_a_loop_on_a_busy_machine_uses_what_it_ran() -> None:
    looks = [(float(n), {"main": (0.1 * n, 0.9 * n)}) for n in range(1, 21)]
    assert seen(*looks).own_s == pytest.approx(2.0)


def test_a_sleeper_uses_wall_time_on_any_machine() -> None:
    assert seen((5.0, {"main": (0.0, 0.0)}), (9.0, {"main": (0.0, 0.0)})).own_s == 9.0


def test_whoever_waits_for_a_child_that_waits_for_a_processor_waits_for_it_too() -> None:
    assert seen((10.0, {"main": (0.0, 0.0), "child": (1.0, 9.0)})).own_s == pytest.approx(1.0)


def test_what_a_child_waited_stays_counted_when_it_has_ended() -> None:
    first = {"main": (0.0, 0.0), "child": (1.0, 4.0)}
    assert seen((5.0, first), (6.0, {"main": (0.5, 0.0)})).own_s == pytest.approx(2.0)


def test_threads_that_wait_side_by_side_wait_once() -> None:
    threads = {f"thread{n}": (0.5, 1.5) for n in range(50)}
    assert seen((2.0, threads)).own_s == pytest.approx(0.5)


def test_a_wait_counts_when_it_ends_and_no_clock_runs_backwards_past_its_start() -> None:
    assert seen((1.0, {"main": (0.0, 0.0)}), (5.0, {"main": (0.0, 4.9)})).own_s == pytest.approx(0.1)
    assert seen((1.0, {"main": (0.0, 30.0)})).own_s == 0.0


def test_a_number_that_another_thread_has_by_now_adds_no_time() -> None:
    assert seen((1.0, {"main": (0.2, 0.8)}), (2.0, {"main": (0.0, 0.0)})).own_s == pytest.approx(1.2)


def test_time_that_nobody_looked_at_is_charged_to_nobody() -> None:
    clock = OwnTime(100.0)
    assert clock.own_s == 0.0
    clock.look(103.0, {})
    assert clock.own_s == 3.0


def test_running_and_waiting_threads_want_a_processor_and_sleepers_do_not() -> None:
    threads = {"runs": (1.0, 0.0), "waits": (0.0, 1.0), "both": (0.5, 0.5), "sleeps": (0.0, 0.0)}
    assert seen((1.0, threads)).wanted == pytest.approx(3.0)


def test_linux_tells_the_turns_of_this_process() -> None:
    proc = os.open("/proc", os.O_RDONLY)
    try:
        own = turns_of(proc, [str(os.getpid())])
        assert own[f"{os.getpid()}/task/{os.getpid()}/schedstat"].ran_ns > 0
        assert turns_of(proc, ["0", "self/nothing"]) == {}
    finally:
        os.close(proc)


def test_the_clock_of_a_process_goes_on_and_that_of_a_process_that_has_ended_too() -> None:
    for pid in (os.getpid(), 0):
        clock = ProcessTime(pid)
        first = clock.own_s
        while clock.own_s == first:
            pass
        assert clock.own_s > first >= 0.0
