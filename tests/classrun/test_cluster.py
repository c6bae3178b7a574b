"""A real scheduler with workers on other hosts: what they give back, and what happens when one of all these is killed.

Covers autograder/classrun/worker_side.py.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from autograder.classrun.grade import grade
from autograder.classrun.settings import settings_in
from autograder.course import Course
from autograder.models import Record, Submission
from autograder.observe import record as records
from tests import interrupted
from tests.classrun import strange_worker
from tests.classrun.hosts import HEAD, Hosts, kill

NAME = interrupted.NAME


@dataclass
class Elsewhere:
    """A course, and the hosts on which it is graded."""

    hosts: Hosts
    root: Path

    def start(self, *options: str) -> subprocess.Popen[str]:
        """The command on the head."""
        words = ("grade", NAME, "--scheduler", self.hosts.address, *options)
        return self.hosts.start(HEAD, "-m", "autograder", "--course-dir", str(self.root), *words)

    def grade(self, *options: str) -> tuple[int, str]:
        """Its exit status, and what it said."""
        process = self.start(*options)
        said, _ = process.communicate()
        return process.returncode, said

    def saved(self) -> dict[str, bytes]:
        """Student -> Record."""
        folder = self.root / "records" / NAME
        return {path.stem: path.read_bytes() for path in folder.glob("*.zip")}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """A class, and hosts on which nothing runs yet."""
    hosts = Hosts(tmp_path)
    try:
        yield Elsewhere(hosts, interrupted.class_of(tmp_path / "course"))
    finally:
        hosts.close()


def keep_only(elsewhere: Elsewhere, *students: str) -> None:
    """Leave these in the class."""
    for path in (elsewhere.root / "submitted").iterdir():
        if path.name not in students:
            shutil.rmtree(path)


def here(elsewhere: Elsewhere, seed: int, folder: Path) -> dict[str, Record]:
    """The Records of the same class and seed, run in this process."""
    course = Course(elsewhere.root)
    settings = replace(settings_in(course, NAME), seed=seed)
    grade([Submission(s, NAME, course.submitted(s, NAME)) for s in course.students(NAME)], settings, folder)
    return {path.stem: records.load(path) for path in folder.glob("*.zip")}


def observations(record: Record) -> dict[str, tuple[object, dict[str, bytes]]]:
    """What was observed, arrays as their bytes."""
    return {
        name: (one.values, {key: np.ascontiguousarray(array).tobytes() for key, array in one.tensors.items()})
        for name, one in record.observations.items()
    }


@pytest.mark.slow
def test_two_hosts_give_the_records_and_scores_of_this_one(elsewhere: Elsewhere, tmp_path: Path) -> None:
    if elsewhere.hosts.problem:
        pytest.skip(elsewhere.hosts.problem)
    keep_only(elsewhere, "s0", "s1", "s2", "s3")
    elsewhere.hosts.scheduler()
    for host in ("one", "two"):
        elsewhere.hosts.worker(host)
    elsewhere.hosts.wait_for_workers(2)
    status, said = elsewhere.grade()
    assert status == 0, said
    assert "on 2 workers with 2 threads" in said
    assert [row[-1] for row in interrupted.scores(elsewhere.root)] == ["7", "10", "10", "7"]
    found = {student: records.unpack(data)[0] for student, data in elsewhere.saved().items()}
    expected = here(elsewhere, found["s0"].seed, tmp_path / "here")
    assert {s: observations(one) for s, one in found.items()} == {s: observations(one) for s, one in expected.items()}
    for student, one in found.items():
        for name in ("submission_sha256", "versions", "faults", "repairs", "files", "not_taken", "not_run"):
            assert getattr(one, name) == getattr(expected[student], name)
        assert one.observations
        assert one.key


def await_progress(process: subprocess.Popen[str], number: int) -> None:
    """Read what a run says until so many are done, and it goes on."""
    said = ""
    for line in process.stdout:
        said += line
        found = re.match(r"grading (\d+)/", line)
        if found and int(found[1]) >= number:
            break
    assert process.poll() is None, said


@pytest.mark.slow
def test_a_worker_the_scheduler_and_the_client_may_be_killed_in_turn(elsewhere: Elsewhere) -> None:
    hosts = elsewhere.hosts
    scheduler = hosts.scheduler()
    workers = [hosts.worker("one"), hosts.worker("two")]
    hosts.wait_for_workers(2)
    client = elsewhere.start("--jobs", "3")
    await_progress(client, 1)
    kill(workers[0])
    await_progress(client, 2)
    kill(scheduler)
    kill(workers[1])
    hosts.scheduler()
    hosts.worker("one")
    await_progress(client, 4)
    kill(client)
    before = elsewhere.saved()
    assert 4 <= len(before) < interrupted.STUDENTS
    status, said = elsewhere.grade()
    assert status == 0, said
    assert {student: data for student, data in elsewhere.saved().items() if student in before} == before
    expected = {f"s{number}": "7" if number % 3 == 0 else "10" for number in range(interrupted.STUDENTS)}
    assert {row[0]: row[-1] for row in interrupted.scores(elsewhere.root)} == expected


@pytest.mark.slow
def test_what_a_worker_says_is_looked_at_and_costs_its_own_student_a_decision(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    names = ("raising", "pickled", "foreign", "garbage", "dying")
    for student in names:
        shutil.copytree(elsewhere.root / "submitted" / "s1", elsewhere.root / "submitted" / student)
    keep_only(elsewhere, "s1", *names)
    touched = tmp_path / "touched"
    elsewhere.hosts.scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    preload = ("--preload", "tests.classrun.strange_worker")
    elsewhere.hosts.worker("one", *preload, TOUCHED=str(touched))
    client = elsewhere.start()
    said, _ = client.communicate()
    assert client.returncode == 1, said
    assert {row[0]: row[-1] for row in interrupted.scores(elsewhere.root)} == {"s1": "10"} | dict.fromkeys(names, "")
    assert "the workers that had this submission were lost" in said
    assert "another Record than was asked for; what differs: student" in said
    assert client.pid not in strange_worker.touched(touched)
    elsewhere.hosts.worker("two", *preload, TOUCHED=str(touched), STRANGE_VERSION="1.0")
    elsewhere.hosts.wait_for_workers(2)
    status, said = elsewhere.grade()
    assert status == 2, said
    assert re.search(r"not every worker can run .*: numpy 1\.0 instead of \d", said)
