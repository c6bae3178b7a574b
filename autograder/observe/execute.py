"""Run an aligned notebook headless, and probe the student's functions at each grade cell."""

import asyncio
import secrets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer

from autograder.assignments import Assignment
from autograder.errors import KernelLost, StudentError
from autograder.models import Fault, Observation
from autograder.observe import wire
from autograder.submission.align import grade_id

AGENT = (Path(__file__).parent / "agent.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Limits:
    """How long a submission may take."""

    cell_s: float = 30.0
    probe_s: float = 15.0
    submission_s: float = 300.0
    interrupt_s: float = 5.0
    """Grace after an interrupt before the kernel is killed."""
    startup_s: float = 60.0
    restarts: int = 3
    """How often a notebook is resumed without the cell that killed its kernel."""
    output_bytes: int = 2_000_000
    """Kept per cell; the rest of a flood is dropped."""


@dataclass
class Observed:
    """What one run left: the executed notebook, observations by grade id, and what went wrong."""

    notebook: NotebookNode
    observations: dict[str, Observation] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    wall_s: float = 0.0


class LimitedClient(NotebookClient):
    """nbclient, with a bound on the output that it keeps of one cell."""

    kc: Any
    km: Any
    output_bytes = Integer(2_000_000)

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], *where: Any) -> Any:
        """Keep an output while the cell is within its bound; say once that the rest was dropped."""
        spent = sum(len(str(out)) for out in outs[-50:]) if len(outs) < 1000 else self.output_bytes
        if spent + len(str(msg["content"])) <= self.output_bytes:
            return super().output(outs, msg, *where)
        note = f"[more than {self.output_bytes:,} bytes of output: the rest was dropped]\n"
        if not outs or outs[-1].get("text") != note:
            outs.append(NotebookNode(output_type="stream", name="stderr", text=note))
        return outs[-1]


class Observer:
    """One submission's run. A cell that kills the kernel is left out and the rest is run again without it."""

    def __init__(
        self,
        notebook: NotebookNode,
        assignment: Assignment,
        *,
        seed: int,
        kernel_name: str,
        env: dict[str, str],
        folder: Path,
        limits: Limits,
    ) -> None:
        self.assignment, self.seed, self.limits = assignment, seed, limits
        self.kernel_name, self.env, self.folder = kernel_name, env, folder
        self.result = Observed(notebook)
        self.lost: set[str] = set()
        self.skipped: set[int] = set()
        self.position = 0
        self.deadline = time.monotonic() + limits.submission_s

    def run(self) -> Observed:
        """Execute and probe; every fault ends up in the result, none is raised."""
        started = time.monotonic()
        asyncio.run(self.run_with_restarts())
        self.result.wall_s = time.monotonic() - started
        return self.result

    async def run_with_restarts(self) -> None:
        """Run the notebook; after a lost kernel go on without the culprit, a few times."""
        for _ in range(self.limits.restarts + 1):
            try:
                async with asyncio.timeout(max(0.0, self.deadline - time.monotonic())):
                    await self.run_once()
                return
            except KernelLost as error:
                self.blame(str(error))
            except TimeoutError:
                allowed = f"the submission took longer than the {self.limits.submission_s:.0f} s allowed"
                self.fault("submission", "deadline", allowed)
                return

    def blame(self, message: str) -> None:
        """Leave out the cell that was running when the kernel was lost, and the TODOs that hang on it."""
        cell = self.result.notebook.cells[self.position]
        self.skipped.add(self.position)
        self.lost |= {name for name in self.grade_ids_of(self.position) if name not in self.result.observations}
        self.fault(grade_id(cell) or f"cell {self.position + 1}", "kernel_lost", message)

    def grade_ids_of(self, position: int) -> list[str]:
        """The grade cells that judge a cell: itself, or those between a solution cell and the next one."""
        cells = self.result.notebook.cells
        if is_grade(cells[position]):
            return [grade_id(cells[position])]
        names: list[str] = []
        if is_solution(cells[position]):
            for cell in cells[position + 1 :]:
                if is_solution(cell):
                    break
                if is_grade(cell):
                    names.append(grade_id(cell))
        return names

    async def run_once(self) -> None:
        """Start a kernel, run the cells in order, probe at each grade cell, kill the kernel."""
        manager = AsyncKernelManager(kernel_name=self.kernel_name)
        client = LimitedClient(
            self.result.notebook,
            km=manager,
            timeout=int(self.limits.cell_s),
            startup_timeout=int(self.limits.startup_s),
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeout", "evalue": "", "traceback": []},
            iopub_timeout=int(self.limits.interrupt_s),
            raise_on_iopub_timeout=True,
            allow_errors=True,
            shutdown_kernel="immediate",
            output_bytes=self.limits.output_bytes,
        )
        client.log.setLevel("CRITICAL")
        self.position = 0
        try:
            # What the kernel writes to its own descriptors must not reach the operator's terminal.
            await client.async_start_new_kernel(
                cwd=str(self.folder), env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            await client.async_start_new_kernel_client()
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

    async def run_cell(self, client: LimitedClient, cell: NotebookNode) -> None:
        """Run one cell unless it is to be left out; at a grade cell, probe."""
        name = grade_id(cell) if is_grade(cell) else None
        if self.position in self.skipped or name in self.lost or name in self.result.observations:
            return
        if cell.cell_type == "code":
            started = time.monotonic()
            await client.async_execute_cell(cell, self.position)
            if time.monotonic() - started >= self.limits.cell_s:
                note = f"ran longer than the {self.limits.cell_s:.0f} s allowed and was interrupted"
                self.fault(grade_id(cell) or f"cell {self.position + 1}", "cell_timeout", note)
        if name is not None:
            self.result.observations[name] = await self.probe(client, name)

    async def install_agent(self, client: LimitedClient) -> None:
        """Send the agent's source text into the kernel, in a namespace of its own."""
        code = f"(lambda ns: (exec({AGENT!r}, ns), ns['install'](get_ipython().kernel)))({{'__name__': 'agent'}})"
        reply = await client.kc.execute_interactive(
            code,
            store_history=False,
            allow_stdin=False,
            timeout=self.limits.startup_s,
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
        for patience_s, interrupt in ((self.limits.probe_s, True), (self.limits.interrupt_s, False)):
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
                self.fault(name, "probe_timeout", f"a call took longer than the {self.limits.probe_s:.0f} s allowed")
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
