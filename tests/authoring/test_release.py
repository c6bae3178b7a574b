"""The committed release is what the source gives, and a bad source gives none.

Covers autograder/authoring/prove.py.
"""

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.prove import wrong
from autograder.cells import grade_id
from autograder.models import Graded, Submission
from tests import builders
from tests.builders import GRADING, NAME, ROOT, outcome, record
from tests.conftest import GradedCourse, run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_committed_release_is_generated_from_the_source(graded_course: GradedCourse) -> None:
    assert contents(ROOT / "release" / NAME) == contents(graded_course.root / "release" / NAME)


def test_a_source_that_fails_its_proof_is_not_released(tmp_path: Path) -> None:
    root = builders.make_course(tmp_path)
    path = root / "source" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    solution = next(cell for cell in notebook.cells if grade_id(cell) == "solution_todo1")
    solution.source = "def train_attention_only(model):\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION"
    nbformat.write(notebook, path)
    done = run(root, "release", NAME)
    assert done["status"] == 1
    assert "the solution notebook scores 0 of 10 on todo1: nothing was frozen" in str(done["output"]).replace("\n", " ")
    assert not (root / "release").exists()


@pytest.mark.slow
def test_a_release_grades_a_mutant_for_each_hidden_test(tmp_path: Path) -> None:
    root = builders.make_course(tmp_path)
    shutil.copy(GRADING / "mutants.py", root / "grading" / NAME)
    with (root / "grading" / NAME / "mutants.py").open("a") as file:
        file.write("MUTANTS += (BY_NAME['zeros'].__class__('harmless', {}, {'todo1'}),)\n")
    done = run(root, "release", NAME)
    problems = [line for line in str(done["output"]).splitlines() if line.startswith("- ")]
    assert problems == ["- the mutant 'harmless' scores 10 of 10 on todo1: no hidden test failed"], done["output"]


def test_the_proof_demands_full_marks_of_the_solution_and_zero_of_the_release() -> None:
    from autograder.judge.score import score

    half = tuple(score([outcome(points=6), outcome("failed", points=4, message="no")], {"todo1": 10.0}))
    for who in ("solution", "release"):
        graded = Graded(Submission(who, NAME, Path()), record(who), half)
        assert wrong(graded) == [f"the {who} notebook scores 6 of 10 on todo1: no"]


def test_a_second_release_replaces_the_first(graded_course: GradedCourse, tmp_path: Path) -> None:
    from autograder.course import Course
    from autograder.publish.register import generate

    root = tmp_path / "course"
    shutil.copytree(graded_course.root, root, ignore=shutil.ignore_patterns("submitted", "records"))
    (root / "release" / NAME / "old.txt").write_text("x")
    assert generate(Course(root), NAME) == root / "release" / NAME
    assert contents(root / "release" / NAME) == contents(ROOT / "release" / NAME)
