"""Grade a class without a course around it: what `check`, `release` and plain nbgrader need. Nothing is published."""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from autograder.classrun.judging import rejudge, unjudged, with_notebook
from autograder.classrun.keys import Keys
from autograder.classrun.observing import Observing
from autograder.classrun.settings import Settings
from autograder.classrun.stream import Turn, turns
from autograder.errors import Interrupted
from autograder.kernel import choice
from autograder.models import Graded, Submission
from autograder.observe.stop import Stop


def grade(
    submissions: Iterable[Submission],
    settings: Settings,
    folder: Path,
    *,
    done: Callable[[str], None] = lambda student: None,
    stop: Stop | None = None,
) -> list[Graded]:
    """Observe every submission and judge it; its Record lands in ``folder``. In the order of the submissions.

    SandboxError when the sandbox cannot be had here, before anything is run. ``done`` is told each student
    whose run has ended. No submission's fault ends the run of another; Interrupted when ``stop`` is asked for, or the
    disk is full.
    """
    submissions = list(submissions)
    if settings.sandboxed:
        choice.require_sandbox()
    observing = Observing(settings, folder, Keys.of(settings), stop or Stop())
    graded: dict[Submission, Graded] = {}
    with closing(turns(submissions, observing.turn, jobs=settings.jobs, stop=observing.stop, done=done)) as batches:
        for batch in batches:
            decided = graded_turns(batch, settings, folder)
            graded |= {one.submission: with_notebook(one, settings, folder) for one in decided}
    if observing.stop.reason:
        raise Interrupted(observing.stop.reason)
    return [graded[submission] for submission in submissions]


def graded_turns(batch: list[Turn], settings: Settings, folder: Path) -> list[Graded]:
    """The scores of those that were observed, and no decision on those that failed; no executed notebooks yet."""
    observed = [turn.submission for turn in batch if turn.state == "observed"]
    failed = [unjudged(turn.submission, settings, turn.reason) for turn in batch if turn.state == "failed"]
    return [*(rejudge(observed, settings, folder) if observed else []), *failed]
