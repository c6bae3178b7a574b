"""A class in which many files were made to stop the grader: it ends by itself, and the honest ones score as alone."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.authoring.answers import fill
from autograder.course import Course
from autograder.publish.database import quiet_sqlalchemy
from autograder.text import plain_name
from tests.builders import deep
from tests.small_course import NAME, WRONG, autograder, call, notebook

pytestmark = pytest.mark.slow

MEASURED = (
    "import atexit, pathlib; atexit.register(lambda: pathlib.Path('peak').write_text(next(line.split()[1] for line in "
    "pathlib.Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM')))); "
    "from autograder.cli import main; main()"
)
"""Runs the command line and leaves how many KiB its own process had at most; its workers and kernels are others."""
PEAK_MAX_KIB = 400_000
"""An honest class needs less than half of it; one of the files below alone could take five times as much."""
SHOWN = r"""
print('\ud800 \x1b[2J \u202e \x9b')
raise ValueError('\udcf6 \x1b]0;title\x07')
"""
FLOOD = """
import zmq
kernel = get_ipython().kernel
(identity, *_) = kernel._parent_ident["shell"]
kernel.shell_stream.socket.send_multipart([identity, *[b"x" * 30_000_000] * 60])
"""
HALVES = rb'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "\ud800", "id": "\udfff"}]}'
ELIFS = "if NAME:\n    pass\n" + "".join(f"elif NAME == {n}:\n    pass\n" for n in range(800))
FULL = ["5", "5", "10"]
UNREAD = ["", "", ""]


@dataclass(frozen=True)
class Case:
    """What somebody hands in, and what it must score; None where that is of no interest."""

    make: Callable[[Path, Path], None]
    """Puts it into the student's folder of a course."""
    scores: list[str] | None


def solved(root: Path, *, code: str = "", answer: str = "") -> nbformat.NotebookNode:
    """A right notebook, or one with another answer, and a cell of the student's own at the end."""
    source = {c.id: c.source for c in notebook(root, "source", NAME).cells if c.id.startswith("solution_")}
    made = fill(notebook(root, "release", NAME), source | ({"solution_1": answer} if answer else {}))
    made.cells.append(nbformat.v4.new_code_cell(code))
    return made


def file(name: str = f"{NAME}.ipynb", *, code: str = "", answer: str = "") -> Callable[[Path, Path], None]:
    """Hands in a notebook under a name, which may be no UTF-8."""
    return lambda root, folder: (folder / name).write_text(nbformat.writes(solved(root, code=code, answer=answer)))


def raw(*parts: bytes, name: str = f"{NAME}.ipynb") -> Callable[[Path, Path], None]:
    """Hands in these bytes."""
    return lambda root, folder: (folder / name).write_bytes(b"".join(parts))


def beside(add: Callable[[Path], object]) -> Callable[[Path, Path], None]:
    """Hands in a right notebook with something beside it."""

    def make(root: Path, folder: Path) -> None:
        file()(root, folder)
        add(folder)

    return make


def large(folder: Path) -> None:
    """Files of 190 MB that take no place on the disk and are all named like the notebook."""
    for number in range(3):
        with (folder / f"{NAME}-{number}.ipynb").open("wb") as opened:
            opened.write(b'{"cells": [' + bytes([number]))
            opened.truncate(190_000_000)


def saved(root: Path, folder: Path) -> None:
    """A right notebook whose outputs take four bytes a character when they are read."""
    made = json.loads(nbformat.writes(solved(root)))
    made["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "HERE"}]
    before, after = json.dumps(made).encode().split(b"HERE")
    with (folder / f"{NAME}.ipynb").open("wb") as opened:
        opened.writelines([before, "😀".encode(), *[b"x" * 1_000_000] * 190, after])


CASES = {
    "right": Case(file(), FULL),
    "wrong": Case(file(answer=WRONG), ["2", "5", "7"]),
    "empty": Case(lambda root, folder: (folder / f"{NAME}.ipynb").write_text(
        nbformat.writes(notebook(root, "release", NAME))), ["0", "0", "0"]),
    "blanks": Case(raw(b"# In[1]:", b" " * 9_000_000, b"x\nx = 1\n"), None),
    "brackets": Case(raw(b"[" * 9_000_000), UNREAD),
    "cut_off": Case(raw(b'{"cells": ' + b"[" * 100_000), UNREAD),
    "surrogates": Case(raw(HALVES), None),
    "zeros": Case(raw(bytes(1_000_000)), UNREAD),
    "branches": Case(file(code=f"NAME = 0\n{ELIFS}"), FULL),
    "minuses": Case(file(code=f"x = {'-' * 90_000}1"), FULL),
    "alias": Case(file(code=f"type {'a' * 90_000}\n"), FULL),
    "deep": Case(file(), FULL),
    "pipe": Case(lambda root, folder: os.mkfifo(folder / f"{NAME}.ipynb"), UNREAD),
    "link": Case(lambda root, folder: (folder / f"{NAME}.ipynb").symlink_to("/dev/zero"), UNREAD),
    "large": Case(lambda root, folder: large(folder), UNREAD),
    "saved": Case(saved, None),
    "latin": Case(file("L\udcf6sung.ipynb"), FULL),
    "st\udcf6re": Case(file(), FULL),
    "names": Case(beside(lambda folder: (folder / "d\udcf6\x1b[2J\u202e.csv").write_text("1")), FULL),
    "shown": Case(file(code=SHOWN), FULL),
    "raised": Case(file(answer=f"def standardize(x):{SHOWN}".replace("\n", "\n    ")), ["0", "5", "5"]),
    "flood": Case(file(code=FLOOD), None),
}  # fmt: skip


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The class, graded; one of them has handed in a deep folder, too."""
    root = tmp_path_factory.mktemp("bytes")
    for arguments in (["new", NAME], ["release", NAME]):
        done = autograder(root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    for student, case in CASES.items():
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        case.make(root, folder)
    with deep(root / "submitted" / "deep" / NAME / "d"):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "grade", NAME], cwd=root, capture_output=True, text=True, check=False
        )
        (root / "said").write_text(done.stdout + done.stderr)
        assert done.returncode == 1, done.stderr
        yield root


def rows(root: Path) -> dict[str, list[str]]:
    """Student -> points of the class table."""
    with (root / "reports" / f"{NAME}.csv").open(encoding="utf-8", newline="") as opened:
        return {row[0]: row[1:4] for row in list(csv.reader(opened))[1:]}


def test_everybody_has_a_line_and_honest_work_its_points(course: Path) -> None:
    found = rows(course)
    assert found.keys() == {plain_name(student) for student in CASES}
    expected = {plain_name(student): case.scores for student, case in CASES.items() if case.scores is not None}
    assert {student: found[student] for student in expected} == expected


def test_what_could_not_be_read_is_no_zero(course: Path) -> None:
    wrong = ("empty", "raised", "surrogates")
    assert not [name for name, points in rows(course).items() if "0" in points and name not in wrong]


def test_the_gradebook_knows_everybody(course: Path) -> None:
    with quiet_sqlalchemy(), Gradebook(Course(course).gradebook_url) as gradebook:
        assert {student.id for student in gradebook.students} == {plain_name(student) for student in CASES}
        assert gradebook.find_submission(NAME, "right").score == 10


def test_the_grader_needed_little_memory(course: Path) -> None:
    assert int((course / "peak").read_text()) < PEAK_MAX_KIB


def test_nothing_that_was_said_acts_on_a_terminal(course: Path) -> None:
    said = (course / "said").read_text()
    assert not {"\x1b", "\u202e", "\x9b"} & set(said)


def test_everybody_gets_feedback_and_the_table_can_be_written_again(course: Path) -> None:
    call(sys.executable, course, "-m", "nbgrader", "generate_feedback", NAME)
    pages = {path.parent.parent.name for path in (course / "feedback").glob(f"*/{NAME}/{NAME}.html")}
    assert pages == {plain_name(student) for student in CASES}
    before = rows(course)
    assert autograder(course, "rejudge", NAME).returncode == 1
    assert rows(course) == before
