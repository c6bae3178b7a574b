"""A kernel's process as its owner sees it, from the zygote's fork to its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.errors import KernelLost, SandboxError
from autograder.kernel.layers import remedy
from autograder.kernel.waiting import has_input

MESSAGE_MAX_BYTES = 1 << 16

ENTER_TIMEOUT_S = 120.0
"""For a fork to walk into its sandbox; a busy machine makes it wait."""


class Stillborn(KernelLost):
    """The zygote died before it forked; asking again is safe."""


class Fork:
    """A kernel's process as its owner sees it, through the supervisor that started it and will report its end."""

    def __init__(self, job: socket.socket) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._pidfd: int | None = None
        self.pid = 0
        self.supervisor_pid = 0
        self.exit_code: int | None = None
        self.failure = ""
        """The traceback, when the kernel crashed before any cell ran."""
        self.cgroup_problem = ""
        """Why it is in no control group, or nothing."""
        self.cpu_s = 0.0
        self.peak_bytes = 0

    def enter(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Send the fork into its sandbox, return when all layers are up; raises SandboxError or KernelLost."""
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._job, [json.dumps(request).encode()], list(descriptors))
        ready = False
        # The kernel may be ready before its supervisor has told who it is.
        while not (ready and self.pid):
            news = self._receive(ENTER_TIMEOUT_S)
            if self.exit_code is not None or news is None:
                kind = KernelLost if self.pid or self.failure else Stillborn
                raise kind(f"the kernel died while it entered its sandbox. {self.failure}")
            ready = ready or "ready" in news

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message, already taken to heart; None when there is none in time."""
        with self._lock:
            if self.exit_code is not None or not has_input(self._job, timeout_s):
                return None
            try:
                text, descriptors, _, _ = socket.recv_fds(self._job, MESSAGE_MAX_BYTES, 1)
            except ConnectionError:
                text, descriptors = b"", []
            if descriptors:
                self._pidfd = descriptors[0]
            # Without a report the supervisor was killed, and that can only be done from the host.
            news: dict[str, Any] = json.loads(text) if text else {"exit": -signal.SIGKILL}
        self._learn(news)
        return news

    def _learn(self, news: Mapping[str, Any]) -> None:
        if "failed" in news:
            layer, problem = news["failed"]
            self.exit_code = 1
            raise SandboxError(layer, problem, remedy=remedy(layer))
        self.pid = news.get("pid", self.pid)
        self.supervisor_pid = news.get("supervisor", self.supervisor_pid)
        self.cgroup_problem = news.get("cgroup", self.cgroup_problem)
        self.failure = news.get("crashed", self.failure)
        self.cpu_s = news.get("cpu_s", self.cpu_s)
        self.peak_bytes = news.get("peak_bytes", self.peak_bytes)
        self.exit_code = news.get("exit", self.exit_code)

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        while self._receive(0) is not None:
            pass
        return self.exit_code

    def wait(self, timeout_s: float) -> int | None:
        """The exit code once there is one, or None after that time."""
        while self.exit_code is None and self._receive(timeout_s) is not None:
            pass
        return self.exit_code

    def signal(self, number: int) -> None:
        """Send a signal to the kernel's process, not to those that it started."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Give back the descriptors; the process has ended or nobody is interested any more."""
        self._job.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
