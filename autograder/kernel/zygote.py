"""The owner's end of the zygote: start it, fork kernels from it, replace it when it dies.

One zygote per process and per set of preloaded things, shared by all threads. It runs ``inside/warm.py``.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from autograder.errors import KernelLost
from autograder.kernel import mounts, shipping
from autograder.kernel.forked import MESSAGE_MAX_BYTES, Fork
from autograder.kernel.spawner import spawner
from autograder.kernel.waiting import has_input

ZYGOTE_START_TIMEOUT_S = 180.0
"""For its imports, which may come from a cold disk on the network."""

MODULES = (
    "numpy",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.debugger",
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.history",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "comm",
    # For the first traceback.
    "stack_data",
    "executing",
    "pygments.formatters.terminal256",
)
"""What a kernel imports at its start: none of it starts a thread."""

ENVIRONMENT = {
    "HOME": mounts.HOME,
    "USER": "student",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # The allocator inside pyarrow starts a thread when it is loaded, which no fork would have.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    # There is no network: without this pip tries for long before it says so.
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
"""All that a zygote and its kernels know of the operator's environment: nothing."""

BOOT = """
import json, socket, sys
with open(int(sys.argv[2])) as stream:
    config = json.load(stream)
control = socket.socket(fileno=int(sys.argv[1]))
sys.argv, sys.path[:] = [""], config["path"]
sys.prefix = sys.exec_prefix = config["prefix"]
import site
site.setquit(), site.setcopyright(), site.sethelper()
space = {}
exec(config["importer"], space)
codes = {name: compile(text, f"<inside/{name}.py>", "exec") for name, text in config["sources"].items()}
sys.meta_path.insert(0, space["Shipped"](codes))
from autograder.inside import warm
warm.serve_forks(control, config)
"""
"""Runs the files as text, so that no path of this package is ever in the zygote."""


@dataclasses.dataclass(frozen=True)
class ZygotePlan:
    """What a zygote has loaded; kernels with equal plans share one."""

    modules: tuple[str, ...] = ()
    """Imported in this order, before what every kernel needs."""

    source: str = ""
    """Python text that runs once, as the module ``warm``; students can read it."""

    cells: tuple[str, ...] = ()
    """Cells that every notebook has, made ready to run ahead; students can read them."""

    libraries: str = ""
    """LD_LIBRARY_PATH, which the loader reads when a program starts and never again."""


class Zygote:
    """A warm parent process. Forking from it is safe from any thread."""

    def __init__(self, plan: ZygotePlan) -> None:
        self.plan = plan
        self.seccomp = ""
        """Why there is no system-call filter, or nothing."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Its process, once it has been started."""
        return self._process.pid if self._process else None

    def fork(self) -> Fork:
        """A new process that waits for its orders; starts the zygote, or another one when it has died."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            for _ in range(2):
                control = self._running()
                try:
                    socket.send_fds(control, [b"fork"], [theirs.fileno()])
                    return Fork(ours)
                except OSError:
                    self._stop()
        ours.close()
        raise KernelLost("the zygote died twice in a row while it was asked for a kernel; is memory short?")

    def start(self) -> None:
        """Start it now rather than with the first kernel."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process; kernels that it forked live on."""
        with self._lock:
            self._stop()

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._control is None:
            with os.fdopen(os.memfd_create("zygote-stderr"), "rb") as said:
                self._control, self._process = self._spawn(said.fileno())
                self._await_warmth(self._control, said)
        return self._control

    def _spawn(self, stderr: int) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, os.fdopen(os.memfd_create("zygote"), "r+") as config:
            json.dump(self._config(), config)
            config.flush()
            config.seek(0)
            numbers = [theirs.fileno(), config.fileno()]
            command = [sys.executable, "-S", "-s", "-P", "-c", BOOT, *map(str, numbers)]
            env = environment() | ({"LD_LIBRARY_PATH": self.plan.libraries} if self.plan.libraries else {})
            return ours, spawner.spawn(command, env=env, pass_fds=numbers, stream=subprocess.DEVNULL, stderr=stderr)

    def _config(self) -> dict[str, Any]:
        return {
            "owner_pid": os.getpid(),
            "path": visible_path(),
            "prefix": sys.prefix,
            "importer": shipping.IMPORTER,
            "sources": shipping.sources(),
            "modules": [*self.plan.modules, *MODULES],
            "source": self.plan.source,
            "cells": self.plan.cells,
        }

    def _await_warmth(self, control: socket.socket, said: BinaryIO) -> None:
        news = control.recv(MESSAGE_MAX_BYTES) if has_input(control, ZYGOTE_START_TIMEOUT_S) else b""
        problem = json.loads(news)["problem"] if news else "it did not start"
        if problem:
            self._stop()
            said.seek(0)
            raise KernelLost(f"no kernel can be forked from the zygote: {problem}. {said.read().decode()[-2000:]}")
        self.seccomp = json.loads(news)["seccomp"]

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def visible_path() -> list[str]:
    """Where a kernel may import from: the running interpreter's own folders, nothing of the course."""
    shown = [Path("/usr"), *map(Path, mounts.interpreter_folders())]
    programs = Path(sys.executable).parent
    return [
        folder
        for folder in dict.fromkeys(sys.path)
        if folder and Path(folder) != programs and any(map(Path(folder).is_relative_to, shown))
    ]


def environment() -> dict[str, str]:
    """The environment of a zygote, and of its kernels but for what their host adds."""
    folders = dict.fromkeys((str(Path(sys.prefix, "bin")), "/usr/local/bin", "/usr/bin", "/bin"))
    return {**ENVIRONMENT, "PATH": ":".join(folders)}


_zygotes: dict[ZygotePlan, Zygote] = {}
_zygotes_lock = threading.Lock()


def zygote_for(plan: ZygotePlan) -> Zygote:
    """The one zygote of this process with that plan."""
    with _zygotes_lock:
        return _zygotes.setdefault(plan, Zygote(plan))


def zygotes() -> list[Zygote]:
    """All of this process."""
    with _zygotes_lock:
        return list(_zygotes.values())


def cpu_s() -> float:
    """Processor time of this process's zygotes so far, their forks' own not included."""
    times = [psutil.Process(zygote.pid).cpu_times() for zygote in zygotes() if zygote.pid]
    return float(sum(time.user + time.system for time in times))


def close_all() -> None:
    """End every zygote of this process; the next kernel starts another."""
    with _zygotes_lock:
        for zygote in _zygotes.values():
            zygote.close()
        _zygotes.clear()


def _forget_all() -> None:
    # A forked copy of this process has no right to its parent's zygotes, nor to locks that were held then.
    global _zygotes_lock
    _zygotes.clear()
    _zygotes_lock = threading.Lock()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget_all)
