"""Seconds per submission: stock ``nbgrader autograde``, this autograder, and the floor, alternating in one run.

All three run the same solved notebook in profile ``smoke`` with the same probes and hidden tests. Stock has
them in its grade cells, as a "hidden tests" region, and runs these cells whole. The floor runs the cells that we do:
it is a process that has imported everything and forks: the child ``exec``s the text of the cells, runs the probes and
writes down what they observed, without kernel, sandbox, judge or gradebook.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

import nbformat
import typer
from nbgrader.utils import is_grade
from rich.console import Console
from rich.table import Table

from autograder.assignment import load_assignment
from autograder.authoring.answers import fill, read_answers
from autograder.cells import grade_id
from autograder.classrun.grade import grade
from autograder.classrun.keys import Keys
from autograder.classrun.observing import Observing
from autograder.classrun.settings import Settings, settings_of
from autograder.course import Course
from autograder.embedded import with_modules
from autograder.judge.run import judge
from autograder.kernel import zygote
from autograder.kernel.choice import open_walls
from autograder.kernel.mounts import SandboxPlan
from autograder.models import Graded, Submission
from autograder.observe import record as records
from autograder.publish.gradebook import publish

ROOT = Path(__file__).parent.parent
NAME = "hw8_lora"
SEED = 7
HIDDEN_TESTS = """
### BEGIN HIDDEN TESTS
import inspect as _inspect
from {name} import inputs as _inputs, probes as _probes
from {name} import test_{todo} as _tests
from autograder.models import Observation as _Observation
from autograder.inside.encoding import encode as _encode
_values, _tensors = _encode(_probes.PROBES["{todo}"](globals(), _inputs, {seed}))
_seen = _Observation(_values, _tensors)
_given = {{"observed": _seen, "seed": {seed}, "observations": {{"{todo}": _seen}}, "forgiven": set()}}
for _test in [f for n, f in vars(_tests).items() if n.startswith("test_")]:
    _test(*[_given[n] for n in _inspect.signature(_test).parameters])
### END HIDDEN TESTS
"""
# What the zygote of the sandbox imports, for the floor.
FLOOR = """
import os, sys, tempfile, time, json
os.environ.update(HW8_PROFILE="smoke", HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", MPLBACKEND="agg")
import gc, importlib, warnings
warnings.simplefilter("ignore")
import nbformat
from autograder.kernel.zygote import MODULES
for module in ({imports}, *MODULES):
    importlib.import_module(module)
import torch
torch.set_num_threads(1)
from {name} import inputs, probes
from autograder.inside import encoding
from nbgrader.utils import is_grade
from autograder.cells import is_only_shown
cells = [("" if is_only_shown(c) else c.source, c.metadata.nbgrader.grade_id if is_grade(c) else None)
         for c in nbformat.read(sys.argv[1], as_version=4).cells if c.cell_type == "code"]

def python(source):
    return "\\n".join(line for line in source.split("\\n") if not line.startswith(("%", "!")))

cells = [(python(source), grade_id) for source, grade_id in cells]
gc.freeze()

def submission():
    os.chdir(tempfile.mkdtemp(dir=sys.argv[3]))
    sys.stdout = sys.stderr = open(os.devnull, "w")
    namespace = {{"__name__": "__main__"}}
    for code, grade_id in cells:
        try:
            exec(code, namespace)
        except Exception:
            pass
        if grade_id:
            values, tensors = encoding.encode(probes.PROBES[grade_id](namespace, inputs, {seed}))
            with open(grade_id, "wb") as file:
                file.write(json.dumps(values).encode() + encoding.as_safetensors(tensors))

started, running, cpu, left = time.monotonic(), 0, 0.0, int(sys.argv[2])
while left or running:
    if left and running < {jobs}:
        if os.fork() == 0:
            submission()
            os._exit(0)
        running, left = running + 1, left - 1
        continue
    _, status, usage = os.wait4(-1, 0)
    assert status == 0
    running, cpu = running - 1, cpu + usage.ru_utime + usage.ru_stime
print(json.dumps([time.monotonic() - started, cpu]))
"""


class Bench:
    """Courses with the same solved submission many times, and what each way of grading cost."""

    def __init__(self, workspace: Path, jobs: int) -> None:
        self.workspace, self.jobs = workspace, jobs
        self.wall_s: dict[str, list[float]] = defaultdict(list)
        self.cpu_s: dict[str, list[float]] = defaultdict(list)
        self.steps_s: dict[str, list[float]] = defaultdict(list)
        self.peak_bytes: list[int] = []
        self.declared = load_assignment(ROOT / "grading" / NAME).declaration
        self.ours, self.stock = self.course("ours"), self.course("stock")
        self.imports = ", ".join(map(repr, self.declared.imports))
        self.solved = self.solve(self.ours)
        self.solve(self.stock)
        self.start_s = self.warm_up()

    def course(self, kind: str) -> Course:
        """A released course; stock gets nbgrader's own configuration and the hidden tests in its notebook."""
        root = self.workspace / kind
        shutil.copytree(ROOT / "source", root / "source")
        shutil.copytree(ROOT / "grading", root / "grading", ignore=shutil.ignore_patterns("__pycache__"))
        (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
        if kind == "ours":
            shutil.copy(ROOT / "nbgrader_config.py", root)
        else:
            path = root / "source" / NAME / f"{NAME}.ipynb"
            notebook = with_modules(nbformat.read(path, as_version=4), ROOT / "grading" / NAME, self.declared.modules)
            for cell in filter(is_grade, notebook.cells):
                cell.source += HIDDEN_TESTS.format(name=NAME, todo=grade_id(cell), seed=SEED)
            nbformat.write(notebook, path)
        self.nbgrader(root, "generate_assignment", NAME)
        return Course(root)

    def solve(self, course: Course) -> Path:
        """The course's release, filled in."""
        release = nbformat.read(course.folder("release", ".", NAME) / f"{NAME}.ipynb", as_version=4)
        path = course.root / "solved.ipynb"
        nbformat.write(fill(release, read_answers(ROOT / "examples" / "class" / "perfect.py")), path)
        return path

    def nbgrader(self, root: Path, *arguments: str) -> None:
        """Run stock nbgrader in a course."""
        env = os.environ | {
            "HW8_PROFILE": "smoke",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'grading'}",
        }
        command = [sys.executable, "-m", "nbgrader", *arguments]
        subprocess.run(command, cwd=root, env=env, check=True, capture_output=True)

    def hand_in(self, course: Course, label: str, number: int) -> list[Submission]:
        """``number`` students who all handed in the same solved notebook."""
        found = [Submission(f"{label}_{i}", NAME, course.submitted(f"{label}_{i}", NAME)) for i in range(number)]
        for submission in found:
            submission.path.parent.mkdir(parents=True)
            shutil.copy(course.root / "solved.ipynb", submission.path)
        return found

    @contextmanager
    def measured(self, way: str, number: int) -> Iterator[list[float]]:
        """Wall and CPU per submission; CPU that no parent collects is appended to the list that is given."""
        elsewhere: list[float] = []
        wall, cpu = time.monotonic(), cpu_so_far()
        yield elsewhere
        self.wall_s[way].append((time.monotonic() - wall) / number)
        self.cpu_s[way].append((cpu_so_far() - cpu + sum(elsewhere)) / number)

    def run_stock(self, label: str, number: int) -> None:
        """``nbgrader autograde``, one process for all of them, as its users do."""
        self.hand_in(self.stock, label, number)
        with self.measured("stock nbgrader", number):
            self.nbgrader(self.stock.root, "autograde", NAME, "--student", f"{label}_*")

    def run_ours(self, label: str, number: int) -> None:
        """Observe, judge and publish one class."""
        submissions = self.hand_in(self.ours, label, number)
        source = self.ours.source(NAME)
        settings = replace(settings_of(load_assignment(ROOT / "grading" / NAME), source), jobs=self.jobs, seed=SEED)
        folder, before = self.ours.records(NAME), zygote.cpu_s()
        with self.measured("this autograder", number) as elsewhere:
            graded = grade(submissions, settings, folder)
            publish(self.ours, NAME, graded)
            elsewhere += [one.record.cpu_s for one in graded]
            elsewhere.append(zygote.cpu_s() - before)
        assert all(one.total == 100 for one in graded), [one.scores for one in graded]
        for one in graded:
            self.peak_bytes.append(one.record.peak_memory_bytes)
            for step, seconds in one.record.times_s.items():
                self.steps_s[step].append(seconds)
        self.time_steps(submissions, settings, folder, graded)

    def warm_up(self) -> tuple[float, float]:
        """Wall and CPU seconds of the zygote's start, which a class pays once; stock pays it per submission."""
        settings = replace(settings_of(load_assignment(ROOT / "grading" / NAME), self.ours.source(NAME)), seed=SEED)
        (submission,) = self.hand_in(self.ours, "warm_up", 1)
        observing = Observing(settings, self.workspace / "warm_up", Keys.of(settings))
        wall = timed(lambda: observing.turn(submission, True))
        self.ready_alone_s = self.time_ready(submission, settings)
        return wall, zygote.cpu_s()

    def time_ready(self, submission: Submission, settings: Settings) -> float:
        """Wall seconds until a kernel that has the machine to itself answers; median of seven."""
        folder = self.workspace / "ready"
        for number in range(7):
            Observing(settings, folder / str(number), Keys.of(settings)).turn(submission, True)
        paths = [records.path_of(folder / str(number), submission.student) for number in range(7)]
        return median(records.load(path).times_s["ready"] for path in paths)

    def time_steps(self, submissions: list[Submission], settings: Settings, folder: Path, graded: list[Graded]) -> None:
        """Judge and publish once more, each alone."""
        number = len(submissions)
        self.steps_s["judge"].append(
            timed(lambda: judge(settings.assignment, [records.path_of(folder, s.student) for s in submissions]))
            / number
        )
        self.steps_s["publish"].append(timed(lambda: publish(self.ours, NAME, graded)) / number)
        self.steps_s["sandbox"].append(timed(lambda: open_walls(SandboxPlan()).close()))

    def run_floor(self, label: str, number: int) -> None:
        """The forks, without the parent's imports."""
        folder = self.workspace / f"floor_{label}"
        folder.mkdir()
        code = FLOOR.format(name=NAME, seed=SEED, jobs=self.jobs, imports=self.imports)
        command = [sys.executable, "-c", code, str(self.solved), str(number), str(folder)]
        env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'grading'}"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
        wall, cpu = map(float, done.stdout.strip().strip("[]").split(","))
        self.wall_s["floor"].append(wall / number)
        self.cpu_s["floor"].append(cpu / number)


def cpu_so_far() -> float:
    """User and system seconds of this process and its finished children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(function: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.monotonic()
    function()
    return time.monotonic() - started


def show(bench: Bench, console: Console) -> None:
    """Seconds per submission and their ratios to us."""
    table = Table(title="seconds per submission (median of the rounds)", title_justify="left")
    for column in ("", "wall", "CPU", "wall / ours", "CPU / ours"):
        table.add_column(column, justify="right" if column else "left")
    ours_wall, ours_cpu = median(bench.wall_s["this autograder"]), median(bench.cpu_s["this autograder"])
    for way in ("stock nbgrader", "this autograder", "floor"):
        wall, cpu = median(bench.wall_s[way]), median(bench.cpu_s[way])
        table.add_row(way, f"{wall:.3f}", f"{cpu:.3f}", f"{wall / ours_wall:.2f}", f"{cpu / ours_cpu:.2f}")
    console.print(table)
    wall, cpu = bench.start_s
    console.print(f"once per class, not in the figures above: the zygote's start, {wall:.1f} s wall, {cpu:.1f} s CPU")
    console.print(f"kernel ready, one at a time: {bench.ready_alone_s:.3f} s")
    steps = ", ".join(f"{step} {mean(seconds):.3f} s" for step, seconds in bench.steps_s.items())
    console.print(f"of ours, wall per submission while {bench.jobs} run at once: {steps}")
    console.print(
        f"peak memory of a submission, pages shared with the zygote included: {max(bench.peak_bytes) / 2**20:.0f} MiB"
    )


def main(rounds: int = 3, stock: int = 2, ours: int = 60, jobs: int = 2 * (os.cpu_count() or 1)) -> None:
    """Alternate the three ways for some rounds and print what a submission cost in each."""
    with tempfile.TemporaryDirectory(prefix="bench-") as workspace:
        bench = Bench(Path(workspace), jobs)
        for number in range(rounds):
            bench.run_stock(f"r{number}", stock)
            bench.run_ours(f"r{number}", ours)
            bench.run_floor(f"r{number}", ours)
        show(bench, Console())


if __name__ == "__main__":
    typer.run(main)
