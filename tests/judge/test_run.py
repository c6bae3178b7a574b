"""The judge as a process: real pytest over saved Records.

Covers autograder/errors.py and autograder/judge/pytest_plugin.py.
"""

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
