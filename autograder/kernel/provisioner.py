"""The kernel provisioner ``autograder-sandbox``: a kernel forked from the zygote, in a sandbox of its own.

nbclient, nbconvert, nbgrader and ``jupyter execute`` find it through the kernel spec of the same name. Every
trait can be set by configuration, as ``c.SandboxProvisioner.limits = {"wall_s": 60}``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bytes, Dict, Int, List, Set, Unicode, default

from autograder.kernel.client import bounded_factory
from autograder.kernel.folders import new_kernel_folder
from autograder.kernel.gpu import GpuGrant, granted
from autograder.kernel.limits import LimitHit, Limits
from autograder.kernel.mounts import SandboxPlan
from autograder.kernel.resident import CHANNELS, Resident, ResidentPlan, launch
from autograder.kernel.zygote import ZygotePlan, environment

KERNEL_NAME = "autograder-sandbox"
PASSED = "AUTOGRADER_PASSED_VARIABLES"
"""Names of variables, with commas between them."""

Result = TypeVar("Result")

_launchers: ThreadPoolExecutor


def _make_launchers() -> None:
    # Starting a kernel waits for processes, and must not hold up the event loop of those that run.
    global _launchers
    _launchers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="sandbox-launch")


_make_launchers()
os.register_at_fork(after_in_child=_make_launchers)


async def _in_thread_or_undo(
    undo: Callable[[Result], None], function: Callable[..., Result], *arguments: Any
) -> Result:
    """The result; when nobody waits for it any more, because of a deadline, it is undone as soon as it is there."""
    running = _launchers.submit(function, *arguments)
    try:
        return await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        running.add_done_callback(lambda done: undo(done.result()) if _succeeded(done) else None)
        raise


def _succeeded(done: Future[Any]) -> bool:
    return not done.cancelled() and done.exception() is None


async def _in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_launchers, function, *arguments)


class SandboxProvisioner(KernelProvisionerBase):
    """Runs one kernel. What it cost can be read when it has ended, until the provisioner is dropped."""

    limits = Dict(help="Fields of autograder.kernel.limits.Limits that differ from their defaults.").tag(config=True)
    environment = Dict(
        key_trait=Unicode(), value_trait=Unicode(), help="Variables of the kernel besides the fixed ones."
    ).tag(config=True)
    passed_variables = List(
        Unicode(), help=f"Names of the operator's variables that the kernel gets too; the default stands in {PASSED}."
    ).tag(config=True)
    read_only = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Folders of the host to show: {host path: path in the sandbox}.",
    ).tag(config=True)
    hidden = List(Unicode(), help="Folders of the host to cover where the interpreter's folders contain them.").tag(
        config=True
    )
    files = Dict(
        key_trait=Unicode(),
        value_trait=Bytes(),
        help="What lies in the kernel's folder at the start: {relative name: content}.",
    ).tag(config=True)
    gpu = Unicode("", help="UUID, or name in the CDI file, of the graphics card that the kernel gets.").tag(config=True)
    seed = Int(0, help="Of the generators of Python, NumPy and torch, when the first cell runs.").tag(config=True)
    threads = Int(1, help="Of PyTorch in the kernel, when the first cell runs.").tag(config=True)
    preload_modules = List(Unicode(), help="What the zygote imports besides what every kernel needs.").tag(config=True)
    preload_source = Unicode(
        "",
        help="Python text that the zygote runs once, as the module 'warm'; every student can read it. "
        "Its function _kernel_started, if there is one, gets every kernel before that serves.",
    ).tag(config=True)
    preload_cells = List(
        Unicode(), help="Cells that every notebook has, made ready ahead; every student can read them."
    ).tag(config=True)
    layers_off = Set(Unicode(), help="Layers to leave out, for the tests that show what each one is for.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._resident: Resident | None = None
        self._end: Callable[[], object] | None = None

    @default("passed_variables")
    def _passed_variables(self) -> list[str]:
        return [name for name in os.environ.get(PASSED, "").split(",") if name]

    @property
    def limit_hit(self) -> LimitHit | None:
        """The limit that the kernel ran into, if it did."""
        return self._resident.watch.limit_hit if self._resident else None

    @property
    def unwatched(self) -> str:
        """Why nobody could watch the kernel, which was ended then; or nothing."""
        return self._resident.watch.problem if self._resident else ""

    @property
    def peak_memory_bytes(self) -> int:
        """The most that its processes had resident at once, pages shared with the zygote included."""
        return self._resident.peak_memory_bytes if self._resident else 0

    @property
    def cpu_s(self) -> float:
        """Processor time of all its processes."""
        return self._resident.cpu_s if self._resident else 0.0

    @property
    def gpu_use(self) -> dict[str, float]:
        """What was seen of its use of the graphics card; empty without one, and where nobody can look."""
        meter = self._resident.watch.meter if self._resident else None
        return meter.report() if meter else {}

    @property
    def own_s(self) -> float:
        """How long it has lived, less what its threads waited for a processor; 0 before it starts."""
        return self._resident.own_s if self._resident else 0.0

    @property
    def layers(self) -> dict[str, str]:
        """Each layer's name with "applied", "off" or the reason why it could not be had."""
        return self._resident.layers if self._resident else {}

    @property
    def failure(self) -> str:
        """The traceback, when the kernel crashed before its first cell; nothing else."""
        return self._resident.fork.failure if self._resident else ""

    @property
    def pid(self) -> int:
        """The kernel's process as the host sees it, 0 when there is none."""
        return self._resident.fork.pid if self._resident else 0

    @property
    def zygote_plan(self) -> ZygotePlan:
        """What its zygote has loaded, shared by all kernels with the same."""
        return self.zygote_plan_with(None)

    def zygote_plan_with(self, gpu: GpuGrant | None) -> ZygotePlan:
        """The same for kernels with this graphics card."""
        libraries = gpu.library_path(os.environ) if gpu else ""
        return ZygotePlan(tuple(self.preload_modules), self.preload_source, tuple(self.preload_cells), libraries)

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel that has not been cleaned up."""
        return self._end is not None

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code, negative for a signal; 0 when there was none."""
        return self._resident.poll() if self._resident else 0

    async def wait(self) -> int | None:
        """The exit code, once the kernel has ended."""
        resident = self._resident
        if resident is None:
            return 0
        while (code := await _in_thread(resident.fork.wait, 1.0)) is None:
            pass
        return code

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel's process; SIGKILL goes to all of its processes."""
        if self._resident is None or self._end is None:
            return
        if signum == signal.SIGKILL:
            await self.kill()
        else:
            self._resident.fork.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill all of its processes and return when they are gone."""
        if self._resident is not None and self._end is not None:
            await _in_thread(self._resident.kill)

    async def terminate(self, restart: bool = False) -> None:
        """The same as kill: a student's process is not asked."""
        await self.kill(restart)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """The same as kill: the polite wait is where stock grading loses its seconds."""
        await self.kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what is left of the kernel on the host."""
        if self._end is not None:
            end, self._end = self._end, None
            await _in_thread(end)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the sockets, tell the kernel manager, and return what launch_kernel takes."""
        passed = {name: value for name, value in kwargs.get("env", os.environ).items() if name in self.passed_variables}
        plan = self._plan(passed)
        folder = new_kernel_folder()
        manager: Any = self.parent
        _prepare_manager(manager, folder)
        if "messages" not in plan.sandbox.layers_off:
            manager.client_factory = bounded_factory(manager.client_factory, plan.sandbox.limits)
        self.connection_info = manager.get_connection_info()
        return {"cmd": [], "plan": plan, "folder": folder}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel and return where it listens; raises SandboxError when a layer fails."""
        arguments = (kwargs["plan"], kwargs["folder"], self.connection_info)
        resident = await _in_thread_or_undo(Resident.close, launch, *arguments)
        self._resident = resident
        # Also when the owner forgets to clean up, or ends.
        self._end = weakref.finalize(self, resident.close)
        return self.connection_info

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """No time: by then the kernel is dead."""
        return 0.0

    def _plan(self, passed: Mapping[str, str]) -> ResidentPlan:
        gpu = granted(self.gpu) if self.gpu else None
        sandbox = SandboxPlan(
            limits=Limits.from_overrides(self.limits),
            gpu=gpu,
            read_only=tuple(self.read_only.items()),
            hidden=tuple(self.hidden),
            files=tuple(self.files.items()),
            layers_off=frozenset(self.layers_off),
        )
        variables = {**environment(), **passed, **(gpu.environment if gpu else {}), **self.environment}
        return ResidentPlan(sandbox, self.zygote_plan_with(gpu), variables, self.seed, self.threads)


def _prepare_manager(manager: Any, folder: Path) -> None:
    """Make the kernel manager, and the clients it makes, use local sockets in that folder."""
    manager.transport, manager.ip = "ipc", str(folder / "s")
    for port, channel in enumerate(CHANNELS, start=1):
        setattr(manager, f"{channel}_port", port)
    manager.connection_file = str(folder / "kernel.json")
    manager.write_connection_file()
