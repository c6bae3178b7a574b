"""A wish to end early reaches what runs, what is about to, and nothing that has ended."""

import asyncio
import threading

import pytest

from autograder.errors import Interrupted
from autograder.observe.stop import Stop


async def endless(begun: threading.Event, ended: list[str]) -> None:
    """What ends only when it is cut off."""
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cleared away")


def test_what_runs_is_ended_and_clears_up_after_itself() -> None:
    stop, begun, ended = Stop(), threading.Event(), list[str]()
    asking = threading.Thread(target=lambda: (begun.wait(), stop.ask("SIGINT"), stop.ask("SIGTERM")))
    asking.start()
    with pytest.raises(Interrupted, match="SIGINT"):
        stop.run(endless(begun, ended))
    asking.join()
    assert ended == ["cleared away"]


def test_what_comes_too_late_never_begins() -> None:
    stop, begun = Stop(), threading.Event()
    stop.ask("SIGINT")
    with pytest.raises(Interrupted):
        stop.run(endless(begun, []))
    assert not begun.is_set()


def test_what_fails_while_it_is_cut_off_was_cut_off() -> None:
    async def failing(stop: Stop) -> None:
        stop.ask("SIGTERM")
        raise RuntimeError("no kernel to shut down")

    stop = Stop()
    with pytest.raises(Interrupted, match="SIGTERM"):
        stop.run(failing(stop))


def test_what_fails_by_itself_and_what_ends_well_are_left_alone() -> None:
    async def failing() -> None:
        raise RuntimeError("its own")

    async def fine() -> None:
        return None

    stop = Stop()
    with pytest.raises(RuntimeError, match="its own"):
        stop.run(failing())
    stop.run(fine())
    stop.ask("SIGINT")


def test_another_step_that_is_cut_off_may_fail_in_its_own_words() -> None:
    stop = Stop()
    with pytest.raises(ZeroDivisionError), stop.excusing():
        raise ZeroDivisionError
    stop.ask("SIGINT")
    with pytest.raises(Interrupted, match="SIGINT"), stop.excusing():
        raise ZeroDivisionError
