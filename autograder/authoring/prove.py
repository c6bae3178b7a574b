"""Prove a source notebook: its solution scores everything, its release nothing, and neither crashes."""

import tempfile
from pathlib import Path

from autograder.classrun.run import Settings, grade
from autograder.models import Graded, Submission

SOLUTION, RELEASE = "solution", "release"


def prove(settings: Settings, source: Path, release: Path) -> list[str]:
    """Grade the solution and the release notebook; one sentence per grade cell that is not as it must be."""
    name = settings.assignment.name
    submissions = [Submission(SOLUTION, name, source), Submission(RELEASE, name, release)]
    with tempfile.TemporaryDirectory(prefix="prove-") as folder:
        graded = grade(submissions, settings, Path(folder))
    return [problem for one in graded for problem in wrong(one)]


def wrong(graded: Graded) -> list[str]:
    """Grade cells that do not have full marks (solution) or zero (release)."""
    who = graded.submission.student
    full = who == SOLUTION
    return [
        f"the {who} notebook scores {score.points} of {score.max_score:g} on {score.grade_id}: "
        + ("; ".join(score.messages) or "no hidden test failed")
        for score in graded.scores
        if score.points != (score.max_score if full else 0)
    ]
