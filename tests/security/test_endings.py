"""However a submission ends, it ends alone, in bounded time, and the host learns why.

Covers autograder/kernel/client.py.
"""

from __future__ import annotations

import os

import pytest

from autograder.kernel.limits import LimitHit
from tests.kernel.driver import DEADLINE_S, Kernel, eventually
from tests.security.attacks import HERE

FIRST = "1" if HERE == "namespaces" else "os.getppid()"
"""The process on which all others of a sandbox depend."""

DEAF_LOOP = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
"""


def exit_code(kernel: Kernel) -> int:
    """The kernel's, once it has ended."""
    code: int = eventually(kernel.poll, "the kernel ends")
    return code


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("import os; os._exit(3)", 3),
        ("import ctypes; ctypes.string_at(0)", -11),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.abort()", -6),
    ],
    ids=["leaves without a word", "crashes", "kills itself", "aborts"],
)
def test_SECURITY_a_kernel_that(act: str, code: int) -> None:
    with Kernel() as kernel:
        assert kernel.run(act).died
        assert exit_code(kernel) == code
        assert kernel.provisioner.limit_hit is None


def test_SECURITY_a_loop_that_ignores_interrupts_ends_at_the_wall_limit() -> None:
    with Kernel(limits={"wall_s": 1.0}) as kernel:
        assert kernel.run(DEAF_LOOP).died
        assert kernel.provisioner.limit_hit == LimitHit("wall_s", 1.0, killed=True)


def test_SECURITY_a_loop_that_ignores_interrupts_ends_at_the_processor_limit() -> None:
    with Kernel(limits={"cpu_s": 1.0}) as kernel:
        assert kernel.run(DEAF_LOOP).died
        assert kernel.provisioner.limit_hit == LimitHit("cpu_s", 1.0, killed=True)
        assert kernel.provisioner.cpu_s > 1.0


def test_SECURITY_without_the_watchdog_the_process_limit_on_processor_time_still_ends_it() -> None:
    with Kernel(limits={"cpu_s": 0.1}, layers_off={"watchdog"}) as kernel:
        assert kernel.run(DEAF_LOOP, timeout_s=DEADLINE_S).died
        assert exit_code(kernel) == -9


def test_twin_without_watchdog_and_limits_a_loop_goes_on() -> None:
    with Kernel(limits={"wall_s": 0.5, "cpu_s": 0.1}, layers_off={"watchdog", "limits"}) as kernel:
        with pytest.raises(TimeoutError):
            kernel.run(DEAF_LOOP, timeout_s=1.5)
        assert kernel.poll() is None


def test_SECURITY_killing_the_first_process_and_the_parent_harms_nobody() -> None:
    with Kernel() as kernel, Kernel() as other:
        reply = kernel.run(f"import os, signal\nos.kill({FIRST}, signal.SIGKILL)\nprint('alive')")
        assert "alive" in reply.text or "PermissionError" in reply.error
        if HERE == "namespaces":
            assert kernel.run("print(os.getppid())").text == "0\n"
        # Under an ordinary operator this may end the student's own sandbox, and nothing else.
        kernel.run("os.kill(-1, signal.SIGKILL)")
        assert other.run("print('alive')").text == "alive\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a kernel without a user namespace")
def test_twin_without_the_walls_the_parent_can_be_killed() -> None:
    layers = {"user", "pid", "identity", "capabilities", "bounding_set", "seccomp", "scope", "landlock"}
    with Kernel(layers_off=layers) as kernel:
        kernel.run("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
        assert exit_code(kernel) == -9


def test_SECURITY_asking_for_input_is_an_error_and_not_a_wait() -> None:
    with Kernel() as kernel:
        assert "StdinNotImplementedError" in kernel.run("input('Password: ')").error


def test_twin_a_kernel_whose_host_answers_does_wait_for_input() -> None:
    with Kernel() as kernel, pytest.raises(TimeoutError):
        kernel.run("input('Password: ')", timeout_s=1.0, allow_stdin=True)


LONG_MESSAGE = "print('x' * (2 << 20))"


def test_SECURITY_a_message_that_the_host_could_not_hold_never_arrives() -> None:
    with Kernel(limits={"message_bytes": 1 << 20}) as kernel, pytest.raises(TimeoutError):
        kernel.run(LONG_MESSAGE, timeout_s=2.0)


def test_twin_without_the_bound_a_long_message_arrives() -> None:
    with Kernel(limits={"message_bytes": 1 << 20}, layers_off={"messages"}) as kernel:
        assert len(kernel.run(LONG_MESSAGE).text) > 2 << 20


LONG_IN_ALL = """
kernel = get_ipython().kernel
frames = [b"x" * (600 << 10)] * 8
kernel.iopub_thread.schedule(lambda: kernel.iopub_thread.socket.send_multipart(frames))
print("sent", flush=True)
"""


def test_SECURITY_a_message_of_many_frames_that_is_too_long_in_all_never_arrives() -> None:
    with Kernel(limits={"message_bytes": 1 << 20}) as kernel, pytest.raises(TimeoutError):
        kernel.run(LONG_IN_ALL, timeout_s=2.0)


def test_twin_without_the_count_a_message_of_many_short_frames_arrives() -> None:
    kernel = Kernel(limits={"message_bytes": 1 << 20}, layers_off={"messages"})
    with kernel, pytest.raises(ValueError, match="IDS"):
        kernel.run(LONG_IN_ALL)


FORGED = """
kernel = get_ipython().kernel
socket, session = kernel.iopub_thread.socket, kernel.session
def forge(frames):
    kernel.iopub_thread.schedule(lambda: socket.send_multipart(frames))
forge([b"garbage"])
forge([b"<IDS|MSG>", b"0" * 64, b"{}", b"{}", b"{}", b"{}"])
wrong = [session.pack(part) for part in ({"msg_id": "1", "msg_type": "status"}, [], [], "idle")]
forge([b"<IDS|MSG>", session.sign(wrong), *wrong])
print("honest", flush=True)
"""


def test_SECURITY_forged_messages_reach_nobody() -> None:
    with Kernel() as kernel:
        assert kernel.run(FORGED).text == "honest\n"
        assert kernel.run("print('still there')").text == "still there\n"


def test_twin_a_stock_client_stumbles_over_forged_messages() -> None:
    with Kernel(layers_off={"messages"}) as kernel, pytest.raises((ValueError, TypeError, AttributeError)):
        kernel.run(FORGED)


def test_a_burst_of_output_loses_nothing() -> None:
    with Kernel() as kernel:
        reply = kernel.run("import sys\nfor i in range(3000):\n    print(i); sys.stdout.flush()")
        assert reply.text.split() == [str(number) for number in range(3000)]


def test_SECURITY_hostile_kernels_beside_an_honest_one_do_not_change_it() -> None:
    hostile = ["import os\nwhile True:\n    os.fork()", DEAF_LOOP, "x = bytearray(b'x') * (1 << 32)"]
    with (
        Kernel() as honest,
        Kernel(limits={"processes": 32}) as bomb,
        Kernel(limits={"wall_s": 1.0}) as loop,
        Kernel(limits={"memory_bytes": 512 << 20}) as hog,
    ):
        for kernel, act in zip((bomb, loop, hog), hostile, strict=True):
            kernel.send(act)
        assert honest.run("import torch; print(float(torch.ones(64, 64).sum()))").text == "4096.0\n"
        eventually(lambda: bomb.poll() is not None, "the fork bomb is stopped")
        eventually(lambda: loop.poll() is not None, "the loop is stopped")
        assert bomb.provisioner.limit_hit == LimitHit("processes", 32, killed=True)
