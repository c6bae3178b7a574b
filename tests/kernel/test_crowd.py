"""A crowded sandbox stands behind the others, but for the thread that runs its cells."""

from __future__ import annotations

import os

from autograder.kernel.crowd import LOOKS_MIN, WANTED_MAX, Crowd, stand_back
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
        eventually(lambda: policies(kernel) == behind, "all spinners stand back")
        assert kernel.run("print('still here')").text == "still here\n"


def test_SECURITY_whoever_stands_back_cannot_leave_and_neither_can_their_children() -> None:
    with Kernel() as kernel:
        pid = kernel.provisioner.pid
        # Only a thread that has done something is put back.
        kernel.run("import time\nwhile time.thread_time() < 1:\n    pass")
        kernel.run(DETACHED)
        assert stand_back(pid, pid, 0) > 0
        assert "PermissionError" in kernel.run("os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))").error
        kernel.run(DETACHED)
        assert policies(kernel) == (os.SCHED_IDLE, {os.SCHED_IDLE})


def test_a_sandbox_stands_where_it_stood_until_it_wants_too_much_several_times_in_a_row() -> None:
    # Without the watchdog: how much a sandbox wants is also a matter of how busy the machine is.
    with Kernel(layers_off={"watchdog"}) as kernel:
        kernel.run("import subprocess; child = subprocess.Popen(['sleep', '60'])")
        crowd = Crowd(kernel.provisioner.pid, kernel.provisioner.pid)
        for _ in range(LOOKS_MIN):
            crowd.look(0.0, WANTED_MAX + 1)
            crowd.look(0.0, WANTED_MAX)
        assert policies(kernel) == (os.SCHED_OTHER, {os.SCHED_OTHER})
        for _ in range(LOOKS_MIN):
            crowd.look(0.0, WANTED_MAX + 1)
        assert policies(kernel) == (os.SCHED_OTHER, {os.SCHED_IDLE})
