"""Solutions whose verdict the course knows: ``MUTANTS`` in ``grading/NAME/mutants.py``, graded before every release."""

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
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

MUTANTS_FILE = "mutants.py"


@dataclass(frozen=True)
class Mutant:
    """The instructor's solution with some cells replaced, and which grade cells must lose points by it."""

    name: str
    cells: Mapping[str, str]
    """Grade id of a solution cell -> its source."""
    loses: Set[str] = field(default_factory=frozenset)
    """Grade ids; all others must keep full marks."""
    says: str = ""
    """Words that the feedback must hold."""


def mutants(assignment: Assignment) -> tuple[Mutant, ...]:
    """What the course declares, or nothing; AuthorError when that cannot be read."""
    path = assignment.folder / MUTANTS_FILE
    if not path.is_file():
        return ()
    try:
        with importable(assignment.folder):
            found = tuple(importlib.import_module(f"{assignment.name}.{path.stem}").MUTANTS)
    except Exception as error:
        raise AuthorError(f"{path} declares no MUTANTS ({type(error).__name__}: {error})") from error
    if not all(isinstance(mutant, Mutant) for mutant in found):
        raise AuthorError(f"MUTANTS in {path} holds something else than autograder.authoring.mutants.Mutant")
    return found


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """A package can be imported while this lasts, and leaves no trace: another course may have one of its name."""
    sys.path.insert(0, str(folder.parent))
    before = {name: sys.modules.pop(name) for name in loaded(folder.name)}
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder.parent))
        for name in loaded(folder.name):
            del sys.modules[name]
        sys.modules.update(before)


def loaded(package: str) -> list[str]:
    """The names of a package and its modules, as far as they were imported."""
    return [name for name in sys.modules if name.partition(".")[0] == package]


def strangers(found: Iterable[Mutant], sources: Sequence[NotebookNode]) -> list[str]:
    """A sentence for every mutant that names cells which no one notebook of the assignment has."""
    return [
        f"the mutant '{mutant.name}' fits no notebook: {', '.join(sorted({*mutant.cells, *mutant.loses}))}"
        for mutant in found
        if not any(belongs(mutant, source) for source in sources)
    ]


def write_mutant(mutant: Mutant, source: NotebookNode, folder: Path) -> Path:
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
    """One sentence per grade cell that did not lose what it must, or lost what it must keep, and for words not said."""
    said = "\n".join(message for score in graded.scores for message in score.messages)
    found = [f"the mutant '{mutant.name}' is not told: {mutant.says}"] if mutant.says not in said else []
    for score in graded.scores:
        why = "; ".join(score.messages) or "no hidden test failed"
        if score.points is None or (score.points < score.max_score) != (score.grade_id in mutant.loses):
            shown = "?" if score.points is None else f"{score.points:g}"
            found.append(f"the mutant '{mutant.name}' scores {shown} of {score.max_score:g} on {score.grade_id}: {why}")
    return found
