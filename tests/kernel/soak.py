"""Observe many submissions in a row, and say what was left behind: ``python -m tests.kernel.soak 1000``.

Prints one line of figures per hundred; exits 1 when anything but the figures of a quiet process remains.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell

from autograder.classrun.keys import Keys
from autograder.classrun.observing import Observing
from autograder.classrun.settings import settings_of
from autograder.kernel.folders import owner_folder
from autograder.kernel.zygote import zygotes
from autograder.models import Submission
from autograder.observe import record as records
from tests import builders
from tests.builders import NAME, ROOT, submission
from tests.kernel.driver import Kernel

MIB = 1 << 20
MESSY = """
import subprocess
open('file', 'w').write('x')
daemon = subprocess.Popen(['sleep', '600'], start_new_session=True)
"""
SETTLE_S = 5.0
"""For what is about to end anyway."""

GROWTH_MAX_BYTES = 24 * MIB
"""What allocators and caches of grader and zygote may gain after the first kernels, however many follow."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """What this process and its zygote hold."""

    grader_bytes: int
    zygote_bytes: int
    descriptors: int
    zygote_descriptors: int
    processes: int
    mounts: int
    folders: int

    @classmethod
    def now(cls) -> Trace:
        """As it is at this moment."""
        grader = psutil.Process()
        warm = [psutil.Process(zygote.pid) for zygote in zygotes() if zygote.pid]
        return cls(
            anonymous_bytes(grader.pid),
            sum(anonymous_bytes(zygote.pid) for zygote in warm),
            grader.num_fds(),
            sum(zygote.num_fds() for zygote in warm),
            len(grader.children(recursive=True)),
            len(Path("/proc/self/mountinfo").read_text().splitlines()),
            len(list(owner_folder().glob("k-*"))),
        )

    def leaks(self, before: Trace) -> list[str]:
        """What there is more of than before."""
        grown = [
            f"{name} grew from {getattr(before, name)} to {getattr(self, name)} bytes"
            for name in ("grader_bytes", "zygote_bytes")
            if getattr(self, name) - getattr(before, name) > GROWTH_MAX_BYTES
        ]
        counted = ("descriptors", "zygote_descriptors", "processes", "mounts", "folders")
        more = [
            f"{name}: {getattr(before, name)} before, {getattr(self, name)} after"
            for name in counted
            if getattr(self, name) > getattr(before, name)
        ]
        return grown + more


def anonymous_bytes(pid: int) -> int:
    """Resident memory that no file backs; pages of libraries come and go with other users of them."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def soak(number: int, act: Callable[[], None], *, warm_up: int = 3) -> list[str]:
    """Act that many times, one after the other, and return what was left behind."""
    for _ in range(warm_up):
        act()
    before, started = Trace.now(), time.monotonic()
    for count in range(1, number + 1):
        act()
        if count % 100 == 0 or count == number:
            print(f"{count} done, {(time.monotonic() - started) / count:.3f} s each: {Trace.now()}", flush=True)
    # A supervisor reports the end of its kernel just before its own.
    deadline = time.monotonic() + SETTLE_S
    while (leaks := Trace.now().leaks(before)) and time.monotonic() < deadline:
        pass
    return leaks


def run_submission(folder: Path) -> Callable[[], None]:
    """What observes the solved homework once, with a cell that writes and forks a daemon."""
    notebook = submission()
    notebook.cells.insert(0, new_code_cell(MESSY))
    path = folder / f"{NAME}.ipynb"
    nbformat.write(notebook, path)
    settings = settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb")

    observing = Observing(settings, folder, Keys.of(settings))

    def act() -> None:
        observing.turn(Submission("soak", NAME, path), True)
        record = records.load(records.path_of(folder, "soak"))
        assert len(record.observations) == len(settings.max_scores), record

    return act


def run_kernel() -> None:
    """One kernel that computes, writes, forks a daemon, and is ended."""
    with Kernel() as kernel:
        reply = kernel.run(f"{MESSY}\nimport torch; print(float(torch.ones(3).sum()))")
        assert reply.text == "3.0\n", reply


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("submissions", type=int, nargs="?", default=1000)
    with tempfile.TemporaryDirectory(prefix="soak-") as workspace:
        found = soak(parser.parse_args().submissions, run_submission(Path(workspace)))
    print("\n".join(found) or f"nothing left behind (pid {os.getpid()})")
    sys.exit(bool(found))
