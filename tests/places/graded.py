"""Graded submissions for the formats, made of scores and never run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.models import Fault, Graded, Score, Submission
from autograder.places.upload import GradedUpload
from tests import builders

NAME = "ps1"
FULL = Score("one", 10.0, 10.0)
PART = Score("two", 5.0, 2.5, ("the mean is `wrong`", "two\nlines"))
NOTHING = Score("three", 2.0, 0.0, ("no",))
WAITING_SCORE = Score("four", 3.0, None, ("could not be graded: the kernel died",))


def graded(scores: Sequence[Score], student: str = "ada", **fields: Any) -> Graded:
    """One student's notebook."""
    record = builders.record(student, assignment=NAME, sandbox={"mounts": "applied"}, wall_s=1.25, **fields)
    return Graded(Submission(student, NAME, Path("x.ipynb")), record, tuple(scores))


def uploaded(*scores: Score, notes: tuple[str, ...] = ()) -> GradedUpload:
    """An upload with one notebook."""
    return GradedUpload("ada", {NAME: graded(scores)}, notes)


HOSTILE = "![x](http://evil.example/p.png) <img src=x onerror=alert(1)> $$\\href{javascript:1}{x}$$ | `a` \x1b[31m"
HOSTILE_FAULT = Fault("one", "limit", HOSTILE)
