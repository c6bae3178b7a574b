"""From Records to scores, without a kernel."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.classrun.prepare import Prepared, digest
from autograder.classrun.run import blank
from autograder.classrun.settings import Settings
from autograder.errors import AuthorError, GraderError
from autograder.judge.run import judge
from autograder.judge.score import agreed, score_class
from autograder.models import Graded, Outcome, Record, Score, Submission
from autograder.observe import record as records

SECOND = ".second-seed"
"""Folder of the Records of second runs, beside those of the first."""
OUTDATED = "the probes have changed since this submission was run; grade it again"


def rejudge(submissions: Sequence[Submission], settings: Settings, folder: Path) -> list[Graded]:
    """Judge the saved Records of these submissions, of both runs where there were two; no kernel is started."""
    graded = judged(submissions, settings, folder)
    twice = [s for s in submissions if records.path_of(folder / SECOND, s.student).is_file()]
    again = {one.submission: one.scores for one in judged(twice, settings, folder / SECOND)} if twice else {}
    return [
        replace(one, scores=tuple(agreed(one.scores, again[one.submission]))) if one.submission in again else one
        for one in graded
    ]


def judged(submissions: Sequence[Submission], settings: Settings, folder: Path) -> list[Graded]:
    """The scores of these Records; one that cannot be judged waits for a person and costs nobody else anything.

    A Record that other probes left is not judged: its inputs were others, so any verdict would be wrong.
    The executed notebooks are not among it: ``with_notebook``.
    """
    loaded = {s: loadable(s, settings, records.path_of(folder, s.student)) for s in submissions}
    current = [s for s, (_, problem) in loaded.items() if not problem]
    outcomes = outcomes_of(settings, [records.path_of(folder, s.student) for s in current])
    loaded |= damaged(current, outcomes, settings, folder)
    scores = score_class(outcomes, settings.max_scores)
    return [
        replace(one, scores=tuple(scores[s.student]))
        if not problem and s.student in scores
        else without_decision(one, settings, problem or NOT_JUDGED)
        for s, (one, problem) in loaded.items()
    ]


NOT_JUDGED = "the hidden tests could not be run over this Record; grade it by hand"


def without_decision(graded: Graded, settings: Settings, problem: str) -> Graded:
    """The same without a decision; its Record stands for no whole run, so that the next one tries again."""
    return replace(graded, record=replace(graded.record, key=""), scores=tuple(waiting(settings, problem)))


def outcomes_of(settings: Settings, paths: list[Path]) -> list[Outcome]:
    """What the hidden tests say of these Records; nothing of one that they cannot be run over.

    AuthorError when that is so with each of them: then it is the tests' fault.
    """
    try:
        return judge(settings.assignment, paths) if paths else []
    except AuthorError as error:
        alone = [outcomes_of_one(settings, path) for path in paths] if len(paths) > 1 else []
        if not any(alone):
            raise error
        return [outcome for outcomes in alone for outcome in outcomes]


def outcomes_of_one(settings: Settings, path: Path) -> list[Outcome]:
    """The same of one Record."""
    try:
        return judge(settings.assignment, [path])
    except AuthorError:
        return []


def loadable(submission: Submission, settings: Settings, path: Path) -> tuple[Graded, str]:
    """A saved Record, not judged yet, and why it cannot be, if it cannot; an empty one where none can be read.

    No more of it is read than what is published: what was observed is the judge's, and most of it.
    """
    try:
        record = records.saved_at(path).summary
    except GraderError as error:
        return unjudged(submission, settings, str(error)), str(error)
    if record.assignment != submission.assignment:
        problem = f"the Record is of {record.assignment!r}; grade this submission again"
        return unjudged(submission, settings, problem), problem
    problem = "" if record.probes_sha256 == settings.assignment.probes_sha256 else OUTDATED
    return Graded(submission, record, ()), problem


def damaged(
    submissions: Sequence[Submission], outcomes: Sequence[Outcome], settings: Settings, folder: Path
) -> dict[Submission, tuple[Graded, str]]:
    """Those of whose Record the judge could not read all, as ``loadable`` tells of them."""
    suspect, found = {outcome.student for outcome in outcomes if outcome.kind == "error"}, {}
    for submission in submissions:
        if submission.student in suspect:
            try:
                records.read(records.path_of(folder, submission.student))
            except GraderError as error:
                found[submission] = unjudged(submission, settings, str(error)), str(error)
    return found


def with_notebook(graded: Graded, settings: Settings, folder: Path) -> Graded:
    """The same with the executed notebook, which is large and so is read when it is published.

    Without a decision when it is damaged, or the Record is not the one that was judged.
    """
    if graded.record.not_run:
        return graded
    try:
        saved = records.saved_at(records.path_of(folder, graded.submission.student))
        if told_of_run(saved.summary) != told_of_run(graded.record):
            raise GraderError(REPLACED_MEANWHILE)
        return replace(graded, executed=saved.notebook)
    except GraderError as error:
        return unjudged(graded.submission, settings, str(error))


REPLACED_MEANWHILE = "the Record was replaced while it was judged; grade this submission again"


def told_of_run(record: Record) -> str:
    """What tells one run from another, as text; the key is taken from those that stand for no whole run."""
    return repr(replace(record, observations={}, key=""))


def unjudged(submission: Submission, settings: Settings, problem: str) -> Graded:
    """A submission of which nothing is known, for this reason: no grade cell of it is decided."""
    record = blank(submission, settings, Prepared(digest(b""), not_run=problem))
    return Graded(submission, record, tuple(waiting(settings, problem)))


def waiting(settings: Settings, problem: str) -> list[Score]:
    """No decision on any grade cell, for this reason."""
    return [Score(name, points, None, (problem,)) for name, points in settings.max_scores.items()]
