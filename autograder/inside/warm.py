"""The zygote: imports everything once, then forks one kernel per request, until its owner goes.

It has one thread, no ZMQ context, no CUDA and no secret. What a kernel is to do reaches the fork over a
socket of its own, so nothing of one submission is ever in the memory that the next one inherits.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
import types
from typing import Any, NoReturn

from . import app, entry, ready, settings, walls
from .seccomp import Filters, build

PR_SET_PDEATHSIG = 1
MADV_COLLAPSE, HUGE_BYTES = 25, 2 << 20
MESSAGE_MAX_BYTES = 1 << 16
DESCRIPTORS_MAX = 16
CUDA_NOT_INITIALIZED = 3
TRACEBACK_MAX_CHARS = 8_000


def serve_forks(control: socket.socket, config: dict[str, Any]) -> NoReturn:
    """Warm up, say so, and serve; the process ends when the owner closes its end."""
    die_with(config["owner_pid"])
    rules = build()
    preload(config["modules"], config["source"])
    ready.know(config["cells"])
    app.make_ahead()
    problem = loose_ends()
    control.send(json.dumps({"problem": problem, "seccomp": rules if isinstance(rules, str) else ""}).encode())
    # The collector would write into every object's header, and so copy the shared pages in each fork.
    gc.collect()
    gc.freeze()
    collapse()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    serve(control, rules)


def die_with(owner_pid: int) -> None:
    """Be killed when the owner goes, also when it has gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner_pid:
        os._exit(1)


def preload(modules: list[str], source: str) -> None:
    """Import the modules and run the host's source text in a module called ``warm``."""
    for name in modules:
        importlib.import_module(name)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
    warm = types.ModuleType("warm", "What the host built before any submission came.")
    sys.modules["warm"] = warm
    exec(compile(source, "<warm>", "exec"), warm.__dict__)


def collapse() -> None:
    """Put the memory that is here now into huge pages, where Linux (since 6.1) can do it.

    A fork, of which every kernel takes two, copies one entry for each instead of 512.
    """
    madvise = ctypes.CDLL(None).madvise
    with open("/proc/self/maps", encoding="ascii") as maps:
        rows = [line.split() for line in maps]
    for where, rights, *_, last in rows:
        if rights == "rw-p" and last in ("0", "[heap]"):
            start, end = (int(address, 16) for address in where.split("-"))
            for place in range(-(-start // HUGE_BYTES) * HUGE_BYTES, end // HUGE_BYTES * HUGE_BYTES, HUGE_BYTES):
                madvise(ctypes.c_void_p(place), ctypes.c_size_t(HUGE_BYTES), MADV_COLLAPSE)


def loose_ends() -> str:
    """Why this process must not be forked, or nothing: threads do not survive a fork, and CUDA forbids it."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        return f"a preloaded module started {threads - 1} threads"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "a preloaded module initialised CUDA"
    return "a preloaded module initialised the graphics card's driver" if driver_is_initialised() else ""


def driver_is_initialised() -> bool:
    """Whether CUDA's driver was initialised in this process, by whatever library. It is not loaded for the question."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        if not any("/libcuda.so" in row for row in maps):
            return False
    context = ctypes.c_void_p()
    return bool(ctypes.CDLL("libcuda.so.1").cuCtxGetCurrent(ctypes.byref(context)) != CUDA_NOT_INITIALIZED)


def serve(control: socket.socket, rules: Filters | str) -> NoReturn:
    """Fork a supervisor for every job that comes in."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not descriptors:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            guard(socket.socket(fileno=descriptors[0]), rules)
        os.close(descriptors[0])


def guard(job: socket.socket, rules: Filters | str) -> NoReturn:
    """Run the supervisor and leave; what goes wrong is told to the host and never reaches the zygote's loop."""
    try:
        supervisor(job, rules)
    except entry.LayerFailed as failure:
        tell(job, failed=[failure.layer, failure.problem])
    except BaseException:
        tell(job, crashed=traceback.format_exc()[-TRACEBACK_MAX_CHARS:])
    os._exit(1)


def tell(job: socket.socket, **news: Any) -> None:
    """Send one message to the host, which may have gone."""
    try:
        job.send(json.dumps(news).encode())
    except OSError:
        os._exit(1)


def supervisor(job: socket.socket, rules: Filters | str) -> None:
    """Walk into the sandbox, start the kernel there as a child, and report how it ended.

    It stays where no student can reach it, outside the sandbox's pid namespace or the kernel's domain, and it holds the
    only way to report.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, _, _ = socket.recv_fds(job, MESSAGE_MAX_BYTES, DESCRIPTORS_MAX)
    if not message:
        return
    request = json.loads(message)
    problem = entry.join_cgroup(descriptors.pop()) if request["cgroup"] else "none can be made"
    handed, listeners = descriptors[: request["walls"]], descriptors[request["walls"] :]
    walls.enter(request, handed)
    pid = os.fork()
    if pid == 0:
        resident(job, request, handed[1:2], listeners, rules)
        os._exit(1)
    pidfd = os.pidfd_open(pid)
    for descriptor in listeners:
        os.close(descriptor)
    socket.send_fds(job, [json.dumps({"pid": pid, "supervisor": os.getpid(), "cgroup": problem}).encode()], [pidfd])
    os.close(pidfd)
    status, usage = walls.await_end(request, handed, pid)
    own = os.times()
    tell(
        job,
        exit=os.waitstatus_to_exitcode(status),
        cpu_s=usage.ru_utime + usage.ru_stime + own.user + own.system,
        peak_bytes=usage.ru_maxrss * 1024,
    )
    os._exit(0)


def resident(
    job: socket.socket, request: dict[str, Any], fence: list[int], listeners: list[int], rules: Filters | str
) -> None:
    """Put up the remaining layers and become the student's kernel."""
    if request["gpu"]:
        rules = build(gpu=True)
    walls.put_up(request, [job.fileno(), *listeners], fence, rules)
    tell(job, ready=True)
    kernel = app.kernel_app(request["connection"], listeners)
    # Hash order and generators are what the first cell sees, whatever the start of the kernel drew from them.
    settings.seed_all(request["seed"])
    use_threads(request["threads"])
    # SECURITY: with this still open the student could report in the supervisor's name.
    job.close()
    kernel.start()


def use_threads(number: int) -> None:
    """Let PyTorch compute with so many: the warm parent has one, since no thread survives a fork."""
    if number > 1 and (torch := sys.modules.get("torch")):
        torch.set_num_threads(number)
