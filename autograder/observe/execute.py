"""Run an aligned notebook headless, and probe the student's functions at each grade cell."""

import time
from collections.abc import Collection, Mapping
from pathlib import Path

from nbformat import NotebookNode

from autograder.assignment import Assignment
from autograder.cells import grade_id, is_code_solution, is_judged, judged_by, solution_before
from autograder.errors import KernelLost, Starved
from autograder.observe.attempt import Attempt, Run
from autograder.observe.elsewhere import Cause
from autograder.observe.observed import Deadlines, Kernel, Observed
from autograder.observe.own_cells import own_fault
from autograder.observe.stop import Stop

RESTARTS_MAX = 8
"""How often a notebook is resumed without the cell that killed its kernel."""


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
        once: Collection[str] = (),
        measured: str = "",
        stop: Stop | None = None,
    ) -> None:
        self.stop = stop or Stop()
        self.state = Run(
            Observed(notebook), assignment, seed, kernel, folder, deadlines, asked or {}, unread or {}, causes,
            measured=measured,
            once=frozenset(once),
        )  # fmt: skip

    def run(self) -> Observed:
        """Execute and probe; every fault of the submission's ends up in the result. Interrupted on request."""
        started = time.monotonic()
        self.stop.run(self.run_with_restarts())
        self.state.result.wall_s = time.monotonic() - started
        if self.state.own_failures:
            self.state.result.faults.append(own_fault(self.state.own_failures))
        return self.state.result

    async def run_with_restarts(self) -> None:
        """Run the notebook in blocks; after any trouble cell by cell; after a lost kernel without the culprit."""
        for attempt in range(RESTARTS_MAX + 2):
            in_blocks = attempt == 0 and self.state.deadlines.block_s > 0
            try:
                await Attempt(self.state, in_blocks=in_blocks).complete()
                return
            except KernelLost as error:
                # The whole run has used these up: the cell that was running then is not to blame.
                if self.state.limit_hit in ("cpu_s", "wall_s"):
                    self.state.result.starved = self.state.limit_hit == "wall_s"
                    return
                if not in_blocks:
                    self.blame(str(error))
            except Starved as error:
                self.state.result.starved = True
                self.state.fault("submission", "starved", str(error))
                return
            except TimeoutError:
                allowed = f"the submission took longer than the {self.state.deadlines.submission_s:.0f} s allowed"
                self.state.fault("submission", "deadline", allowed)
                return

    def blame(self, message: str) -> None:
        """Leave out the cell that was running when the kernel was lost, and the solution behind a grade cell.

        The exercises of that solution stay unobserved: what else they would have done nobody can know.
        """
        state, cells = self.state, self.state.result.notebook.cells
        cell = cells[state.position]
        state.skipped.add(state.position)
        if is_judged(cell) or is_code_solution(cell):
            found = solution_before(cells, state.position)
            solution = state.position if found is None else found
            state.skipped.add(solution)
            judged = judged_by(cells).get(grade_id(cells[solution]), ())
            state.lost |= set(judged) - state.result.observations.keys()
        state.fault(grade_id(cell) or f"cell {state.position + 1}", "kernel_lost", message)
