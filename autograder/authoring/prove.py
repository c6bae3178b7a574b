"""Prove a source notebook: its solution scores everything, its release nothing, each mutant what it must."""

from pathlib import Path

from autograder.authoring import mutants
from autograder.authoring.mutants import Mutant
from autograder.classrun.grade import grade
from autograder.classrun.settings import Settings
from autograder.kernel.folders import own_folder
from autograder.models import Graded, Submission

SOLUTION, RELEASE = "solution", "release"


def prove(settings: Settings, source: Path, release: Path) -> list[str]:
    """Grade solution, release notebook and mutants; one sentence per grade cell that is not as it must be."""
    name = settings.assignment.name
    chosen = [m for m in mutants.mutants(settings.assignment) if mutants.belongs(m, settings.source)]
    with own_folder("prove-") as folder:
        submissions = [Submission(SOLUTION, name, source), Submission(RELEASE, name, release)]
        for number, mutant in enumerate(chosen):
            path = mutants.write_mutant(mutant, settings.source, folder / "written" / str(number))
            submissions.append(Submission(f"mutant_{number}", name, path))
        graded = grade(submissions, settings, folder / "records")
    rows = zip(graded, [None, None, *chosen], strict=True)
    return [problem for one, mutant in rows for problem in wrong(one, mutant)]


def wrong(graded: Graded, mutant: Mutant | None = None) -> list[str]:
    """Grade cells that do not have full marks (solution) or zero (release), or that a mutant misses."""
    if mutant is not None:
        return mutants.misjudged(mutant, graded)
    who = graded.submission.student
    full = who == SOLUTION
    return [
        f"the {who} notebook scores {score.points} of {score.max_score:g} on {score.grade_id}: "
        + ("; ".join(score.messages) or "no hidden test failed")
        for score in graded.scores
        if score.points != (score.max_score if full else 0)
    ]
