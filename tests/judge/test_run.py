"""The judge as a process: real pytest over saved Records.

Covers autograder/errors.py, autograder/judge/case.py, autograder/judge/direct.py, autograder/judge/journal.py and
autograder/judge/pytest_plugin.py.
"""

import io
import json
import zipfile
from pathlib import Path

import pytest

from autograder.assignment import Assignment, load_assignment
from autograder.errors import AuthorError
from autograder.judge.run import judge
from autograder.observe import record as records
from tests import builders

TESTS = """
import pytest

@pytest.mark.points("todo1", 4)
def test_good(observed):
    assert observed["x"].number() == 1, "x is not one"

@pytest.mark.points("todo1", 6)
def test_broken(observed):
    {}["missing"]

@pytest.mark.points("todo2", 5)
def test_never_observed(observed):
    assert False, "not reached"
"""
DECLARES = "from autograder.assignment import Declaration\n\nDECLARATION = Declaration()\n"


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "test_small.py").write_text(TESTS)
    (folder / "probes.py").write_text("PROBES = {}\n")
    (folder / "assignment.py").write_text(DECLARES)
    return load_assignment(folder)


def saved(folder: Path, student: str, x: int) -> Path:
    observations = {"todo1": builders.through_the_wire({"x": x})}
    path = records.path_of(folder, student)
    records.save(builders.record(student, observations), path)
    return path


def test_each_test_judges_each_record_and_says_whose_fault_it_is(tmp_path: Path, assignment: Assignment) -> None:
    outcomes = judge(assignment, [saved(tmp_path, "right", 1), saved(tmp_path, "wrong", 2)])
    found = {(o.student, o.test): (o.kind, o.message) for o in outcomes}
    assert found["right", "test_good"] == ("passed", "")
    assert found["wrong", "test_good"] == ("failed", "x is not one")
    assert found["right", "test_broken"][0] == "error"
    assert "test_broken is broken" in found["right", "test_broken"][1]
    assert found["right", "test_never_observed"][0] == "unobserved"


def test_a_hidden_test_without_points_is_the_authors_error(tmp_path: Path, assignment: Assignment) -> None:
    (assignment.folder / "test_small.py").write_text("def test_x(observed):\n    pass\n")
    with pytest.raises(Exception, match="cannot run"):
        judge(assignment, [saved(tmp_path, "right", 1)])


def test_a_file_that_cannot_be_imported_does_not_hide_the_others(tmp_path: Path, assignment: Assignment) -> None:
    (assignment.folder / "test_bad.py").write_text("import nowhere_to_be_found\n")
    outcomes = judge(assignment, [saved(tmp_path, "right", 1)])
    assert {o.test for o in outcomes} == {"test_good", "test_broken", "test_never_observed"}


def test_when_no_file_can_be_imported_the_author_is_told(tmp_path: Path, assignment: Assignment) -> None:
    (assignment.folder / "test_small.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(AuthorError, match=r"no hidden test of small can be run(.|\n)*test_small"):
        judge(assignment, [saved(tmp_path, "right", 1)])


def test_nothing_beside_the_records_is_imported(tmp_path: Path, assignment: Assignment) -> None:
    path = saved(tmp_path, "planted", 2)
    for name in ("conftest.py", "sitecustomize.py", "numpy.py"):
        (path.parent / name).write_text("raise SystemExit('imported')\n")
    kinds = {o.test: o.kind for o in judge(assignment, [path])}
    assert kinds["test_good"] == "failed"


UNUSUAL = """
import os, signal
import pytest

@pytest.fixture(scope="module")
def shared():
    return object()

@pytest.fixture
def closed():
    yield 1

@pytest.fixture(autouse=True)
def first(observed):
    observed["x"].number()

@pytest.mark.points("todo1", 1)
def test_with_a_shared_fixture(observed, shared):
    assert observed["x"].number() == 1, "x is not one"

@pytest.mark.points("todo1", 1)
def test_with_a_fixture_that_yields(observed, closed):
    assert observed["x"].number() == closed, "x is not one"

@pytest.mark.points("todo1", 1)
class TestOfAClass:
    def test_method(self, observed):
        assert observed["x"].number() == 1, "x is not one"

@pytest.mark.parametrize("wanted", [1, 2])
@pytest.mark.points("todo1", 1)
def test_with_parameters(observed, wanted):
    assert observed["x"].number() == wanted, f"x is not {wanted}"

@pytest.mark.points("todo1", 1)
def test_with_its_own_record(record, request, seed):
    assert record.observations["todo1"]["x"].number() == 1, "x is not one"
"""


def test_an_author_writes_whatever_pytest_can_run(tmp_path: Path, assignment: Assignment) -> None:
    (assignment.folder / "test_small.py").write_text(UNUSUAL)
    outcomes = judge(assignment, [saved(tmp_path, "right", 1), saved(tmp_path, "wrong", 3)])
    assert len(outcomes) == 12
    kinds = {(o.student, o.test, o.message): o.kind for o in outcomes}
    assert {test for student, test, _ in kinds if student == "wrong"} == {o.test for o in outcomes}
    assert all(kind == "failed" for (student, _, _), kind in kinds.items() if student == "wrong")
    failed = [message for (student, _, message), kind in kinds.items() if student == "right" and kind == "failed"]
    assert failed == ["x is not 2"]


FATAL = """
import os, signal, time
import pytest

@pytest.mark.points("todo1", 4)
def test_before(observed):
    pass

@pytest.mark.points("todo1", 6)
def test_fatal(observed{extra}):
    if observed["x"].number() == 2:
        {act}

@pytest.mark.points("todo2", 5)
def test_after(record):
    pass
"""


@pytest.mark.parametrize("extra", ["", ", tmp_path"], ids=["plain", "left to pytest"])
@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("os._exit(0)", "exit status 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "it was killed"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "processor time"),
        ("os.kill(os.getpid(), signal.SIGALRM)", "it took more than 300 s"),
        ("pytest.exit('enough')", "exit status"),
    ],
)
def test_a_hidden_test_that_ends_the_judge_costs_one_grade_cell_of_one_record(
    tmp_path: Path, assignment: Assignment, act: str, told: str, extra: str
) -> None:
    (assignment.folder / "test_small.py").write_text(FATAL.format(act=act, extra=extra))
    outcomes = judge(assignment, [saved(tmp_path, f"s{x}", x) for x in (1, 2, 3)])
    assert len(outcomes) == 9
    (fatal,) = [o for o in outcomes if o.kind != "passed"]
    assert (fatal.student, fatal.test, fatal.kind, fatal.points) == ("s2", "test_fatal", "error", 6)
    assert "test_fatal is broken" in fatal.message
    assert told in fatal.message


def test_a_hidden_test_that_ends_the_judge_every_time_is_given_up(tmp_path: Path, assignment: Assignment) -> None:
    text = FATAL.format(act="pass", extra="").replace('observed["x"]', 'os._exit(1) or observed["x"]')
    (assignment.folder / "test_small.py").write_text(text)
    outcomes = judge(assignment, [saved(tmp_path, f"s{x}", x) for x in range(6)])
    assert [o.kind for o in outcomes if o.test != "test_fatal"] == ["passed"] * 12
    told = [o.message for o in outcomes if o.test == "test_fatal"]
    assert ["given up" in message for message in told] == [False] * 3 + [True] * 3


def test_a_record_that_cannot_be_read_costs_nobody_else_anything(tmp_path: Path, assignment: Assignment) -> None:
    damaged = saved(tmp_path, "damaged", 1)
    damaged.write_bytes(damaged.read_bytes()[:-40])
    outcomes = judge(assignment, [damaged, saved(tmp_path, "right", 1)])
    assert {o.kind for o in outcomes if o.student == "damaged"} == {"error"}
    assert all("the Record is damaged" in o.message for o in outcomes if o.student == "damaged")
    assert [o.kind for o in outcomes if o.student == "right" and o.test == "test_good"] == ["passed"]


def test_a_damaged_notebook_is_nobodys_fault_where_something_is_to_be_told(
    tmp_path: Path, assignment: Assignment
) -> None:
    paths = {name: saved(tmp_path, name, x) for name, x in (("right", 1), ("wrong", 2), ("whole", 2))}
    for name, path in paths.items():
        data = records.pack(records.load(path), json.dumps({"cells": []}))
        path.write_bytes(data if name == "whole" else other_notebook(data))
    found = {o.student: (o.kind, o.message) for o in judge(assignment, [*paths.values()]) if o.test == "test_good"}
    assert found["right"] == ("passed", "")
    assert found["whole"] == ("failed", "x is not one")
    assert found["wrong"][0] == "error"
    assert "the Record is damaged" in found["wrong"][1]


def other_notebook(data: bytes) -> bytes:
    """A packed Record with a notebook of another run."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return records.zipped(members | {records.NOTEBOOK: b"[]"})


BOUNDED = """
import resource, time
import pytest

@pytest.mark.points("todo1", 4)
def test_memory(observed):
    bytearray(8 << 30)

@pytest.mark.points("todo1", 6)
def test_time(observed):
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] - time.process_time() <= 21
"""


def test_a_hidden_test_has_bounds_of_memory_and_time(tmp_path: Path, assignment: Assignment) -> None:
    (assignment.folder / "test_small.py").write_text(BOUNDED)
    memory, time = judge(assignment, [saved(tmp_path, "right", 1)])
    assert (memory.kind, "MemoryError" in memory.message) == ("error", True)
    assert time.kind == "passed"
