"""How a class's cost and memory grow: distinct submissions graded for real, and copied Records judged and published.

Every size has a course of its own, in a process of its own that does what ``autograder grade`` and ``autograder
rejudge`` do. Memory is the largest resident set that Linux noted of any process of a kind (``VmHWM``); a child that was
forked counts what it shares with its parent.
"""

import contextlib
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
import typer
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from autograder.authoring.answers import fill, read_answers
from autograder.course import Course
from autograder.observe import record as records

ROOT = Path(__file__).parent.parent
NAME = "hw8_lora"
SAMPLES = ("perfect", "no_scaling", "wrong_start", "layers_9_and_10", "first_part_only")
"""Solutions of the sample class that run to their end: what hangs is a matter of deadlines, not of numbers."""
KINDS = {
    "pytest": "judge",
    "autograder.worker": "reader",
    "bwrap": "sandbox",
    "-S -s -P": "kernel",
}
"""Part of a command line -> whose it is; the first one that fits."""
LOOK_S = 0.2
COMMAND = """
import json, resource, sys, time
from autograder import cli
from autograder.kernel import zygote
sys.argv = ["autograder", *sys.argv[1:]]
started = time.monotonic()
try:
    cli.main()
except SystemExit as end:
    status = end.code
usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages) + zygote.cpu_s()
print(json.dumps([status, time.monotonic() - started, cpu]))
"""


@dataclass(frozen=True)
class Run:
    """What one command cost."""

    step: str
    number: int
    wall_s: float
    cpu_s: float
    peak_bytes: dict[str, int]
    """By kind of process."""


class Peaks:
    """Looks at a process and everything below it until it is told to end."""

    def __init__(self, pid: int) -> None:
        self.bytes: dict[str, int] = defaultdict(int)
        self._process, self._end = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(LOOK_S):
            try:
                self._note("grader", self._process)
                for child in self._process.children(recursive=True):
                    self._note(kind_of(child), child)
            except psutil.Error:
                continue

    def _note(self, kind: str, process: psutil.Process) -> None:
        # It may have ended since it was found.
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                self.bytes[kind] = max(self.bytes[kind], int(found[1]) * 1024)

    def end(self) -> dict[str, int]:
        """The largest by kind."""
        self._end.set()
        self._thread.join()
        return dict(self.bytes)


def kind_of(process: psutil.Process) -> str:
    """Whose process it is; kernels and their warm parent cannot be told apart."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return "other"
    return next((kind for part, kind in KINDS.items() if part in line), "other")


class Scale:
    """Courses of some sizes, and what grading them cost."""

    def __init__(self, workspace: Path, console: Console) -> None:
        self.workspace, self.console = workspace, console
        self.runs: list[Run] = []
        source = nbformat.read(ROOT / "source" / NAME / f"{NAME}.ipynb", as_version=4)
        answers = [read_answers(ROOT / "examples" / "class" / f"{name}.py") for name in SAMPLES]
        self.solutions = [fill(source, one) for one in answers]

    def course(self, label: str) -> Course:
        """A fresh course without submissions."""
        root = self.workspace / label
        for name in ("source", "grading"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "nbgrader_config.py", root)
        return Course(root)

    def hand_in(self, course: Course, number: int) -> None:
        """So many students, each with a notebook of their own."""
        for count, solution in zip(range(number), itertools.cycle(self.solutions)):
            path = course.submitted(student(count), NAME)
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(own_version(solution, count)), encoding="utf-8")

    def command(self, step: str, number: int, course: Course, *arguments: str) -> Run:
        """Run one command of the command line and note what it cost; a class that waits for a person is no error."""
        env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
        line = [sys.executable, "-c", COMMAND, "--course-dir", str(course.root), *arguments]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as process:
            peaks = Peaks(process.pid)
            try:
                said, _ = process.communicate()
            finally:
                found = peaks.end()
        status, wall, cpu = json.loads(said.splitlines()[-1])
        if status not in (0, 1):
            raise SystemExit(f"{step} of {number} ended with status {status}:\n{said[-3000:]}")
        self.runs.append(Run(step, number, wall, cpu, found))
        self.console.print(f"{step} {number}: {wall:.1f} s wall, {cpu:.1f} s CPU", highlight=False)
        return self.runs[-1]

    def grade(self, number: int) -> Course:
        """Distinct submissions, for real."""
        course = self.course(f"graded_{number}")
        self.hand_in(course, number)
        run = self.command("grade", number, course, "grade", NAME)
        # No parent collects the processor time of a kernel: its Record holds it.
        inside = sum(records.load(path).cpu_s for path in paths_of(course))
        self.runs[-1] = replace(run, cpu_s=run.cpu_s + inside)
        return course

    def copied(self, course: Course, number: int) -> Course:
        """A course in which so many students have copies of these submissions and Records, and nobody has a score."""
        copy = self.course(f"copied_{number}")
        for count, path in zip(range(number), itertools.cycle(paths_of(course))):
            record, notebook = records.read(path)
            target = records.path_of(copy.records(NAME), student(count))
            records.save(replace(record, student=student(count)), target, notebook)
            there = copy.submitted(student(count), NAME)
            there.parent.mkdir(parents=True)
            shutil.copy(course.submitted(record.student, NAME), there)
        return copy


def student(count: int) -> str:
    """The name of a student."""
    return f"s{count:06d}"


def own_version(solution: NotebookNode, count: int) -> NotebookNode:
    """The solution with a line of the student's own, so that no two files are alike."""
    cells = [*solution.cells]
    number = next(n for n, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("solution"))
    cells[number] = NotebookNode(cells[number] | {"source": f"{cells[number].source}\n# version {count}"})
    return NotebookNode(solution | {"cells": cells})


def paths_of(course: Course) -> list[Path]:
    """The files of all Records of a course."""
    return sorted(course.records(NAME).glob(f"*{records.SUFFIX}"))


def growth(runs: list[Run]) -> str:
    """How processor time grows from each size to the next: what one more costs, and the exponent."""
    told = []
    for first, last in itertools.pairwise(runs):
        more = (last.cpu_s - first.cpu_s) / (last.number - first.number)
        power = math.log(last.cpu_s / first.cpu_s) / math.log(last.number / first.number)
        told.append(f"{first.number:,} to {last.number:,}: {more:.4f} s for one more, exponent {power:.2f}")
    return "; ".join(told)


def show(runs: list[Run], console: Console) -> None:
    """What a submission cost, and the memory by kind of process."""
    kinds = sorted({kind for run in runs for kind in run.peak_bytes})
    table = Table(title="ms per submission; peak memory of one process in MiB", title_justify="left")
    for column in ("", "number", "wall", "CPU", *kinds):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for run in runs:
        peaks = [f"{run.peak_bytes[kind] / 2**20:.0f}" if kind in run.peak_bytes else "" for kind in kinds]
        costs = [f"{seconds / run.number * 1000:.1f}" for seconds in (run.wall_s, run.cpu_s)]
        table.add_row(run.step, f"{run.number:,}", *costs, *peaks)
    console.print(table)
    for step in dict.fromkeys(run.step for run in runs):
        if len(same := [run for run in runs if run.step == step]) > 1:
            console.print(f"processor time of {step}, {growth(same)}", highlight=False)


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A folder for some gigabytes, on disk."""
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        yield Path(folder)


def sizes_of(small: bool) -> dict[str, Any]:
    """How many are graded, copied and judged again."""
    return {"graded": (5, 10), "copied": 20} if small else {"graded": (50, 200, 1000), "copied": 5000}


def main(small: bool = False) -> None:
    """Grade classes of three sizes, publish one of copied Records, and judge the largest real one again."""
    console, sizes, started = Console(), sizes_of(small), time.monotonic()
    with workspace() as folder:
        scale = Scale(folder, console)
        for number in sizes["graded"]:
            course = scale.grade(number)
            scale.command("rejudge", number, course, "rejudge", NAME)
        copy = scale.copied(course, sizes["copied"])
        scale.command("publish copies", sizes["copied"], copy, "grade", NAME)
        scale.command("rejudge", sizes["copied"], copy, "rejudge", NAME)
        scale.command("grade again", sizes["copied"], copy, "grade", NAME)
        show(scale.runs, console)
    console.print(f"all of it took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    typer.run(main)
