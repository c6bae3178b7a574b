"""A crowded sandbox stands behind the others, but for the thread that runs its cells."""

from __future__ import annotations

import os

from autograder.kernel.crowd import put_back
from tests.kernel.driver import Kernel, eventually

SPIN = """
import os
for _ in range(3):
    if os.fork() == 0:
        while True:
            pass
"""
DETACHED = "import os, subprocess; subprocess.Popen(['sh', '-c', 'while :; do :; done'], start_new_session=True)"


def policies(kernel: Kernel) -> tuple[int, set[int]]:
    """How Linux schedules the kernel's main thread, and the processes that it started."""
    main = kernel.provisioner.pid
    with open(f"/proc/{main}/task/{main}/children", encoding="ascii") as children:
        return os.sched_getscheduler(main), {os.sched_getscheduler(int(child)) for child in children.read().split()}


def test_the_watchdog_puts_spinning_processes_behind_and_leaves_the_main_thread() -> None:
    with Kernel() as kernel:
        kernel.run(SPIN)
        behind = (os.SCHED_OTHER, {os.SCHED_IDLE})
        eventually(lambda: policies(kernel) == behind, "all spinners stand back", within_s=60.0)
        assert kernel.run("print('still here')").text == "still here\n"


def test_SECURITY_whoever_stands_back_cannot_leave_and_neither_can_their_children() -> None:
    with Kernel() as kernel:
        pid = kernel.provisioner.pid
        # Only a thread that has done something is put back.
        kernel.run("import time\nwhile time.thread_time() < 1:\n    pass")
        kernel.run(DETACHED)
        assert put_back(pid, pid, 0) > 0
        assert "PermissionError" in kernel.run("os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))").error
        kernel.run(DETACHED)
        assert policies(kernel) == (os.SCHED_IDLE, {os.SCHED_IDLE})


def test_a_quiet_sandbox_stands_where_it_stood() -> None:
    with Kernel() as kernel:
        kernel.run("import subprocess; child = subprocess.Popen(['sleep', '60'])")
        assert policies(kernel) == (os.SCHED_OTHER, {os.SCHED_OTHER})
