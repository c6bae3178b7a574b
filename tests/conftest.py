"""What the tests share: a class that was graded once, for real, and the order in which parallel workers take files."""

import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import nbformat
import pytest

from tests import builders
from tests.builders import NAME

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Hypothesis asserts on seconds unless it is told not to.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

WORKERS_MAX = 8
"""Each has libraries and a warm parent of its own (about 1.5 GB), and the longest files end no sooner with more."""
LONGEST_FIRST = (
    "scenarios/test_hostile.py", "browser/test_jupyterlab.py", "notebook/test_running.py", "observe/test_execute.py",
    "authoring/test_release.py", "scenarios/test_damaged.py", "test_flow.py", "kernel/test_provisioner.py",
    "assignments/test_hidden_tests.py", "notebook/test_visible_checks.py", "test_cli.py", "kernel/test_operators.py",
    "classrun/test_defending.py",
)  # fmt: skip
"""A worker takes a whole file. A long one that came last would leave the others waiting for it."""


def pytest_xdist_auto_num_workers() -> int:
    """One worker for each processor, for ``-n auto``; two where there is one, since many tests wait."""
    return min(WORKERS_MAX, max(2, len(os.sched_getaffinity(0))))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files; their tests keep their order."""
    last = len(LONGEST_FIRST)
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(str(item.path.relative_to(builders.ROOT / "tests")), last))


def built_once(factory: pytest.TempPathFactory, worker: str, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that the first worker builds and the others find; nobody may change it."""
    if worker == "master":
        folder = factory.mktemp(name)
        build(folder)
        return folder
    folder = factory.getbasetemp().parent / name
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            (folder / "built").touch()
    return folder


@dataclass
class GradedCourse:
    """A course after `autograder grade`, and what the command said."""

    root: Path
    status: int
    output: str

    def autograder(self, *arguments: str) -> "GradedCourse":
        """The course after one more command."""
        return dataclasses.replace(self, **run(self.root, *arguments))


def run(root: Path, *arguments: str) -> dict[str, object]:
    """Exit status and output of the command line."""
    command = [sys.executable, "-m", "autograder", *arguments]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    return {"status": done.returncode, "output": done.stdout + done.stderr}


CRASH = "import os\n\ndef attach_lora_to_gpt2(model, r, lora_alpha):\n    os._exit(1)\n"
UNSCALED = """
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))
    return lambda module, input, output: output + input[0] @ layer.lora_A.T @ layer.lora_B.T
"""


@pytest.fixture(scope="session")
def graded_course(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> GradedCourse:
    """Released, handed in and graded through the command line, kernels, judge and gradebook included.

    It is graded once for all workers, and each of them has a copy.
    """
    shared = built_once(tmp_path_factory, worker_id, "graded", grade_a_course)
    root = tmp_path_factory.mktemp("course") / "course"
    shutil.copytree(shared / "course", root)
    return GradedCourse(root, **json.loads((shared / "said.json").read_text()))


def grade_a_course(folder: Path) -> None:
    """Make folder/course, and folder/said.json with what `autograder grade` said."""
    root = builders.make_course(folder / "course")
    released = run(root, "release", NAME)
    assert released["status"] == 0, released["output"]
    release = nbformat.read(root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    class_ = {
        "perfect": builders.submission(),
        "untouched": release,
        "unscaled": builders.submission({"solution_todo2_3": UNSCALED}),
        "crash": builders.submission({"solution_todo5": CRASH}),
        "cut_off": nbformat.writes(release).encode()[:3000],
    }
    for student, notebook in class_.items():
        builders.hand_in(root, student, notebook)
    (root / "submitted" / "no_file" / NAME).mkdir(parents=True)
    (folder / "said.json").write_text(json.dumps(run(root, "grade", NAME)))


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def autograder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Exit status and output of the command line, in this process: a new one takes seconds to import everything."""
    from autograder import cli

    monkeypatch.setenv("COLUMNS", "200")
    for console in (cli.console, cli.errors):
        monkeypatch.setattr(console, "width", 200)

    def command(root: Path, *arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(root)
        monkeypatch.setattr("sys.argv", ["autograder", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return command
