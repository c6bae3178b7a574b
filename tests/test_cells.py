"""Which cell is what: from nbgrader's metadata and the order of the cells, never from their names."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder import cells


def marked(name: str, *flags: str, kind: str = "code", points: float = 0) -> NotebookNode:
    """A cell with these of nbgrader's flags."""
    settings = {
        "schema_version": 3,
        "grade_id": name,
        "points": points,
        "solution": False,
        "grade": False,
        "task": False,
    }
    make = new_code_cell if kind == "code" else new_markdown_cell
    return make("x = 1", metadata={"nbgrader": settings | dict.fromkeys(flags, True)})


SOLUTION = marked("a", "solution")
CHECK = marked("b", "grade", points=3)
SECOND_CHECK = marked("c", "grade", points=4)
WRITTEN = marked("d", "grade", "solution", points=5)
ESSAY = marked("e", "grade", "solution", kind="markdown", points=6)
TASK = marked("f", "task", kind="markdown", points=7)
PLAIN = new_code_cell("x = 2")
NOTEBOOK = [PLAIN, SOLUTION, CHECK, PLAIN, SECOND_CHECK, WRITTEN, ESSAY, TASK]


def test_hidden_tests_give_the_points_of_checks_and_a_person_those_of_answers_and_tasks() -> None:
    assert cells.max_scores(NOTEBOOK) == {"b": 3, "c": 4}
    assert cells.by_hand(NOTEBOOK) == {"d": 5, "e": 6, "f": 7}


def test_the_checks_up_to_the_next_solution_cell_judge_a_solution() -> None:
    assert cells.judged_by(NOTEBOOK) == {"a": ["b", "c"], "d": []}
    assert cells.judged_by([SOLUTION, WRITTEN, CHECK]) == {"a": [], "d": ["b"]}


@pytest.mark.parametrize(("position", "expected"), [(0, None), (1, 1), (4, 1), (5, 5), (7, 5)])
def test_a_cell_follows_the_code_solution_above_it(position: int, expected: int | None) -> None:
    assert cells.solution_before(NOTEBOOK, position) == expected


def test_a_cell_that_nbgrader_does_not_know_has_no_name_and_no_points() -> None:
    assert cells.grade_id(PLAIN) == ""
    assert not any(is_one(PLAIN) for is_one in (cells.is_judged, cells.is_answer, cells.is_code_solution))


def test_each_solution_region_has_its_own_label_or_none() -> None:
    source = "### BEGIN SOLUTION TODO 2\nx\n### END SOLUTION\n### BEGIN SOLUTION\ny\n### END SOLUTION"
    assert cells.labels(source) == ["TODO 2", ""]
    assert cells.labels("x = 1") == []


@pytest.mark.parametrize("source", ["check.one(f)", "check.one(f)\nprint(f(1), end='')", "# told in the text\nf()"])
def test_a_check_that_only_calls_is_only_shown(source: str) -> None:
    assert cells.is_only_shown(new_code_cell(source, metadata=CHECK.metadata))
    assert not cells.is_only_shown(new_code_cell(source, metadata=SOLUTION.metadata))
    assert not cells.is_only_shown(new_code_cell(source, metadata=PLAIN.metadata))


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = f()",
        "check(x := f())",
        "assert f()",
        "f",
        "for i in g(): f(i)",
        "%time f()",
        "f(",
        "f()\nx = 1",
        "pass",
    ],
)
def test_a_check_that_binds_or_asserts_or_cannot_be_read_is_run(source: str) -> None:
    assert not cells.is_only_shown(new_code_cell(source, metadata=CHECK.metadata))
