"""Mutants and entries of the banks, observed in this process and judged in one run, each with a seed of its own."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from autograder.authoring.mutants import Mutant
from autograder.judge.run import judge
from autograder.judge.score import score
from autograder.models import Outcome, Score
from autograder.observe import record as records
from tests import builders
from tests.builders import MAX_SCORES, SOLUTION_CELLS, TODOS, observe_in_process, record, submission

Judged = dict[str, list[Outcome]]
"""The outcomes of every hidden test, by the name of the solution."""


def every_todo(mutant: Mutant) -> Collection[str]:
    """All of them."""
    return TODOS


def concerned(mutant: Mutant) -> Collection[str]:
    """The TODOs whose cells it replaces, and those that hang on them; all where nothing is replaced."""
    found = {todo for cell in mutant.cells for todo in SOLUTION_CELLS[cell]}
    found |= {"todo8"} if "todo7" in found else set()
    # What TODO 4 repeats of these was paid for there.
    return found | ({"todo2", "todo3"} if "todo4" in found else set()) or TODOS


def judged(
    mutants: Sequence[Mutant], folder: Path, seed: int, asked: Callable[[Mutant], Collection[str]] = every_todo
) -> Judged:
    """What the hidden tests say of each solution in the TODOs that are asked for."""
    students = {f"s{number}": mutant for number, mutant in enumerate(mutants)}
    for number, (student, mutant) in enumerate(students.items()):
        observed = observe_in_process(mutant.cells, seed + number, asked(mutant))
        # What stands in the notebook is what feedback may repeat.
        sources = [{"source": cell.source, "outputs": []} for cell in submission(mutant.cells).cells]
        executed = json.dumps({"cells": sources})
        saved = record(student, observed, seed=seed + number)
        records.save(saved, records.path_of(folder, student), executed)
    found: Judged = {mutant.name: [] for mutant in mutants}
    assert len(found) == len(mutants), "two solutions share a name"
    for outcome in judge(builders.assignment(), [records.path_of(folder, student) for student in students]):
        found[students[outcome.student].name].append(outcome)
    return found


def scores_of(mutants: Sequence[Mutant], found: Judged) -> dict[str, list[Score]]:
    """The scores by the name of the solution."""
    return {mutant.name: score(found[mutant.name], MAX_SCORES) for mutant in mutants}


def lost(scores: Sequence[Score]) -> set[str]:
    """The grade cells that were judged and are not full."""
    return {score.grade_id for score in scores if score.points is not None and score.points != score.max_score}


def messages(scores: Sequence[Score]) -> str:
    """All that the student reads."""
    return "\n".join(message for score in scores for message in score.messages)


def kinds(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], str]:
    """(grade id, hidden test) -> what it said."""
    return {(outcome.grade_id, outcome.test): outcome.kind for outcome in outcomes}
