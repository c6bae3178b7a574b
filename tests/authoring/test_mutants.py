"""Mutants of the course: read, matched with notebooks, and judged before a release."""

import dataclasses
import sys
from pathlib import Path

import pytest

from autograder.assignment import Assignment
from autograder.authoring.mutants import Mutant, misjudged, mutants, strangers
from autograder.errors import AuthorError
from autograder.models import Graded, Score, Submission
from tests.builders import NAME, record, source_notebook

MUTANT = Mutant("half", {"solution_todo1": "x"}, loses={"todo1"})


def graded(first: float | None, second: float | None) -> Graded:
    scores = (Score("todo1", 10, first, ("why",)), Score("todo2", 10, second))
    return Graded(Submission("m", NAME, Path()), record("m"), scores)


def test_a_mutant_that_loses_what_it_must_is_no_problem() -> None:
    assert misjudged(MUTANT, graded(4, 10)) == []


def test_a_mutant_that_keeps_its_points_is_a_problem() -> None:
    assert misjudged(MUTANT, graded(10, 10)) == ["the mutant 'half' scores 10 of 10 on todo1: why"]


def test_a_mutant_that_loses_other_points_or_is_undecided_is_a_problem() -> None:
    assert misjudged(MUTANT, graded(None, 9)) == [
        "the mutant 'half' scores ? of 10 on todo1: why",
        "the mutant 'half' scores 9 of 10 on todo2: no hidden test failed",
    ]


def test_a_mutant_whose_mistake_is_not_named_is_a_problem() -> None:
    assert misjudged(dataclasses.replace(MUTANT, says="why"), graded(4, 10)) == []
    found = misjudged(dataclasses.replace(MUTANT, says="the bias"), graded(4, 10))
    assert found == ["the mutant 'half' is not told: the bias"]


def test_mutants_import_from_files_beside_them_and_leave_no_trace(tmp_path: Path) -> None:
    for course in ("one", "two"):
        folder = tmp_path / course / "hw"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "forms.py").write_text(f"NAME = '{course}'")
        (folder / "mutants.py").write_text(
            "from autograder.authoring.mutants import Mutant\nfrom .forms import NAME\nMUTANTS = [Mutant(NAME, {})]"
        )
        assert [mutant.name for mutant in mutants(Assignment("hw", folder))] == [course]
    assert "hw" not in sys.modules
    assert str(tmp_path / "one") not in sys.path


def test_a_mutant_of_cells_that_no_notebook_has_is_named() -> None:
    lost = [Mutant("lost", {"solution_9": ""}), Mutant("astray", {"solution_todo1": ""}, loses={"todo9"})]
    found = strangers([MUTANT, *lost], [source_notebook()])
    assert found == ["the mutant 'lost' fits no notebook: solution_9", *found[1:]]
    assert [text.split("'")[1] for text in found] == ["lost", "astray"]


def test_a_course_without_mutants_has_none(tmp_path: Path) -> None:
    assert mutants(Assignment("x", tmp_path)) == ()


@pytest.mark.parametrize("text", ["x = 1", "MUTANTS = [1]", "raise ValueError", "MUTANTS = 3"])
def test_what_is_no_list_of_mutants_is_the_authors_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mutants.py").write_text(text)
    with pytest.raises(AuthorError, match="MUTANTS"):
        mutants(Assignment("x", tmp_path / "x"))
