"""A wish to end early that reaches every run: what is going on ends, and what has not begun never does."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from autograder.errors import Interrupted


class Stop:
    """Asked for from anywhere, a signal handler included: it takes no lock."""

    def __init__(self) -> None:
        self.reason = ""
        """Why, once it is asked for."""
        self._running: dict[int, Callable[[], object]] = {}

    def ask(self, reason: str) -> None:
        """End every run; the first reason counts."""
        self.reason = self.reason or reason
        for cancel in [*self._running.values()]:
            cancel()

    def check(self) -> None:
        """Interrupted when it was asked for."""
        if self.reason:
            raise Interrupted(self.reason)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end, in an event loop of its own; Interrupted when somebody asks before that."""
        try:
            asyncio.run(self._registered(work))
        except asyncio.CancelledError:
            raise Interrupted(self.reason) from None

    async def _registered(self, work: Coroutine[Any, Any, None]) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

        def cancel() -> None:
            # It may have come to its end in between.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)

        self._running[id(task)] = cancel
        try:
            # Whoever asks from now on finds it; who has asked before is seen here.
            if self.reason:
                task.cancel()
            await task
        finally:
            del self._running[id(task)]
