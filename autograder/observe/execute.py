"""Run an aligned notebook headless, and probe the student's functions at each grade cell."""

import asyncio
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets.config import Config

from autograder.assignment import Assignment
from autograder.cells import grade_id, is_code_solution, is_judged, judged_by, solution_before
from autograder.errors import KernelLost, Starved, StudentError
from autograder.kernel import shipping
from autograder.models import Fault, Observation
from autograder.observe import wire
from autograder.observe.channel import KernelChannel
from autograder.observe.elsewhere import Cause, LeftOut, cell_request

RESTARTS_MAX = 8
"""How often a notebook is resumed without the cell that killed its kernel."""
CELL_OUTPUT_BYTES = 1_000_000
NOTEBOOK_OUTPUT_BYTES = 4_000_000
"""Kept of what cells print and show; the rest of a flood is dropped."""


@dataclass(frozen=True)
class Deadlines:
    """How long a submission may take, in its own time: what its threads wait for a processor does not count."""

    block_s: float = 10.0
    """For the cells between two probes in one go; when they take longer, they are run again one by one."""
    cell_s: float = 30.0
    probe_s: float = 15.0
    submission_s: float = 300.0
    interrupt_s: float = 5.0
    """Grace after an interrupt before the kernel is killed."""
    startup_s: float = 60.0
    waiting_s: float = 120.0
    """How long a whole run may wait for a processor besides; then it is run again alone."""


@dataclass
class Observed:
    """What one run left: the executed notebook, observations by grade id, and what went wrong."""

    notebook: NotebookNode
    observations: dict[str, Observation] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    starved: bool = False
    """Whether it did not get its time: run alone, it may."""
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


@dataclass(frozen=True)
class Kernel:
    """Which kernel to start, and its provisioner's configuration."""

    name: str
    config: Config = field(default_factory=Config)
    env: dict[str, str] = field(default_factory=dict)
    """The whole environment of a kernel that has no sandbox to choose it."""
    prepared: bool = False
    """Whether its zygote has run the text of shipping.ahead."""


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
        asked: Mapping[str, frozenset[str]] | None = None,
        unread: Mapping[str, str] | None = None,
        causes: tuple[Cause, ...] = (),
    ) -> None:
        self.assignment, self.seed, self.deadlines = assignment, seed, deadlines
        self.asked = asked or {}
        """Solution cell -> the functions that it is asked for: an older one of that name is not taken for them."""
        self.unread = unread or {}
        """Name -> why what the student wrote to bind it is not run."""
        self.causes = causes
        """What this submission may lack here, besides what all may."""
        self.kernel, self.folder = kernel, folder
        self.installer = "" if kernel.prepared else shipping.installer(assignment)
        self.result = Observed(notebook)
        self.lost: set[str] = set()
        self.skipped: set[int] = set()
        self.position = 0
        self.own_s = self.waited_s = 0.0
        self.limit_hit = ""

    def run(self) -> Observed:
        """Execute and probe; every fault ends up in the result, none is raised."""
        started = time.monotonic()
        asyncio.run(self.run_with_restarts())
        self.result.wall_s = time.monotonic() - started
        return self.result

    async def run_with_restarts(self) -> None:
        """Run the notebook in blocks; after any trouble cell by cell; after a lost kernel without the culprit."""
        for attempt in range(RESTARTS_MAX + 2):
            try:
                await self.run_once(in_blocks=attempt == 0)
                return
            except KernelLost as error:
                # The whole run has used these up: the cell that was running then is not to blame.
                if self.limit_hit in ("cpu_s", "wall_s"):
                    self.result.starved = self.limit_hit == "wall_s"
                    return
                if attempt > 0:
                    self.blame(str(error))
            except Starved as error:
                self.result.starved = True
                self.fault("submission", "starved", str(error))
                return
            except TimeoutError:
                allowed = f"the submission took longer than the {self.deadlines.submission_s:.0f} s allowed"
                self.fault("submission", "deadline", allowed)
                return

    def blame(self, message: str) -> None:
        """Leave out the cell that was running when the kernel was lost, and the solution behind a grade cell.

        The exercises of that solution stay unobserved: what else they would have done nobody can know.
        """
        cells = self.result.notebook.cells
        cell = cells[self.position]
        self.skipped.add(self.position)
        if is_judged(cell) or is_code_solution(cell):
            found = solution_before(cells, self.position)
            solution = self.position if found is None else found
            self.skipped.add(solution)
            self.lost |= set(judged_by(cells).get(grade_id(cells[solution]), ())) - self.result.observations.keys()
        self.fault(grade_id(cell) or f"cell {self.position + 1}", "kernel_lost", message)

    async def run_once(self, *, in_blocks: bool) -> None:
        """Start a kernel, run the cells in order, probe at each grade cell, kill the kernel.

        In blocks, the cells up to a probe are one request, which takes a third of the time but tells less:
        whatever goes wrong ends with KernelLost, and the next run, cell by cell, finds out where.
        """
        manager = AsyncKernelManager(kernel_name=self.kernel.name, config=self.kernel.config)
        self.output_bytes = NOTEBOOK_OUTPUT_BYTES
        self.left_out = LeftOut.of(self.result.notebook, self.unread, self.skipped, self.causes)
        try:
            with self.result.timed("ready"):
                await self.start(manager)
            with closing(KernelChannel(manager)) as channel:
                with self.result.timed("ready"):
                    await self.install(channel)
                for block in blocks(self.result.notebook.cells, whole=in_blocks):
                    await self.run_block(channel, block)
        finally:
            await self.end(manager)

    async def start(self, manager: AsyncKernelManager) -> None:
        """Start the kernel; Starved when that fails for another reason than the sandbox."""
        # What the kernel writes to its own descriptors must not reach the operator's terminal.
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            await manager.start_kernel(cwd=str(self.folder), env=self.kernel.env, **streams)
        except (RuntimeError, KernelLost) as error:
            raise Starved(f"the kernel did not start: {error}") from error

    async def install(self, channel: KernelChannel) -> None:
        """Have runner and agent in the kernel; Starved when it does not come so far: no cell has run yet."""
        allowed = self.deadlines
        try:
            await channel.install(allowed.startup_s, self.installer, waiting_s=allowed.waiting_s)
        except KernelLost as error:
            raise Starved(str(error)) from error

    async def ask(self, channel: KernelChannel, request: str, own_s: float) -> dict[str, Any] | None:
        """The reply to a request, None when there is none in that much of the kernel's own time.

        TimeoutError when the whole submission has used up what it is allowed. Every wait that counts goes through here.
        """
        left = self.deadlines.submission_s - self.own_s
        waiting_s = max(0.0, self.deadlines.waiting_s - self.waited_s)
        own, wall = channel.clock.own_s, time.monotonic()
        try:
            reply = await channel.reply(request, min(own_s, left), waiting_s=waiting_s)
        finally:
            used = channel.clock.own_s - own
            self.own_s += used
            self.waited_s += max(0.0, time.monotonic() - wall - used)
        if reply is None and left <= own_s:
            raise TimeoutError
        return reply

    async def end(self, manager: AsyncKernelManager) -> None:
        """Kill the kernel and add up what it cost."""
        provisioner: Any = manager.provisioner
        if provisioner is not None:
            # Before shutdown_kernel, which would interrupt the cell first and have it print a traceback.
            await provisioner.kill()
        await manager.shutdown_kernel(now=True)
        self.account(provisioner)

    def account(self, provisioner: Any) -> None:
        """Add what the kernel cost and note a limit that it ran into; an ordinary kernel does not tell."""
        self.result.cpu_s += getattr(provisioner, "cpu_s", 0.0)
        peak = getattr(provisioner, "peak_memory_bytes", 0)
        self.result.peak_memory_bytes = max(self.result.peak_memory_bytes, peak)
        self.result.layers = getattr(provisioner, "layers", {})
        hit = getattr(provisioner, "limit_hit", None)
        self.limit_hit = hit.name if hit and hit.killed else ""
        if hit is not None:
            self.fault("submission", "limit", f"the limit {hit} was exceeded")

    async def run_block(self, channel: KernelChannel, block: range) -> None:
        """Run the cells of a block but those to be left out; probe if the last one is a grade cell."""
        cells = self.result.notebook.cells
        chosen = [i for i in block if cells[i].cell_type == "code" and self.is_wanted(i)]
        self.position = block[-1]
        if chosen:
            with self.result.timed("cells"):
                await self.run_cells(channel, chosen, alone=len(block) == 1)
        name = grade_id(cells[block[-1]])
        if is_judged(cells[block[-1]]) and self.is_wanted(block[-1]):
            with self.result.timed("probes"):
                await self.observe(channel, name)

    def is_wanted(self, position: int) -> bool:
        """Whether a cell is to be run: it killed no kernel, and its exercise is neither lost nor observed."""
        cell = self.result.notebook.cells[position]
        done = self.lost | self.result.observations.keys()
        return position not in self.skipped and not (is_judged(cell) and grade_id(cell) in done)

    async def run_cells(self, channel: KernelChannel, positions: list[int], *, alone: bool) -> None:
        """Run code cells as one request and keep their outputs; KernelLost when they do not finish.

        A cell that runs alone is interrupted first, so that what it has defined by then is kept.
        """
        cells = [self.result.notebook.cells[i] for i in positions]
        bounds = {"cell_output_bytes": CELL_OUTPUT_BYTES, "output_bytes": self.output_bytes}
        rows = [cell_request(cell, self.asked.get(grade_id(cell), ())) for cell in cells]
        request = channel.send(
            "cells_request",
            {"cells": rows, "elsewhere": self.left_out.patterns, "lost": [*self.left_out.lost], **bounds},
        )
        reply = await self.ask(channel, request, self.deadlines.cell_s if alone else self.deadlines.block_s)
        if reply is None and alone:
            note = f"ran longer than the {self.deadlines.cell_s:.0f} s allowed and was interrupted"
            self.fault(grade_id(cells[0]) or f"cell {positions[0] + 1}", "cell_timeout", note)
            reply = await self.interrupted(channel, request)
        if reply is None:
            raise KernelLost("the cell neither finished nor could be interrupted")
        for position, row in zip(positions, outputs_of(reply, len(cells)), strict=True):
            self.keep_outputs(position, row)

    def keep_outputs(self, position: int, row: wire.CellRun) -> None:
        """Put a cell's outputs into the notebook; say so when they passed a bound."""
        cell = self.result.notebook.cells[position]
        cell.execution_count, cell.outputs = row.execution_count, row.outputs
        for fault in self.left_out.note(cell, grade_id(cell) or "an added cell", row.failures):
            self.fault(fault.where, fault.kind, fault.message)
        allowed = min(CELL_OUTPUT_BYTES, self.output_bytes)
        if row.output_bytes > allowed:
            note = f"the limit output_bytes = {allowed:,} was exceeded; the rest of the output was dropped"
            self.fault(grade_id(cell) or f"cell {position + 1}", "limit", note)
        self.output_bytes = max(0, self.output_bytes - row.output_bytes)

    async def observe(self, channel: KernelChannel, name: str) -> None:
        """Keep one probe's observation; a reply that cannot be used is an observation of an error."""
        nonce = secrets.token_hex(16)
        reply = await self.probed(channel, name, nonce)
        try:
            observation = wire.decode_reply(reply["content"], reply.get("buffers", []), nonce=nonce, grade_id=name)
        except StudentError as error:
            observation = Observation({"error": {"type": "MalformedReply", "message": str(error), "frames": []}}, {})
        self.result.observations[name] = observation
        for fault in self.left_out.explain(name, observation):
            self.fault(fault.where, fault.kind, fault.message)

    async def probed(self, channel: KernelChannel, name: str, nonce: str) -> dict[str, Any]:
        """The reply to one probe, after an interrupt if need be; KernelLost when there is none."""
        content = {"nonce": nonce, "grade_id": name, "seed": self.seed}
        request = channel.send("probe_request", content)
        reply = await self.ask(channel, request, self.deadlines.probe_s)
        if reply is None:
            self.fault(name, "probe_timeout", f"a call took longer than the {self.deadlines.probe_s:.0f} s allowed")
            reply = await self.interrupted(channel, request)
        if reply is None:
            raise KernelLost("the student's function neither returned nor could be interrupted")
        return reply

    async def interrupted(self, channel: KernelChannel, request: str) -> dict[str, Any] | None:
        """The reply that an interrupt brought about, if it did."""
        await channel.manager.interrupt_kernel()
        return await self.ask(channel, request, self.deadlines.interrupt_s)

    def fault(self, where: str, kind: Any, message: str) -> None:
        """Note what went wrong, once."""
        fault = Fault(where, kind, message)
        if fault not in self.result.faults:
            self.result.faults.append(fault)


def blocks(cells: Sequence[NotebookNode], *, whole: bool) -> Iterator[range]:
    """Runs of cells that end with a grade cell, or with the notebook; single cells unless ``whole``."""
    start = 0
    for position, cell in enumerate(cells):
        if not whole or is_judged(cell) or position == len(cells) - 1:
            yield range(start, position + 1)
            start = position + 1


def outputs_of(reply: dict[str, Any], cells: int) -> list[wire.CellRun]:
    """One row per cell; when the reply cannot be read, the reason in place of each cell's outputs."""
    try:
        return wire.decode_outputs(reply.get("buffers", []), cells)
    except StudentError as error:
        return [wire.CellRun(outputs=[new_output("stream", name="stderr", text=f"[{error}]\n")])] * cells
