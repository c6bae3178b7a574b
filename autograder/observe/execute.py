"""Run an aligned notebook headless, and probe the student's functions at each grade cell."""

import asyncio
import itertools
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config

from autograder.assignments import Assignment
from autograder.errors import KernelLost, StudentError
from autograder.models import Fault, Observation
from autograder.observe import wire
from autograder.submission.align import grade_id

RESTARTS_MAX = 8
"""How often a notebook is resumed without the cell that killed its kernel."""
OUTPUT_MAX_BYTES = 1_000_000
"""Kept of one cell's output; the rest of a flood is dropped."""

AGENT = (Path(__file__).parent / "agent.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Deadlines:
    """How long a submission may take, in wall time."""

    cell_s: float = 30.0
    probe_s: float = 15.0
    submission_s: float = 300.0
    interrupt_s: float = 5.0
    """Grace after an interrupt before the kernel is killed."""
    startup_s: float = 60.0


@dataclass
class Observed:
    """What one run left: the executed notebook, observations by grade id, and what went wrong."""

    notebook: NotebookNode
    observations: dict[str, Observation] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    layers: dict[str, str] = field(default_factory=dict)
    times_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("ready", "cells", "probes"), 0.0))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time that a block takes to one step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.times_s[step] += time.monotonic() - started


class LimitedClient(NotebookClient):
    """nbclient, with a bound on the output that it keeps of one cell."""

    kc: Any
    km: Any

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output while the cell is within its bound; say once that the rest was dropped."""
        cell = self.nb.cells[cell_index]
        kept = cell.metadata.get("output_bytes", 0) + len(str(msg["content"]))
        cell.metadata["output_bytes"] = kept
        if kept <= OUTPUT_MAX_BYTES:
            return super().output(outs, msg, display_id, cell_index)
        note = f"[more than {OUTPUT_MAX_BYTES:,} bytes of output: the rest was dropped]\n"
        if not outs or outs[-1].get("text") != note:
            outs.append(NotebookNode(output_type="stream", name="stderr", text=note))
        return None


@dataclass(frozen=True)
class Kernel:
    """Which kernel to start, and its provisioner's configuration."""

    name: str
    config: Config = field(default_factory=Config)
    env: dict[str, str] = field(default_factory=dict)
    """The whole environment of a kernel that has no sandbox to choose it."""


class Observer:
    """One submission's run. A cell that kills the kernel is left out and the rest is run again without it."""

    def __init__(
        self,
        notebook: NotebookNode,
        assignment: Assignment,
        *,
        seed: int,
        kernel: Kernel,
        folder: Path,
        deadlines: Deadlines,
    ) -> None:
        self.assignment, self.seed, self.deadlines = assignment, seed, deadlines
        self.kernel, self.folder = kernel, folder
        self.result = Observed(notebook)
        self.lost: set[str] = set()
        self.skipped: set[int] = set()
        self.position = 0
        self.deadline = time.monotonic() + deadlines.submission_s

    def run(self) -> Observed:
        """Execute and probe; every fault ends up in the result, none is raised."""
        started = time.monotonic()
        asyncio.run(self.run_with_restarts())
        self.result.wall_s = time.monotonic() - started
        return self.result

    async def run_with_restarts(self) -> None:
        """Run the notebook; after a lost kernel go on without the culprit, a few times."""
        for _ in range(RESTARTS_MAX + 1):
            try:
                async with asyncio.timeout(max(0.0, self.deadline - time.monotonic())):
                    await self.run_once()
                return
            except KernelLost as error:
                self.blame(str(error))
            except TimeoutError:
                allowed = f"the submission took longer than the {self.deadlines.submission_s:.0f} s allowed"
                self.fault("submission", "deadline", allowed)
                return

    def blame(self, message: str) -> None:
        """Leave out the cell that was running when the kernel was lost, and the solution behind a grade cell.

        The TODOs of that solution stay unobserved: what else they would have done nobody can know.
        """
        cells = self.result.notebook.cells
        cell = cells[self.position]
        self.skipped.add(self.position)
        if is_grade(cell) or is_solution(cell):
            before = (i for i in range(self.position, -1, -1) if is_solution(cells[i]))
            solution = next(before, self.position)
            self.skipped.add(solution)
            self.lost |= self.judging(solution) - self.result.observations.keys()
        self.fault(grade_id(cell) or f"cell {self.position + 1}", "kernel_lost", message)

    def judging(self, solution: int) -> set[str]:
        """The grade cells between a solution cell and the next one."""
        following = self.result.notebook.cells[solution + 1 :]
        block = itertools.takewhile(lambda cell: not is_solution(cell), following)
        return {grade_id(cell) for cell in block if is_grade(cell)}

    async def run_once(self) -> None:
        """Start a kernel, run the cells in order, probe at each grade cell, kill the kernel."""
        manager = AsyncKernelManager(kernel_name=self.kernel.name, config=self.kernel.config)
        client = LimitedClient(
            self.result.notebook,
            km=manager,
            timeout=int(self.deadlines.cell_s),
            startup_timeout=int(self.deadlines.startup_s),
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeout", "evalue": "", "traceback": []},
            iopub_timeout=int(self.deadlines.interrupt_s),
            raise_on_iopub_timeout=True,
            allow_errors=True,
            shutdown_kernel="immediate",
        )
        client.log.setLevel("CRITICAL")
        self.position = 0
        provisioner = None
        try:
            # What the kernel writes to its own descriptors must not reach the operator's terminal.
            streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with self.result.timed("ready"):
                await client.async_start_new_kernel(cwd=str(self.folder), env=self.kernel.env, **streams)
                provisioner = manager.provisioner
                client.kc = manager.client()
                client.kc.start_channels()
                await self.ready(client.kc)
            await self.install_agent(client)
            for position, cell in enumerate(self.result.notebook.cells):
                self.position = position
                await self.run_cell(client, cell)
        except (DeadKernelError, RuntimeError, CellTimeoutError) as error:
            raise KernelLost(reason(error)) from error
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
            await manager.shutdown_kernel(now=True)
            self.account(provisioner)

    async def ready(self, client: Any) -> None:
        """Return once the kernel answers and its output arrives; KernelLost when it does not in time.

        jupyter_client's own wait ends with 0.2 s of listening for nothing, half of what a submission may cost.
        """
        end = time.monotonic() + self.deadlines.startup_s
        while time.monotonic() < end:
            request = client.kernel_info()
            try:
                while (await client.get_shell_msg(timeout=1.0))["parent_header"].get("msg_id") != request:
                    pass
                await client.get_iopub_msg(timeout=0.2)
                return
            except Empty:
                if not await client.is_alive():
                    break
        raise KernelLost("the kernel did not start")

    def account(self, provisioner: Any) -> None:
        """Add what the kernel cost and note a limit that it ran into; an ordinary kernel does not tell."""
        self.result.cpu_s += getattr(provisioner, "cpu_s", 0.0)
        peak = getattr(provisioner, "peak_memory_bytes", 0)
        self.result.peak_memory_bytes = max(self.result.peak_memory_bytes, peak)
        self.result.layers = getattr(provisioner, "layers", {})
        hit = getattr(provisioner, "limit_hit", None)
        if hit is not None:
            self.fault("submission", "limit", f"the limit {hit} was exceeded")

    async def run_cell(self, client: LimitedClient, cell: NotebookNode) -> None:
        """Run one cell unless it is to be left out; at a grade cell, probe."""
        name = grade_id(cell) if is_grade(cell) else None
        if self.position in self.skipped or name in self.lost or name in self.result.observations:
            return
        if cell.cell_type == "code":
            started = time.monotonic()
            with self.result.timed("cells"):
                await client.async_execute_cell(cell, self.position)
            if time.monotonic() - started >= self.deadlines.cell_s:
                note = f"ran longer than the {self.deadlines.cell_s:.0f} s allowed and was interrupted"
                self.fault(grade_id(cell) or f"cell {self.position + 1}", "cell_timeout", note)
        if name is not None:
            with self.result.timed("probes"):
                self.result.observations[name] = await self.probe(client, name)

    async def install_agent(self, client: LimitedClient) -> None:
        """Send the agent's source text into the kernel, in a namespace of its own."""
        code = f"(lambda ns: (exec({AGENT!r}, ns), ns['install'](get_ipython().kernel)))({{'__name__': 'agent'}})"
        reply = await client.kc.execute_interactive(
            code,
            store_history=False,
            allow_stdin=False,
            timeout=self.deadlines.startup_s,
            output_hook=lambda msg: None,
        )
        if reply["content"]["status"] != "ok":
            raise KernelLost(f"the probe agent could not be installed: {reply['content'].get('evalue')}")

    async def probe(self, client: LimitedClient, name: str) -> Observation:
        """One probe's observation; a reply that cannot be used is an observation of an error."""
        nonce = secrets.token_hex(16)
        content = {
            "nonce": nonce,
            "todo": name,
            "seed": self.seed,
            "preload": self.assignment.preload,
            "inputs": self.assignment.inputs,
            "probes": self.assignment.probes,
        }
        message = client.kc.session.msg("probe_request", content)
        client.kc.shell_channel.send(message)
        reply = await self.reply(client, message["header"]["msg_id"], name)
        try:
            return wire.decode_reply(reply["content"], reply.get("buffers", []), nonce=nonce, grade_id=name)
        except StudentError as error:
            return Observation({"error": {"type": "MalformedReply", "message": str(error), "frames": []}}, {})

    async def reply(self, client: LimitedClient, request: str, name: str) -> dict[str, Any]:
        """The reply to one request, after an interrupt if need be; KernelLost when there is none."""
        for patience_s, interrupt in ((self.deadlines.probe_s, True), (self.deadlines.interrupt_s, False)):
            end = time.monotonic() + patience_s
            while (left := end - time.monotonic()) > 0:
                try:
                    message: dict[str, Any] = await client.kc.shell_channel.get_msg(timeout=min(left, 1.0))
                except Empty:
                    if not await client.kc.is_alive():
                        raise KernelLost("the kernel died while the student's function was called") from None
                    continue
                if message["parent_header"].get("msg_id") == request:
                    return message
            if interrupt:
                self.fault(name, "probe_timeout", f"a call took longer than the {self.deadlines.probe_s:.0f} s allowed")
                await client.km.interrupt_kernel()
        raise KernelLost("the student's function neither returned nor could be interrupted")

    def fault(self, where: str, kind: Any, message: str) -> None:
        """Note what went wrong."""
        self.result.faults.append(Fault(where, kind, message))


def reason(error: Exception) -> str:
    """Why the kernel is gone, in words for a table."""
    if isinstance(error, CellTimeoutError):
        return "the cell neither finished nor could be interrupted"
    if isinstance(error, DeadKernelError):
        return "the kernel died in this cell (os._exit, a crash, or out of memory)"
    return f"the kernel did not start or answer: {error}"
