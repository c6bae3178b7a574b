"""The watchdog outlives its own errors, and a kernel that nobody watches does not run."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from autograder.kernel import watchdog as module
from autograder.kernel.limits import Limits
from autograder.kernel.watchdog import FAILED_MAX, Watch, Watchdog
from tests.kernel.driver import DEADLINE_S, Kernel, eventually


class Sandboxed:
    """A sandbox that is only killed."""

    pid = 0

    def __init__(self) -> None:
        self.killed = threading.Event()

    def kill(self) -> None:
        self.killed.set()


def watch(look: Callable[[], object]) -> Any:
    """A watch of such a sandbox, whose looks do this."""
    made: Any = Watch(Sandboxed(), Limits(), 0)  # type: ignore[arg-type]
    made.look = look
    return made


class Fails:
    """Raises at every look, or at the first few."""

    def __init__(self, times: int, error: BaseException) -> None:
        self.left, self.error = times, error
        self.recovered = threading.Event()

    def __call__(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        self.recovered.set()


def killed(watched: Any) -> bool:
    found: bool = watched._sandbox.killed.wait(DEADLINE_S)
    return found


def test_a_look_that_fails_a_few_times_is_tried_again() -> None:
    dog, look = Watchdog(), Fails(FAILED_MAX - 1, OSError("too many open files"))
    watched = watch(look)
    dog.add(watched)
    assert look.recovered.wait(DEADLINE_S)
    dog.remove(watched)
    assert not watched.problem
    assert not watched._sandbox.killed.is_set()


def test_a_sandbox_that_nobody_can_look_at_is_ended_and_the_others_are_watched() -> None:
    dog, seen = Watchdog(), threading.Event()
    broken, sound = watch(Fails(10**9, OSError("too many open files"))), watch(seen.set)
    dog.add(broken)
    dog.add(sound)
    assert killed(broken)
    assert broken.problem == "OSError: too many open files"
    seen.clear()
    assert seen.wait(DEADLINE_S)
    assert not sound._sandbox.killed.is_set()
    dog.remove(broken)
    dog.remove(sound)


def test_when_the_thread_ends_its_kernels_are_ended_and_the_next_one_is_watched_again() -> None:
    dog, seen = Watchdog(), threading.Event()
    first = watch(Fails(1, SystemExit("gone")))
    dog.add(first)
    assert killed(first)
    assert first.problem == "the watchdog ended with SystemExit: gone"
    second = watch(seen.set)
    dog.add(second)
    assert seen.wait(DEADLINE_S)
    dog.remove(first)
    dog.remove(second)


def test_without_a_thread_no_kernel_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    dog, watched = Watchdog(), watch(lambda: None)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(RuntimeError, match="new thread"):
        dog.add(watched)
    monkeypatch.undo()
    dog.add(watched)
    dog.remove(watched)


def test_a_real_kernel_that_cannot_be_watched_is_ended_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_figures(sandbox: object) -> module.Usage:
        raise OSError("no figures")

    with Kernel() as other, Kernel() as kernel:
        assert other.run("print(1)").text == "1\n"
        monkeypatch.setattr(module, "usage_of", no_figures)
        assert eventually(lambda: kernel.poll() is not None, "the kernel is ended")
        assert kernel.provisioner.unwatched == "OSError: no figures"
