"""One kernel's life: a notebook's cells and probes, until the kernel is ended, lost or out of time."""

import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode

from autograder.assignment import Assignment
from autograder.cells import grade_id, is_given, is_judged, is_only_shown
from autograder.errors import KernelLost, Starved, StudentError
from autograder.kernel import shipping
from autograder.models import Fault, Observation
from autograder.observe import wire
from autograder.observe.channel import KernelChannel
from autograder.observe.elsewhere import Cause, LeftOut, cell_request
from autograder.observe.measured import measured_in
from autograder.observe.observed import Deadlines, Kernel, Observed
from autograder.observe.own_cells import error_in

CELL_OUTPUT_BYTES = 1_000_000
NOTEBOOK_OUTPUT_BYTES = 4_000_000
"""Kept of what cells print and show; the rest of a flood is dropped."""
NOT_RUN = "[not run when graded: hidden tests decide about this exercise]\n"
"""In place of what a visible check would say."""


@dataclass
class Run:
    """What is to be observed of one submission, and how far all attempts together have come."""

    result: Observed
    assignment: Assignment
    seed: int
    kernel: Kernel
    folder: Path
    deadlines: Deadlines
    asked: Mapping[str, frozenset[str]]
    """Solution cell -> the functions that it is asked for: an older one of that name is not taken for them."""
    unread: Mapping[str, str]
    """Name -> why what the student wrote to bind it is not run."""
    causes: tuple[Cause, ...]
    """What this submission may lack here, besides what all may."""
    lost: set[str] = field(default_factory=set)
    """Grade cells that nobody can observe any more."""
    once: frozenset[str] = frozenset()
    """Grade ids of cells that are not run a second time."""
    measured: str = ""
    """The probe that is asked at the end what was measured."""
    skipped: set[int] = field(default_factory=set)
    """Positions of cells that killed a kernel."""
    begun: set[str] = field(default_factory=set)
    """Those of ``once`` that have been run."""
    own_failures: dict[str, str] = field(default_factory=dict)
    """Of the last kernel: which of the instructor's cells failed, and with what."""
    position: int = 0
    """Of the cell that is run."""
    own_s: float = 0.0
    waited_s: float = 0.0
    limit_hit: str = ""

    def fault(self, where: str, kind: Any, message: str) -> None:
        """Note what went wrong, once."""
        fault = Fault(where, kind, message)
        if fault not in self.result.faults:
            self.result.faults.append(fault)


class Attempt:
    """A run of the whole notebook in one kernel.

    KernelLost when something ends the kernel, Starved when it does not get its time, TimeoutError when the
    submission has used up what it is allowed.
    """

    def __init__(self, run: Run, *, in_blocks: bool) -> None:
        self.run = run
        self.in_blocks = in_blocks
        self.output_bytes = NOTEBOOK_OUTPUT_BYTES
        self.done_before = frozenset(run.begun)
        run.own_failures.clear()
        self.left_out = LeftOut.of(run.result.notebook, run.unread, run.skipped, run.causes)
        self.installer = "" if run.kernel.prepared else shipping.installer(run.assignment)

    async def complete(self) -> None:
        """Start a kernel, run the cells in order, probe at each grade cell, kill the kernel.

        In blocks, the cells up to a probe are one request, which takes less time but tells less:
        whatever goes wrong ends with KernelLost, and the next run, cell by cell, finds out where.
        """
        manager = AsyncKernelManager(kernel_name=self.run.kernel.name, config=self.run.kernel.config)
        try:
            with self.run.result.timed("ready"):
                await self.start(manager)
            with closing(KernelChannel(manager)) as channel:
                with self.run.result.timed("ready"):
                    await self.install(channel)
                for block in blocks(self.run.result.notebook.cells, whole=self.in_blocks):
                    await self.run_block(channel, block)
                await self.measure(channel)
        finally:
            await self.end(manager)

    async def start(self, manager: AsyncKernelManager) -> None:
        """Start the kernel; Starved when that fails for another reason than the sandbox."""
        # What the kernel writes to its own descriptors must not reach the operator's terminal.
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            await manager.start_kernel(cwd=str(self.run.folder), env=self.run.kernel.env, **streams)
        except (RuntimeError, KernelLost) as error:
            raise Starved(f"the kernel did not start: {error}") from error

    async def install(self, channel: KernelChannel) -> None:
        """Have runner and agent in the kernel; Starved when it does not come so far: no cell has run yet."""
        allowed = self.run.deadlines
        try:
            await channel.install(allowed.startup_s, self.installer, waiting_s=allowed.waiting_s)
        except KernelLost as error:
            raise Starved(str(error)) from error

    async def ask(self, channel: KernelChannel, request: str, own_s: float) -> dict[str, Any] | None:
        """The reply to a request, None when there is none in that much of the kernel's own time.

        TimeoutError when the whole submission has used up what it is allowed. Every wait that counts goes through here.
        """
        left = self.run.deadlines.submission_s - self.run.own_s
        waiting_s = max(0.0, self.run.deadlines.waiting_s - self.run.waited_s)
        own, wall = channel.clock.own_s, time.monotonic()
        try:
            reply = await channel.reply(request, min(own_s, left), waiting_s=waiting_s)
        finally:
            used = channel.clock.own_s - own
            self.run.own_s += used
            self.run.waited_s += max(0.0, time.monotonic() - wall - used)
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
        """Add what the kernel cost and note a limit that it ran into; an ordinary kernel does not tell.

        Starved when it was ended because nobody could watch it: what it did is not known.
        """
        self.run.result.cpu_s += getattr(provisioner, "cpu_s", 0.0)
        peak = getattr(provisioner, "peak_memory_bytes", 0)
        self.run.result.peak_memory_bytes = max(self.run.result.peak_memory_bytes, peak)
        self.run.result.add_gpu_use(getattr(provisioner, "gpu_use", {}))
        self.run.result.layers = getattr(provisioner, "layers", {})
        hit = getattr(provisioner, "limit_hit", None)
        self.run.limit_hit = hit.name if hit and hit.killed else ""
        if hit is not None:
            self.run.fault("submission", "limit", f"the limit {hit} was exceeded")
        if problem := getattr(provisioner, "unwatched", ""):
            raise Starved(f"the kernel could not be watched and was ended ({problem})")

    async def run_block(self, channel: KernelChannel, block: range) -> None:
        """Run the cells of a block but those to be left out; probe if the last one is a grade cell."""
        cells = self.run.result.notebook.cells
        shown = [i for i in block if is_only_shown(cells[i])]
        for i in shown:
            cells[i].execution_count, cells[i].outputs = None, [wire.text_output("stdout", NOT_RUN)]
        chosen = [i for i in block if cells[i].cell_type == "code" and i not in shown and self.is_wanted(i)]
        self.run.position = block[-1]
        self.run.begun |= self.run.once & {grade_id(cells[i]) for i in chosen}
        if chosen:
            with self.run.result.timed("cells"):
                await self.run_cells(channel, chosen, alone=len(block) == 1)
        name = grade_id(cells[block[-1]])
        if is_judged(cells[block[-1]]) and self.is_wanted(block[-1]):
            with self.run.result.timed("probes"):
                await self.observe(channel, name)

    def is_wanted(self, position: int) -> bool:
        """Whether a cell is to be run: it killed no kernel, and its exercise is neither lost nor observed.

        Nor does it train again what an earlier kernel has trained.
        """
        cell = self.run.result.notebook.cells[position]
        if grade_id(cell) in self.done_before:
            return False
        done = self.run.lost | self.run.result.observations.keys()
        return position not in self.run.skipped and not (is_judged(cell) and grade_id(cell) in done)

    async def run_cells(self, channel: KernelChannel, positions: list[int], *, alone: bool) -> None:
        """Run code cells as one request and keep their outputs; KernelLost when they do not finish.

        A cell that runs alone is interrupted first, so that what it has defined by then is kept.
        """
        cells = [self.run.result.notebook.cells[i] for i in positions]
        bounds = {"cell_output_bytes": CELL_OUTPUT_BYTES, "output_bytes": self.output_bytes}
        rows = [cell_request(cell, self.run.asked.get(grade_id(cell), ())) for cell in cells]
        request = channel.send(
            "cells_request",
            {"cells": rows, "elsewhere": self.left_out.patterns, "lost": [*self.left_out.lost], **bounds},
        )
        reply = await self.ask(channel, request, self.run.deadlines.cell_s if alone else self.run.deadlines.block_s)
        if reply is None and alone:
            note = f"ran longer than the {self.run.deadlines.cell_s:.0f} s allowed and was interrupted"
            self.run.fault(grade_id(cells[0]) or f"cell {positions[0] + 1}", "cell_timeout", note)
            reply = await self.interrupted(channel, request)
        if reply is None:
            raise KernelLost("the cell neither finished nor could be interrupted")
        for position, row in zip(positions, outputs_of(reply, len(cells)), strict=True):
            self.keep_outputs(position, row)

    def keep_outputs(self, position: int, row: wire.CellRun) -> None:
        """Put a cell's outputs into the notebook; say so when they passed a bound."""
        cell = self.run.result.notebook.cells[position]
        cell.execution_count, cell.outputs = row.execution_count, row.outputs
        for fault in self.left_out.note(cell, grade_id(cell) or "an added cell", row.failures):
            self.run.fault(fault.where, fault.kind, fault.message)
        if is_given(cell) and (error := error_in(row.outputs, row.execution_count)):
            self.run.own_failures[grade_id(cell)] = error
        allowed = min(CELL_OUTPUT_BYTES, self.output_bytes)
        if row.output_bytes > allowed:
            note = f"the limit output_bytes = {allowed:,} was exceeded; the rest of the output was dropped"
            self.run.fault(grade_id(cell) or f"cell {position + 1}", "limit", note)
        self.output_bytes = max(0, self.output_bytes - row.output_bytes)

    async def observe(self, channel: KernelChannel, name: str) -> None:
        """Keep one probe's observation; a reply that cannot be used is an observation of an error."""
        nonce = secrets.token_hex(16)
        reply = await self.probed(channel, name, nonce)
        try:
            observation = wire.decode_reply(reply["content"], reply.get("buffers", []), nonce=nonce, grade_id=name)
        except StudentError as error:
            observation = Observation({"error": {"type": "MalformedReply", "message": str(error), "frames": []}}, {})
        self.run.result.observations[name] = observation
        for fault in self.left_out.explain(name, observation):
            self.run.fault(fault.where, fault.kind, fault.message)

    async def measure(self, channel: KernelChannel) -> None:
        """Keep what the notebook has measured, if the profile asks for it; where nobody answers there is nothing."""
        if self.run.measured:
            nonce = secrets.token_hex(16)
            with suppress(KernelLost, TimeoutError, StudentError):
                reply = await self.probed(channel, self.run.measured, nonce)
                content, buffers = reply["content"], reply.get("buffers", [])
                found = wire.decode_reply(content, buffers, nonce=nonce, grade_id=self.run.measured)
                self.run.result.measured = measured_in(found)

    async def probed(self, channel: KernelChannel, name: str, nonce: str) -> dict[str, Any]:
        """The reply to one probe, after an interrupt if need be; KernelLost when there is none."""
        content = {"nonce": nonce, "grade_id": name, "seed": self.run.seed}
        request = channel.send("probe_request", content)
        reply = await self.ask(channel, request, self.run.deadlines.probe_s)
        if reply is None:
            self.run.fault(
                name, "probe_timeout", f"a call took longer than the {self.run.deadlines.probe_s:.0f} s allowed"
            )
            reply = await self.interrupted(channel, request)
        if reply is None:
            raise KernelLost("the student's function neither returned nor could be interrupted")
        return reply

    async def interrupted(self, channel: KernelChannel, request: str) -> dict[str, Any] | None:
        """The reply that an interrupt brought about, if it did."""
        await channel.manager.interrupt_kernel()
        return await self.ask(channel, request, self.run.deadlines.interrupt_s)


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
        return [wire.CellRun(outputs=[wire.text_output("stderr", f"[{error}]\n")])] * cells
