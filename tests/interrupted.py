"""Grading that is ended at some moment, with real kernels, and then goes on. ``python -m tests.interrupted 20``

Each time a class is graded anew, ended by a signal at a random moment, and graded once more to the end. The scores must
be those of a class that nobody disturbed, and who was published before is not run again.
"""

import argparse
import csv
import importlib
import itertools
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat

from autograder.authoring.answers import fill
from autograder.authoring.new import new
from autograder.classrun.ledger import FILE
from autograder.course import Course
from tests.small_course import WRONG

NAME = "warmup"
STUDENTS = 12
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
DOORS = {
    "register": "autograder.publish.register.generate",
    "turn": "autograder.classrun.resume.ClassRun.begins",
    "record": "autograder.observe.record.replace_file",
    "judge": "autograder.classrun.judging.judge",
    "gradebook": "autograder.publish.gradebook.save_submission",
    "autograded": "autograder.publish.gradebook.write_autograded",
    "ledger": "autograder.classrun.ledger.Attempts.publish",
    "table": "autograder.classrun.report.write_csv",
}
"""Functions before whose call a run may be ended: one for each step."""


RUN = "import sys; from tests.interrupted import run_here; run_here(*sys.argv[1:])"


def class_of(root: Path) -> Path:
    """A course with a class of whom every third solution is wrong."""
    new(root, NAME)
    source = nbformat.read(root / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    for number in range(STUDENTS):
        path = Course(root).submitted(f"s{number}", NAME)
        path.parent.mkdir(parents=True)
        nbformat.write(fill(source, {"solution_1": WRONG}) if number % 3 == 0 else source, path)
    return root


def command(root: Path, *end: object) -> list[str]:
    """Grades the class; before a call of a door, by its number, the process gets a signal."""
    return [sys.executable, "-c", RUN, str(root), *map(str, end)]


def grade(root: Path, *end: object) -> subprocess.CompletedProcess[str]:
    """One run, ended so or not."""
    env = os.environ | {"COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command(root, *end), capture_output=True, text=True, check=False, env=env)


def scores(root: Path) -> list[list[str]]:
    """Rows of the class table up to the total, which the notes and the gradebook's own columns follow."""
    with (root / "reports" / f"{NAME}.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    return [row[: header.index("total") + 1] for row in rows]


def published(root: Path) -> dict[str, bytes]:
    """Student -> Record of whoever is published."""
    if not (root / FILE).exists():
        return {}
    with closing(sqlite3.connect(root / FILE)) as ledger:
        found = ledger.execute("SELECT student FROM attempts WHERE state = 'published'").fetchall()
    return {student: (root / "records" / NAME / f"{student}.zip").read_bytes() for (student,) in found}


def run_here(root: str, door: str = "", call: str = "0", number: str = "0") -> None:
    """Grade in this process, in batches of two, and send it the signal before that call of a door."""
    from autograder import cli
    from autograder.classrun import stream

    stream.BATCH = 2
    if door:
        end_at(DOORS[door], int(call), int(number))
    sys.argv = ["autograder", "--course-dir", root, "grade", NAME, "--jobs", "2"]
    cli.main()


def end_at(place: str, call: int, number: int) -> None:
    """Have this process get a signal before that call of a function."""
    owner_name, _, name = place.rpartition(".")
    owner: Any = imported(owner_name)
    original, calls = getattr(owner, name), itertools.count(1)

    def ending(*arguments: Any, **more: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), number)
        return original(*arguments, **more)

    setattr(owner, name, ending)


def imported(name: str) -> Any:
    """A module, or a class in one."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last) if last[0].isupper() else importlib.import_module(name)


def once(root: Path, expected: list[list[str]], wall_s: float, chance: random.Random) -> list[str]:
    """End one run at a moment and let the next one finish: what is not as it must be."""
    number, moment = chance.choice(SIGNALS), chance.uniform(0, wall_s)
    # The signal goes to the whole group, as a terminal's does.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "process_group": 0}
    with subprocess.Popen(command(root), **quiet) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, number)
    before = published(root)
    done = grade(root)
    found = [] if scores(root) == expected else [f"other scores: {scores(root)}"]
    found += [f"{student} ran again" for student, record in before.items() if published(root)[student] != record]
    ended = f"{signal.Signals(number).name} after {moment:.1f} s: status {process.returncode}"
    print(f"{ended}, {len(before)} were published", flush=True)
    return found + ([] if done.returncode == 0 else [done.stdout + done.stderr])


def main(times: int, seed: int) -> int:
    """0 when every class ended as the undisturbed one."""
    chance, found = random.Random(seed), list[str]()
    with tempfile.TemporaryDirectory(prefix="interrupted-") as folder:
        fresh, quiet = class_of(Path(folder, "fresh")), Path(folder, "quiet")
        shutil.copytree(fresh, quiet)
        started = time.monotonic()
        assert grade(quiet).returncode == 0
        wall_s = time.monotonic() - started
        for count in range(times):
            root = Path(folder, str(count))
            shutil.copytree(fresh, root)
            found += once(root, scores(quiet), wall_s, chance)
    print("\n".join(found) or f"{times} classes of {STUDENTS} ended as the undisturbed one")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=20)
    parser.add_argument("--seed", type=int, default=0)
    choices = parser.parse_args()
    sys.exit(main(choices.times, choices.seed))
