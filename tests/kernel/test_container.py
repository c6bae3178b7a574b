"""A class is graded in a real container that forbids namespaces, as root and as a user who may do nothing.

Covers autograder/kernel/choice.py and autograder/kernel/rehearsal.py.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.answers import fill
from tests import containers
from tests.builders import ROOT
from tests.small_course import call

pytestmark = pytest.mark.skipif(bool(containers.missing()), reason=containers.missing())

NAME = "warmup"
CANARY = "what only the operator may read"
SOLUTION = "def standardize(x):\n    return (x - x.mean(axis=0)) / x.std(axis=0)\n"
HOSTILE = """
import os, signal, socket, subprocess
from pathlib import Path

def attempt(act):
    try:
        print(act())
    except BaseException as error:
        print(type(error).__name__)

attempt(lambda: Path("COURSE/secret").read_text())
attempt(lambda: [path.read_text() for path in Path("COURSE/grading/NAME").glob("test_*.py")])
attempt(lambda: Path("COURSE/planted").write_text("mine"))
"""
DESTRUCTIVE = """
attempt(lambda: Path("COURSE/gradebook.db").unlink())
attempt(lambda: os.kill(os.getppid(), signal.SIGKILL))
attempt(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes())
attempt(lambda: socket.socket())
subprocess.Popen(["sleep", "600"], start_new_session=True)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Released, with an honest, a wrong, an untouched and a hostile submission handed in."""
    root = tmp_path_factory.mktemp("contained") / "course"
    root.mkdir()
    call(sys.executable, root, "-m", "autograder", "new", NAME)
    call(sys.executable, root, "-m", "autograder", "release", NAME)
    solved, release = (
        nbformat.read(root / step / NAME / f"{NAME}.ipynb", as_version=4) for step in ("source", "release")
    )
    right = next(cell.source for cell in solved.cells if cell.id == "solution_1")
    curious, hostile = (
        (right + text).replace("COURSE", "/course").replace("NAME", NAME) for text in (HOSTILE, HOSTILE + DESTRUCTIVE)
    )
    class_ = {
        "right": solved,
        "wrong": fill(solved, {"solution_1": "def standardize(x):\n    return x - x.mean(axis=0)"}),
        "untouched": release,
        "curious": fill(solved, {"solution_1": curious}),
        "hostile": fill(solved, {"solution_1": hostile}),
    }
    for student, notebook in class_.items():
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NAME}.ipynb")
    (root / "secret").write_text(CANARY)
    return root


def graded(course: Path, *options: str, root: bool) -> subprocess.CompletedProcess[str]:
    """What `autograder grade` says in a container in which the course belongs to whoever runs it."""
    for path in (course, *course.rglob("*")):
        os.lchown(path, *([0 if root else containers.ORDINARY] * 2))
    command = [sys.executable, "-m", "autograder", "grade", NAME, "--force", "--jobs", "2", *options]
    mounts = {course: "/course"}
    env = {"COLUMNS": "200", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return containers.run_in_container(command, root=root, mounts=mounts, env=env, cwd="/course", memory=3 << 30)


def totals(course: Path) -> dict[str, str]:
    """Student -> points, from the class table."""
    with open(course / "reports" / f"{NAME}.csv", encoding="utf-8") as table:
        return {row[0]: row[3] for row in list(csv.reader(table))[1:]}


def texts(course: Path, student: str) -> str:
    """All that the student's Record holds."""
    with zipfile.ZipFile(next((course / "records").rglob(f"{student}.zip"))) as record:
        return "\n".join(record.read(name).decode(errors="replace") for name in record.namelist())


@pytest.mark.slow
@pytest.mark.parametrize("root", [True, False], ids=["as root", "as a user who may do nothing"])
def test_SECURITY_a_class_is_graded_where_namespaces_are_forbidden(course: Path, root: bool) -> None:
    done = graded(course, root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in a sandbox of Landlock" in " ".join((done.stdout + done.stderr).split())
    assert totals(course) == {"curious": "10", "hostile": "10", "right": "10", "untouched": "0", "wrong": "7"}
    for student in ("curious", "hostile"):
        said = texts(course, student)
        assert CANARY not in said
        assert "import pytest" not in said
        assert "PermissionError" in said
    assert not (course / "planted").exists()
    assert json.dumps("landlock") in said


@pytest.mark.slow
def test_twin_without_a_sandbox_the_hostile_submission_reads_what_it_may_not(course: Path) -> None:
    # What it destroys and whom it ends would be the grader's own.
    shutil.rmtree(course / "submitted" / "hostile")
    graded(course, "--no-sandbox", root=False)
    assert CANARY in texts(course, "curious")
    assert (course / "planted").exists()
