"""The whole flow, run once as an instructor runs it: release, grade, gradebook, formgrader, rejudge.

Covers autograder/classrun/nbgrader_step.py, autograder/classrun/run.py and autograder/publish/gradebook.py.
"""

import contextlib
import csv
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.observe import record as records
from tests.builders import MAX_SCORES, NAME, TODOS
from tests.conftest import GradedCourse, run

EXPECTED: dict[str, list[float | None]] = {
    "perfect": list(MAX_SCORES.values()),
    "untouched": [0] * 8,
    "unscaled": [10, 10, 13, 15, 15, 15, 10, 10],
    "crash": [10, 10, 15, 15, None, 15, 10, 10],
    "cut_off": [None] * 8,
    "no_file": [None] * 8,
}


def gradebook_scores(root: Path, student: str) -> list[float | None]:
    with Gradebook(Course(root).gradebook_url) as gradebook:
        return [gradebook.find_grade(todo, NAME, NAME, student).auto_score for todo in TODOS]


def test_every_submission_gets_its_row_and_the_class_is_graded_to_the_end(graded_course: GradedCourse) -> None:
    assert graded_course.status == 1
    for student, scores in EXPECTED.items():
        shown = ["?" if score is None else f"{score:g}" for score in scores]
        assert re.search(
            rf"^ *{student} +" + r" +".join(map(re.escape, shown)) + r" ", graded_course.output, re.MULTILINE
        )


@pytest.mark.parametrize("student", EXPECTED)
def test_the_gradebook_holds_what_the_table_shows(graded_course: GradedCourse, student: str) -> None:
    assert gradebook_scores(graded_course.root, student) == EXPECTED[student]


def test_what_could_not_be_graded_waits_for_a_person(graded_course: GradedCourse) -> None:
    with Gradebook(Course(graded_course.root).gradebook_url) as gradebook:
        for student, scores in EXPECTED.items():
            grades = [gradebook.find_grade(todo, NAME, NAME, student) for todo in TODOS]
            assert [grade.needs_manual_grade for grade in grades] == [score is None for score in scores]


def test_the_reasons_are_printed(graded_course: GradedCourse) -> None:
    assert "crash: todo5: the kernel died (os._exit, a crash, or out of memory)" in graded_course.output
    assert "cut_off: not graded: the file is not a Jupyter notebook" in graded_course.output
    assert "no_file: not graded: the file hw8_lora.ipynb is missing" in graded_course.output


def test_the_csv_agrees_and_leaves_undecided_scores_empty(graded_course: GradedCourse) -> None:
    with (graded_course.root / "reports" / f"{NAME}.csv").open() as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    for student, scores in EXPECTED.items():
        assert [rows[student][todo] for todo in TODOS] == ["" if s is None else f"{s:g}" for s in scores]


def test_the_autograded_notebook_says_why(graded_course: GradedCourse) -> None:
    path = graded_course.root / "autograded" / "unscaled" / NAME / f"{NAME}.ipynb"
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    assert "--- todo3: 13 of 15 points ---\n- the scaling alpha / r is missing" in cells["todo3"].outputs[-1].text
    assert "--- todo2: 10 of 10 points ---" in cells["todo2"].outputs[-1].text


def test_nbgrader_makes_feedback_that_repeats_the_reason(graded_course: GradedCourse) -> None:
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", NAME, "--student", "unscaled"]
    subprocess.run(command, cwd=graded_course.root, check=True, capture_output=True)
    html = (graded_course.root / "feedback" / "unscaled" / NAME / f"{NAME}.html").read_text()
    assert "the scaling alpha / r is missing" in html


def test_plain_nbgrader_autograde_gives_the_same_scores(graded_course: GradedCourse, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(graded_course.root, course, ignore=shutil.ignore_patterns("autograded", "records", "feedback"))
    for student in ("cut_off", "no_file", "perfect", "untouched"):
        shutil.rmtree(course / "submitted" / student)
    with Gradebook(Course(course).gradebook_url) as gradebook:
        for todo in TODOS:
            gradebook.find_grade(todo, NAME, NAME, "unscaled").auto_score = 1
        gradebook.db.commit()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", NAME], cwd=course, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for student in ("unscaled", "crash"):
        assert gradebook_scores(course, student) == EXPECTED[student]


def test_rejudge_after_a_changed_hidden_test_needs_no_kernel(graded_course: GradedCourse, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(graded_course.root, course)
    hidden = course / "grading" / NAME / "test_todo2.py"
    hidden.write_text(hidden.read_text().replace("np.all(entries == 1)", "np.all(entries == 2)"))
    # No kernel can start: there is neither a kernel spec nor bubblewrap on this path.
    env = os.environ | {
        "JUPYTER_PATH": "/nowhere",
        "PATH": str(Path(sys.executable).parent),
    }
    command = [sys.executable, "-m", "autograder", "rejudge", NAME, "--student", "perfect"]
    done = subprocess.run(command, cwd=course, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert gradebook_scores(course, "perfect") == [10, 8, 15, 15, 15, 15, 10, 10]
    assert gradebook_scores(graded_course.root, "perfect") == EXPECTED["perfect"]


def test_a_damaged_record_costs_only_its_own_student_a_decision(graded_course: GradedCourse, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(graded_course.root, course)
    damaged = records.path_of(course / "records" / NAME, "unscaled")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    done = GradedCourse(course, 0, "").autograder("rejudge", NAME)
    assert done.status == 1, done.output
    assert "the Record is damaged; grade this submission again" in " ".join(done.output.split())
    assert gradebook_scores(course, "unscaled") == [None] * 8
    for student in ("perfect", "untouched"):
        assert gradebook_scores(course, student) == EXPECTED[student]


def test_a_manual_score_survives_a_second_grading(graded_course: GradedCourse, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(graded_course.root, course)
    with Gradebook(Course(course).gradebook_url) as gradebook:
        gradebook.find_grade("todo5", NAME, NAME, "crash").manual_score = 9
        gradebook.db.commit()
    again = run(course, "rejudge", NAME, "--student", "crash")
    with Gradebook(Course(course).gradebook_url) as gradebook:
        grade = gradebook.find_grade("todo5", NAME, NAME, "crash")
        assert (grade.manual_score, grade.score, grade.auto_score) == (9, 9, None)
    # A person has decided, so nobody waits for one.
    assert again["status"] == 0


def test_formgrader_opens_the_course(graded_course: GradedCourse) -> None:
    with formgrader(graded_course.root) as (port, token):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", f"/formgrader/api/submissions/{NAME}?token={token}")
        reply = connection.getresponse()
        body = reply.read().decode()
        connection.close()
    assert reply.status == 200, body
    assert all(student in body for student in EXPECTED)


class formgrader:
    """A Jupyter server with nbgrader's formgrader, in the course."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> tuple[int, str]:
        command = [
            sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0", "--ServerApp.token=t",
            "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
        ]  # fmt: skip
        env = os.environ | {
            "JUPYTER_CONFIG_DIR": str(self.root / ".jupyter"),
            "JUPYTER_RUNTIME_DIR": str(self.root / ".run"),
        }
        self.process = subprocess.Popen(command, cwd=self.root, env=env, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/", line):
                return self.answering(int(found[1])), "t"
        raise AssertionError("the server did not start")

    def answering(self, port: int) -> int:
        """The port, once somebody listens there: the server announces it a moment too early."""
        while self.process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                return port
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.1)
        raise AssertionError("the server ended before it answered")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.communicate()
