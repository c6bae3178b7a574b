"""Solutions whose verdict the course knows: ``MUTANTS`` in ``grading/NAME/mutants.py``, graded before every release."""

import runpy
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.assignment import Assignment
from autograder.authoring.answers import fill
from autograder.cells import grade_id, max_scores
from autograder.errors import AuthorError
from autograder.models import Graded

FILE = "mutants.py"


@dataclass(frozen=True)
class Mutant:
    """The instructor's solution with some cells replaced, and which grade cells must lose points by it."""

    name: str
    cells: Mapping[str, str]
    """Grade id of a solution cell -> its source."""
    loses: Set[str] = field(default_factory=frozenset)
    """Grade ids; all others must keep full marks."""


def mutants(assignment: Assignment) -> tuple[Mutant, ...]:
    """What the course declares, or nothing; AuthorError when that cannot be read."""
    path = assignment.folder / FILE
    if not path.is_file():
        return ()
    try:
        found = tuple(runpy.run_path(str(path))["MUTANTS"])
    except Exception as error:
        raise AuthorError(f"{path} declares no MUTANTS ({type(error).__name__}: {error})") from error
    if not all(isinstance(mutant, Mutant) for mutant in found):
        raise AuthorError(f"MUTANTS in {path} holds something else than autograder.authoring.mutants.Mutant")
    return found


def strangers(found: Iterable[Mutant], sources: Sequence[NotebookNode]) -> list[str]:
    """A sentence for every mutant that names cells which no one notebook of the assignment has."""
    return [
        f"the mutant '{mutant.name}' fits no notebook: {', '.join(sorted({*mutant.cells, *mutant.loses}))}"
        for mutant in found
        if not any(belongs(mutant, source) for source in sources)
    ]


def write(mutant: Mutant, source: NotebookNode, folder: Path) -> Path:
    """The mutant as a file that can be graded."""
    path = folder / "mutant.ipynb"
    folder.mkdir(parents=True)
    nbformat.write(fill(source, mutant.cells), path)
    return path


def belongs(mutant: Mutant, source: NotebookNode) -> bool:
    """Whether a mutant replaces, and is judged by, cells of this notebook."""
    solutions = {grade_id(cell) for cell in source.cells if is_solution(cell)}
    return mutant.cells.keys() <= solutions and mutant.loses <= max_scores(source.cells).keys()


def misjudged(mutant: Mutant, graded: Graded) -> list[str]:
    """One sentence per grade cell that did not lose what it must, or lost what it must keep."""
    found = []
    for score in graded.scores:
        why = "; ".join(score.messages) or "no hidden test failed"
        if score.points is None or (score.points < score.max_score) != (score.grade_id in mutant.loses):
            shown = "?" if score.points is None else f"{score.points:g}"
            found.append(f"the mutant '{mutant.name}' scores {shown} of {score.max_score:g} on {score.grade_id}: {why}")
    return found
