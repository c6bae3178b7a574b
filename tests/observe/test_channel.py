"""How long a reply is waited for: in the kernel's own time, and not for ever."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.errors import Starved
from autograder.observe.channel import KernelChannel

REPLY = {"parent_header": {"msg_id": "asked"}}
JUNK = {"parent_header": {"msg_id": "something else"}}


class Steps:
    """A clock that goes on by one step whenever it is read."""

    def __init__(self, step_s: float) -> None:
        self._steps = itertools.count()
        self.step_s = step_s

    @property
    def own_s(self) -> float:
        return next(self._steps) * self.step_s


def channel(messages: Iterator[dict[str, Any] | None], step_s: float) -> KernelChannel:
    """A channel on which these messages come in, None for nothing in time."""

    async def get_msg(timeout: float) -> dict[str, Any]:
        message = next(messages, None)
        if message is None:
            raise Empty
        return message

    async def is_alive() -> bool:
        return True

    made = KernelChannel.__new__(KernelChannel)
    made.manager = SimpleNamespace(is_alive=is_alive)  # type: ignore[assignment]
    made.client = SimpleNamespace(shell_channel=SimpleNamespace(get_msg=get_msg))
    made.clock = Steps(step_s)
    return made


def reply(messages: Iterator[dict[str, Any] | None], *, step_s: float, waiting_s: float = 1e9) -> Any:
    return asyncio.run(channel(messages, step_s).reply("asked", 10.0, waiting_s=waiting_s))


def test_a_reply_is_waited_for_as_long_as_the_kernel_has_own_time_left() -> None:
    assert reply(iter([None] * 8 + [REPLY]), step_s=1.0) == REPLY
    assert reply(iter([None] * 12 + [REPLY]), step_s=1.0) is None


def test_a_reply_that_has_arrived_before_a_late_host_looks_counts() -> None:
    assert reply(iter([JUNK, REPLY]), step_s=10.2) == REPLY


def test_a_kernel_that_does_not_get_its_time_is_starved_and_not_late() -> None:
    with pytest.raises(Starved, match="did not get its time"):
        reply(itertools.repeat(None), step_s=0.0, waiting_s=-10.0)


def test_a_flood_of_other_messages_ends_with_the_time() -> None:
    assert reply(itertools.repeat(JUNK), step_s=1.0) is None
