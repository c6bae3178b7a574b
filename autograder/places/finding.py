"""One row of `autograder doctor`: what was looked at, what is there, and what to do when grading would not start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from autograder.errors import CourseError, SandboxError

RowState = Literal["ok", "without", "stops"]


@dataclass(frozen=True)
class Finding:
    """What this machine has of one thing."""

    what: str
    said: str
    state: RowState = "ok"
    """Or grading works without it, or it does not start."""
    remedy: str = ""


def tried(what: str, act: Callable[[], str]) -> Finding:
    """What an act of the run's own says; when it refuses, the run would too, with the same words."""
    try:
        return Finding(what, act())
    except SandboxError as error:
        return Finding(what, f"{error.layer}: {error.problem}", "stops", error.remedy)
    except CourseError as error:
        problem, _, advice = str(error).partition(". ")
        return Finding(what, problem, "stops", advice)
