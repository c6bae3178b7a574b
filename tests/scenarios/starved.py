"""A class on one processor in which two submissions start 110 spinning processes each.

    python -m tests.scenarios.starved

runs it three times (``--small``: a small one once) and prints what everybody scores, and how much longer neighbours
take beside spinners than beside ordinary submissions; the exit status is 1 when right work lost a point to the machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode

from autograder.classrun.grade import grade as grade_class
from autograder.classrun.settings import settings_of
from autograder.kernel import zygote
from autograder.models import Graded, Submission
from autograder.observe.observed import Deadlines
from tests import builders
from tests.builders import NAME
from tests.scenarios.hostile.making import before

SPINNERS = 110
SPIN = """
import os
for _ in range($count):
    if os.fork() == 0:
        while True:
            pass
"""
ENDLESS = {
    "loop": "def train_attention_only(model):\n    while True:\n        pass\n",
    "sleep": "import time\n\ndef train_attention_only(model):\n    time.sleep(1e6)\n",
}
DEADLINES = Deadlines(block_s=4.0, cell_s=2.5, probe_s=2.5, submission_s=60.0, interrupt_s=2.0)
"""Short, so that a limit on wall time would not leave a point to anybody."""


@dataclass(frozen=True)
class Crowd:
    """Who hands in: right ones that start spinning processes, those that do not end, and their neighbours."""

    spinners: int = SPINNERS
    neighbours: int = 4
    spinning: int = 2

    def submissions(self) -> dict[str, NotebookNode]:
        """Notebook by student; the spinners come first, so that everybody is their neighbour."""
        spin = before(SPIN.replace("$count", str(self.spinners)))
        spinners = {f"spinner{n}": spin(builders.submission()) for n in range(self.spinning)}
        endless = {name: builders.submission({"solution_todo1": code}) for name, code in ENDLESS.items()}
        return {**spinners, **self.honest(self.neighbours), **endless}

    def ordinary(self) -> dict[str, NotebookNode]:
        """As many neighbours, and ordinary submissions in the place of the spinners."""
        return self.honest(self.neighbours + self.spinning)

    def honest(self, count: int) -> dict[str, NotebookNode]:
        """So many right submissions."""
        return {f"neighbour{n}": builders.submission() for n in range(count)}


def grade(folder: Path, notebooks: Mapping[str, NotebookNode], jobs: int) -> dict[str, Graded]:
    """The class's results by student, graded where this process may run."""
    course = builders.make_course(folder)
    source = course / "source" / NAME / f"{NAME}.ipynb"
    settings = replace(settings_of(builders.assignment(), source), deadlines=DEADLINES, jobs=jobs)
    submissions = [Submission(s, NAME, builders.hand_in(course, s, made)) for s, made in notebooks.items()]
    return {one.submission.student: one for one in grade_class(submissions, settings, course / "records")}


def wronged(graded: Mapping[str, Graded]) -> list[str]:
    """What right work lost to the machine, and what endless work kept: nothing, when time is everybody's own."""
    return [
        f"{student}: {score.grade_id} has {score.points}"
        for student, one in graded.items()
        for score in one.scores
        if wronged_points(student, score.grade_id, score.max_score, score.points)
    ]


def wronged_points(student: str, name: str, full: float, points: float | None) -> bool:
    """Whether somebody did not get what they deserve; a person may have to decide about whoever spins."""
    if points is None:
        return not student.startswith("spinner")
    return points != (0.0 if student in ENDLESS and name == "todo1" else full)


def wall_s(graded: Mapping[str, Graded]) -> float:
    """How long the neighbours' runs took, in the middle."""
    return statistics.median(one.record.wall_s for student, one in graded.items() if student.startswith("neighbour"))


def shown(graded: Mapping[str, Graded]) -> str:
    """A line per student: time, total, and what was noted."""
    lines = []
    for student, one in graded.items():
        total = "?" if one.total is None else f"{one.total:g}"
        notes = "; ".join(fault.message for fault in one.record.faults)
        lines.append(f"  {student:12} {one.record.wall_s:6.1f} s  {total:>4}  {notes}")
    return "\n".join(lines)


def once(crowd: Crowd) -> list[str]:
    """Grade the neighbours beside ordinary submissions and then beside spinners; prints both, returns who was wronged.

    All of them run at a time, so that the spinners are there from beginning to end.
    """
    jobs = crowd.neighbours + crowd.spinning
    with tempfile.TemporaryDirectory() as quiet, tempfile.TemporaryDirectory() as crowded:
        usual = wall_s(grade(Path(quiet), crowd.ordinary(), jobs))
        graded = grade(Path(crowded), crowd.submissions(), jobs)
    beside = wall_s(graded)
    print(shown(graded), flush=True)
    print(f"  neighbours: {usual:.2f} s beside ordinary submissions, {beside:.2f} s here, x {beside / usual:.2f}")
    return wronged(graded)


SMALL = Crowd(spinners=24, neighbours=1, spinning=1)


def main(crowd: Crowd, times: int) -> int:
    """The exit status."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # The warm parent starts with the first kernel and is everybody's: not part of anybody's time.
    with tempfile.TemporaryDirectory() as folder:
        grade(Path(folder), {"first": builders.submission()}, jobs=1)
    found = [line for _ in range(times) for line in once(crowd)]
    zygote.close_all()
    print("\n".join(found) or "nobody was wronged")
    return 1 if found else 0


if __name__ == "__main__":
    small = "--small" in sys.argv
    sys.exit(main(SMALL if small else Crowd(), 1 if small else 3))
