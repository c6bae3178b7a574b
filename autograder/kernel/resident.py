"""One kernel from launch to removal: its folder and sockets, its sandbox, its process, its watch."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autograder.kernel.cgroup import Cgroup, open_group, parent_group
from autograder.kernel.choice import Walls, missing_for_want, open_walls
from autograder.kernel.forked import Fork, Stillborn
from autograder.kernel.layers import report
from autograder.kernel.limits import Limits
from autograder.kernel.mounts import SandboxPlan, is_privileged
from autograder.kernel.relay import relay
from autograder.kernel.shipping import filter_problem
from autograder.kernel.watchdog import Watch, watchdog
from autograder.kernel.zygote import Zygote, ZygotePlan, zygote_for

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")

BEHIND = "k"
"""What the path of a kernel's own socket ends with, where the relay stands before it."""

CONNECTIONS_AHEAD = 16
"""That wait on a socket until the kernel takes them."""

LIMIT_SPARE_PROCESSES = 4
"""By which the kernel's own limit is above the one that the watchdog kills for."""

END_TIMEOUT_S = 10.0
"""For the processes of a killed sandbox to be gone."""


@dataclasses.dataclass(frozen=True)
class ResidentPlan:
    """All that a kernel is to be."""

    sandbox: SandboxPlan
    zygote: ZygotePlan
    environment: Mapping[str, str]
    seed: int
    threads: int = 1


@dataclasses.dataclass(frozen=True)
class Resident:
    """A kernel that runs, or has run until ``close``; what it cost can be read after that."""

    sandbox: Walls
    fork: Fork
    watch: Watch
    group: Cgroup | None
    folder: Path
    layers: dict[str, str]
    close_relay: Callable[[], None]
    """Takes away the sockets that clients connect to."""

    @property
    def peak_memory_bytes(self) -> int:
        """The most that all processes had resident at one time."""
        return max(self.watch.peak_bytes, self.fork.peak_bytes)

    @property
    def cpu_s(self) -> float:
        """Processor time of all processes together."""
        return max(self.watch.cpu_s, self.fork.cpu_s)

    @property
    def own_s(self) -> float:
        """Wall time since the start, less what its threads waited for a processor."""
        return self.watch.time.own_s

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        code = self.fork.poll()
        if code is not None:
            self.watch.settle()
        return code

    def kill(self) -> None:
        """Kill all processes and return when they are gone."""
        self.sandbox.kill()
        self.fork.signal(signal.SIGKILL)
        self.fork.wait(END_TIMEOUT_S)
        self.watch.settle()

    def close(self) -> None:
        """Kill what still runs and remove every trace of it from the host."""
        self.kill()
        watchdog.remove(self.watch)
        self.close_relay()
        self.sandbox.close()
        self.fork.close()
        if self.group is not None:
            self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def launch(plan: ResidentPlan, folder: Path, connection: Mapping[str, Any]) -> Resident:
    """A kernel about to answer on its sockets; raises SandboxError or KernelLost, and then leaves nothing."""
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        zygote = zygote_for(plan.zygote)
        # The zygote forks while bubblewrap builds the sandbox; they meet in ``enter``.
        fork = _fork(zygote, undo)
        sandbox = open_walls(plan.sandbox)
        undo.callback(sandbox.close)
        group = open_group(plan.sandbox.limits) if "cgroup" not in plan.sandbox.layers_off else None
        if group is not None:
            undo.callback(group.close)
        counted = "messages" not in plan.sandbox.layers_off
        close_relay = _relayed(connection, plan.sandbox.limits) if counted else lambda: None
        undo.callback(close_relay)
        with _listeners(connection, BEHIND if counted else "") as sockets:
            request = _request(plan, sandbox, connection, in_group=group is not None)
            numbers = [*sandbox.handed, *(opened.fileno() for opened in sockets), *([group.procs] if group else [])]
            try:
                fork.enter(request, numbers)
            except Stillborn:
                fork.close()
                fork = _fork(zygote, undo)
                fork.enter(request, numbers)
        sandbox.knows(fork.supervisor_pid)
        card = plan.sandbox.gpu.name if plan.sandbox.gpu else ""
        watch = Watch(sandbox, plan.sandbox.limits, fork.pid, group, card)
        if "watchdog" not in plan.sandbox.layers_off:
            watchdog.add(watch)
        undo.pop_all()
    return Resident(sandbox, fork, watch, group, folder, layers_of(plan, sandbox, zygote, fork), close_relay)


def _fork(zygote: Zygote, undo: contextlib.ExitStack) -> Fork:
    fork = zygote.fork()
    undo.callback(fork.close)
    return fork


def _paths(connection: Mapping[str, Any]) -> list[str]:
    """Where the host's clients look for the channels."""
    return [f"{connection['ip']}-{connection[f'{channel}_port']}" for channel in CHANNELS]


def _relayed(connection: Mapping[str, Any], limits: Limits) -> Callable[[], None]:
    """Have the relay listen where clients look, for the kernel's own sockets beside; returns what ends it."""
    return relay.open([(path, f"{path}{BEHIND}") for path in _paths(connection)], limits.message_bytes)


@contextlib.contextmanager
def _listeners(connection: Mapping[str, Any], ending: str) -> Iterator[list[socket.socket]]:
    """A listening socket per channel, where the host's clients will look for it, or the relay with that ending."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in CHANNELS]
        for path, opened in zip(_paths(connection), sockets, strict=True):
            opened.bind(f"{path}{ending}")
            opened.listen(CONNECTIONS_AHEAD)
            opened.setblocking(False)
        yield sockets


def _request(plan: ResidentPlan, sandbox: Walls, connection: Mapping[str, Any], *, in_group: bool) -> dict[str, Any]:
    """What the forked process is told; the student can find all of it in their memory."""
    key = connection["key"]
    return {
        **sandbox.request(),
        "cgroup": in_group,
        "walls": len(sandbox.handed),
        "environment": {**plan.environment, **sandbox.environment()},
        "ceilings": ceilings(plan.sandbox.limits, counted=sandbox.counts_processes),
        # CUDA reserves far more than it uses.
        "growth_bytes": None if plan.sandbox.gpu else plan.sandbox.limits.memory_bytes,
        "seed": plan.seed,
        "threads": plan.threads,
        "gpu": plan.sandbox.gpu is not None,
        # The name only labels the sockets, which are handed over open: the folder stays unknown.
        "connection": {**connection, "ip": "kernel", "key": key.decode() if isinstance(key, bytes) else key},
    }


def ceilings(limits: Limits, *, counted: bool) -> dict[str, tuple[int, int]]:
    """The limits that Linux enforces on each process by itself, as setrlimit takes them.

    Processor time has some slack, so that the watchdog comes first and can name the limit.
    """
    cpu_s = math.ceil(limits.cpu_s) + 1
    # The supervisor may count as one of the student's, and the watchdog shall see the limit being passed.
    processes = limits.processes + LIMIT_SPARE_PROCESSES
    per_sandbox = {"RLIMIT_NPROC": (processes, processes)} if counted else {}
    return {
        **per_sandbox,
        "RLIMIT_CPU": (cpu_s, cpu_s + 1),
        "RLIMIT_NOFILE": (limits.open_files, limits.open_files),
        "RLIMIT_FSIZE": (limits.file_bytes, limits.file_bytes),
        "RLIMIT_MSGQUEUE": (0, 0),
        # Whoever was put behind the others may not come forward again.
        "RLIMIT_NICE": (0, 0),
        # With 0 the host's crash handler would still be started; 1 tells Linux to leave it alone.
        "RLIMIT_CORE": (1, 1),
    }


def missing_layers() -> list[str]:
    """Layers that cannot be had on this machine, each with the reason; for the head of a run."""
    problem = filter_problem()
    found = [f"seccomp ({problem})"] if problem else []
    found += [f"{layer} ({why})" for layer, why in missing_for_want().items()]
    return found if parent_group() else [*found, "cgroup (the watchdog limits memory and processes instead)"]


def layers_of(plan: ResidentPlan, sandbox: Walls, zygote: Zygote, fork: Fork) -> dict[str, str]:
    """Each layer with "applied", "off", or the reason why it could not be had here; for the head of a run."""
    watched = f"{fork.cgroup_problem}; the watchdog limits memory and processes"
    missing = (
        sandbox.missing
        | ({"seccomp": zygote.seccomp} if zygote.seccomp else {})
        | ({"cgroup": watched} if fork.cgroup_problem else {})
    )
    state = report(sandbox.name, plan.sandbox.layers_off, missing)
    if not is_privileged() and os.getgroups():
        state["groups"] = "kept: only root can drop the operator's supplementary groups"
    return state
