"""The page of an appeal: several runs of one exercise side by side. It can be sent to the student."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import nbformat

from autograder.cells import grade_id, solution_before
from autograder.models import Score
from autograder.publish.feedback_page import page_environment
from autograder.publish.told import property_of
from autograder.text import inert, plain_text


@dataclass(frozen=True)
class AppealColumn:
    """One run."""

    title: str
    score: Score | None
    facts: Mapping[str, str]


@dataclass(frozen=True)
class AppealPage:
    """An exercise of a student."""

    student: str
    notebook: str
    exercise: str
    columns: tuple[AppealColumn, ...]
    code: str

    @property
    def agrees(self) -> bool:
        """Whether all runs give the same points."""
        return len({column.score.points if column.score else None for column in self.columns}) == 1


def student_code(executed: str | None, exercise: str) -> str:
    """The cell that the student wrote for an exercise."""
    cells = nbformat.from_dict(json.loads(executed)).cells if executed else []
    at = next((i for i, cell in enumerate(cells) if grade_id(cell) == exercise), None)
    solution = solution_before(cells, at) if at is not None else None
    return inert(cells[solution].source) if solution is not None else ""


def appeal_html(page: AppealPage) -> str:
    """The page: one file that runs nothing and fetches nothing."""
    tests = dict.fromkeys(one.test for column in page.columns if column.score for one in column.score.outcomes)
    rows = [(property_of(test), [said(column.score, test) for column in page.columns]) for test in tests]
    points = [shown_score(column.score) for column in page.columns]
    names = dict.fromkeys(name for column in page.columns for name, value in column.facts.items() if value)
    facts = [(name, [plain_text(column.facts.get(name, "")) for column in page.columns]) for name in names]
    template = page_environment().get_template("appeal.html.j2")
    return template.render(page=page, rows=rows, given=points, facts=facts)


def said(score: Score | None, test: str) -> tuple[str, str]:
    """What a hidden test said in one run: a word and a reason."""
    found = [one for one in score.outcomes if one.test == test] if score else []
    return (found[0].kind, plain_text(found[0].message)) if found else ("not there", "")


def shown_score(score: Score | None) -> str:
    """Points of one run."""
    if score is None or score.points is None:
        return "a person decides"
    return f"{score.points:g} of {score.max_score:g}"
