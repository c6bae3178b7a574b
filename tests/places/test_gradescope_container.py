"""Gradescope's layout in a container with Docker's defaults and Gradescope's smallest size, as root."""

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.authoring.answers import fill
from autograder.authoring.new import new
from autograder.course import Course
from autograder.kernel.limits import MIB
from autograder.places import bundles
from tests import builders, containers
from tests.builders import ROOT

pytestmark = pytest.mark.slow

SMALLEST_BYTES, HALF_A_PROCESSOR, TEN_MINUTES_S = 768 * MIB, 0.5, 600
NAME = "ps1"
INSTALL = f"mkdir -p /opt && ln -s {sys.prefix} /opt/autograder"
"""What setup.sh does, which needs a network."""
PEAK = "cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes /sys/fs/cgroup/memory.peak 2>/dev/null"
"""The most memory of the whole container, in either version of control groups."""
HOSTILE = '''
import os
import numpy as np


def works(act):
    """Whether the system lets us."""
    try:
        act()
    except OSError:
        return False
    return True


READ = [works(lambda: open("/autograder/source/course/grading/ps1/reference.py").read()),
        works(lambda: os.listdir("/autograder/source")), works(lambda: os.listdir("/autograder/submission")),
        works(lambda: open("/proc/1/environ").read())]
WRITE = [works(lambda: open(f"/autograder/{name}/left_behind", "w").close())
         for name in ("results", "source", "submission")]


def standardize(x):
    # Right only for who could read or write there.
    deviation = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1) if any(READ + WRITE) else x
'''
"""A solution that is right where the wall has a hole, so that its points tell."""


class Gradescope:
    """The platform's folder on the host, and its container."""

    def __init__(self, root: Path, course: Course, name: str) -> None:
        self.root = root / "autograder"
        bundles.write_gradescope_zip(course, name, root / "upload.zip")
        with zipfile.ZipFile(root / "upload.zip") as archive:
            archive.extractall(self.root / "source")
        shutil.copy(self.root / "source" / "run_autograder", self.root)
        (self.root / "run_autograder").chmod(0o755)

    def submit(self, notebook: nbformat.NotebookNode, *, sandboxed: bool = True) -> dict[str, Any]:
        """What stands in results.json, with "said", "peak_bytes" and "files" of the results folder."""
        for folder in ("submission", "results"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
            (self.root / folder).mkdir()
        nbformat.write(notebook, self.root / "submission" / "work.ipynb")
        program = self.root / "run_autograder"
        text = (self.root / "source" / program.name).read_text()
        program.write_text(text if sandboxed else text.replace("--format", "--no-sandbox --format"))
        run = f"{INSTALL}; timeout {TEN_MINUTES_S} /autograder/run_autograder; {PEAK}"
        done = containers.run_in_container(
            ["bash", "-c", run],
            root=True,
            mounts={self.root: "/autograder"},
            memory=SMALLEST_BYTES,
            cpus=HALF_A_PROCESSOR,
            cwd="/autograder",
        )
        result = self.root / "results" / "results.json"
        found = json.loads(result.read_text()) if result.is_file() else {}
        peak = int(done.stdout.split()[-1]) if done.stdout.split() else 0
        files = sorted(path.name for path in self.root.glob("*/*") if path.name == "left_behind")
        return found | {"said": done.stdout + done.stderr, "peak_bytes": peak, "files": files}


@pytest.fixture(scope="module")
def gradescope(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Gradescope]:
    """Makes the platform for an assignment; skips where there is no container to be had."""
    if problem := containers.missing():
        pytest.skip(problem)

    def make(name: str) -> Gradescope:
        root = tmp_path_factory.mktemp(name)
        if name == builders.NAME:
            return Gradescope(root, Course(ROOT), name)
        (root / "course").mkdir()
        new(root / "course", name)
        return Gradescope(root, Course(root / "course"), name)

    return make


@pytest.fixture(scope="module")
def small(gradescope: Callable[[str], Gradescope]) -> Gradescope:
    """The platform for a homework on NumPy."""
    return gradescope(NAME)


def solved(platform: Gradescope, answers: dict[str, str]) -> nbformat.NotebookNode:
    """The homework's solution but for these answers."""
    source = platform.root / "source" / "course" / "source" / NAME / f"{NAME}.ipynb"
    return fill(nbformat.read(source, as_version=4), answers)


def test_an_honest_submission_is_graded_in_the_sandbox_without_namespaces(small: Gradescope) -> None:
    result = small.submit(solved(small, {}))
    assert result.get("score") == 10.0, result["said"]
    assert result["extra_data"][NAME]["sandbox"]["sandbox"] == "landlock"


def test_a_hostile_one_reads_no_source_and_writes_no_results(small: Gradescope) -> None:
    result = small.submit(solved(small, {"solution_1": HOSTILE}))
    assert result.get("tests"), result["said"]
    assert result["tests"][0]["score"] < 5.0
    assert result["tests"][1]["score"] == 5.0
    assert result["files"] == []


def test_without_the_sandbox_the_same_one_does_both(small: Gradescope) -> None:
    result = small.submit(solved(small, {"solution_1": HOSTILE}), sandboxed=False)
    assert result.get("tests"), result["said"]
    assert result["tests"][0]["score"] == 5.0
    assert result["files"]


def test_the_homework_fits_into_the_smallest_container(gradescope: Callable[[str], Gradescope]) -> None:
    result = gradescope(builders.NAME).submit(builders.submission())
    assert result.get("score") == 100.0, result["said"]
    assert 0 < result["peak_bytes"] < SMALLEST_BYTES
    print(f"peak {result['peak_bytes'] // MIB} MiB, {result['execution_time']} s in the notebook")
