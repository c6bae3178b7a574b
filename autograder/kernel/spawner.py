"""One lasting thread that starts every child process.

The parent-death signal comes when the *thread* that started a child ends, not its process: a kernel started
from a worker thread would be killed with it, and so would a zygote that other threads still use.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor


class Spawner:
    """The thread, made on first use and again in a forked copy of this process."""

    def __init__(self) -> None:
        self._pid = 0
        self._thread: ThreadPoolExecutor | None = None

    def spawn(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str],
        pass_fds: Sequence[int],
        stream: int,
        stderr: int,
    ) -> subprocess.Popen[bytes]:
        """A child in its own session, so that Ctrl-C reaches the grader alone.

        Its standard input and output are both that kind of stream, in the words of subprocess.
        """
        return (
            self._executor()
            .submit(
                subprocess.Popen,
                command,
                env=env,
                pass_fds=tuple(pass_fds),
                stdin=stream,
                stdout=stream,
                stderr=stderr,
                cwd="/",
                start_new_session=True,
            )
            .result()
        )

    def _executor(self) -> ThreadPoolExecutor:
        if self._thread is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")
        return self._thread


spawner = Spawner()
