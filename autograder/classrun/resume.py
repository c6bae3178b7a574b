"""Grade a class into its gradebook, as a stream: what is done is skipped, and what was interrupted goes on.

Ledger and gradebook are two files, so a student is published first and then marked: whoever comes between is published
once more, with the same scores.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from types import FrameType

from autograder.classrun.display import Display
from autograder.classrun.grade import graded_turns
from autograder.classrun.history import History
from autograder.classrun.judging import rejudge, with_notebook
from autograder.classrun.keys import Keys, same_files
from autograder.classrun.lease import lease
from autograder.classrun.ledger import FILE, Attempts, Ledger
from autograder.classrun.observing import Observing
from autograder.classrun.run import RunSubmission
from autograder.classrun.settings import Settings
from autograder.classrun.stream import Turn, turns
from autograder.course import Course
from autograder.garbage import look_for_cycles_seldom
from autograder.models import ClassRow, Graded, Submission
from autograder.observe.stop import Stop
from autograder.publish.gradebook import TOGETHER, names_in, publish, published_students
from autograder.publish.lateness import Lateness, settle
from autograder.publish.table import row_of
from autograder.submission.times import stamp_of

KEPT = "the gradebook keeps the scores of the run before"
REJUDGED_TOGETHER = 500
"""Records that are worth new processes of the judge's."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class ClassRun:
    """One notebook of an assignment on its way into the gradebook."""

    course: Course
    settings: Settings
    ledger: Ledger
    stop: Stop
    force: bool = False
    elsewhere: RunSubmission | None = None
    display: Display = field(default_factory=Display)
    say: Callable[[str], None] = lambda message: None
    rows: dict[str, ClassRow] = field(default_factory=dict)
    """Of every student who is done, this time or before."""
    skipped: int = 0
    notes: list[str] = field(default_factory=list)
    """What the operator should know besides."""
    left: int = 0
    """How many an early end has kept from their turn."""
    run: int = 0
    """Its number in the history, once it has decided on somebody."""

    def __post_init__(self) -> None:
        assignment, notebook = self.settings.assignment.name, self.settings.notebook
        self.keys = Keys.of(self.settings)
        self.folder = self.course.records(assignment, notebook)
        self.attempts = Attempts(self.ledger, assignment, notebook)
        self.published = published_students(self.course, assignment, notebook)
        self.history = History(self.ledger, self.settings)
        self.command = "grade"
        self.lateness = Lateness.of(self.course, assignment, notebook)
        # A table of people that cannot be read is said before anybody is run.
        names_in(self.course)

    def grade(self, submissions: Sequence[Submission]) -> None:
        """Give everybody a turn; judge and publish what has had one, in batches. GraderError when nothing can be saved.

        After ``stop`` was asked for, what is observed is still judged and published.
        """
        self.attempts.queue(submission.student for submission in submissions)
        observing = Observing(
            self.settings, self.folder, self.keys, self.stop, self.elsewhere, not self.force, self.is_done, self.begins
        )
        batches = turns(submissions, self.display.watched(observing.turn), jobs=self.settings.jobs, stop=self.stop)
        with closing(batches):
            for batch in batches:
                self.take(batch)
        self.settle()

    def rejudge(self, submissions: Sequence[Submission]) -> None:
        """Judge and publish the saved Records of these students."""
        self.command = "rejudge"
        self.attempts.queue(submission.student for submission in submissions)
        look_for_cycles_seldom()
        waiting = iter(submissions)
        while not self.stop.reason and (batch := [*islice(waiting, REJUDGED_TOGETHER)]):
            graded = rejudge(batch, self.settings, self.folder)
            self.publish(graded, {})
            self.notes += [note for one in graded if (note := self.changed(one))]
        self.left += sum(1 for _ in waiting)
        self.settle()

    def settle(self) -> None:
        """Bring late penalties up to date for everybody: those who were skipped may have another due date, too."""
        self.notes += settle(self.course, self.lateness, self.say)

    def changed(self, graded: Graded) -> str:
        """A sentence when the submission is not the one that its Record is of."""
        student = graded.submission.student
        if not graded.submission.path.parent.is_dir():
            return f"{student}: nothing is handed in any more; the score is of what was"
        key = graded.record.key
        if key and not same_files(key, self.keys.key(graded.submission)):
            return f"{student}: handed in again since it was run; the score is of what was. Grade it again."
        return ""

    def is_done(self, submission: Submission, key: str) -> bool:
        """Whether the gradebook holds what this key and these hidden tests give."""
        if self.force or not key or submission.student not in self.published:
            return False
        entry = self.attempts.of(submission.student)
        return entry is not None and (entry.published, entry.verdict) == (key, self.keys.verdict) and bool(entry.row)

    def begins(self, submission: Submission, key: str) -> None:
        """Note that a turn has begun."""
        self.attempts.mark([submission.student], "running")

    def take(self, batch: list[Turn]) -> None:
        """Judge and publish those who were observed; note the others."""
        for turn in batch:
            if turn.state == "published":
                self.skip(turn.submission.student)
            self.left += turn.state == "interrupted"
        self.attempts.mark([turn.submission.student for turn in batch if turn.state == "observed"], "observed")
        kept = [turn for turn in batch if turn.state == "failed" and self.is_kept(turn.submission)]
        for turn in kept:
            self.keep(turn)
        graded = graded_turns([turn for turn in batch if turn not in kept], self.settings, self.folder)
        self.publish(graded, {turn.submission: turn for turn in batch})

    def skip(self, student: str) -> None:
        """Take the row of the run before."""
        entry = self.attempts.of(student)
        if entry is not None and entry.row is not None:
            self.rows[student] = entry.row
        self.skipped += 1

    def is_kept(self, submission: Submission) -> bool:
        """Whether the gradebook holds scores of the same bytes, which no fault of ours may take away."""
        entry = self.attempts.of(submission.student)
        held = entry is not None and submission.student in self.published and entry.published
        return bool(held) and same_files(self.keys.key(submission), held or "")

    def keep(self, turn: Turn) -> None:
        """The student's row says what failed; the gradebook stays as it is."""
        (graded,) = graded_turns([turn], self.settings, self.folder)
        row = row_of(graded)
        self.rows[row.student] = replace(row, notes=(*row.notes, KEPT))
        self.attempts.mark([row.student], "failed", turn.reason)

    def publish(self, graded: Sequence[Graded], turns: dict[Submission, Turn]) -> None:
        """Publish and mark these; a student who cannot be published has a row that says so."""
        self.attempts.mark([one.submission.student for one in graded], "judged")
        # The executed notebooks are in memory only for those who are published together.
        for first in range(0, len(graded), TOGETHER):
            part = graded[first : first + TOGETHER]
            self.publish_part([with_notebook(one, self.settings, self.folder) for one in part], turns)
        for turn in turns.values():
            if turn.state == "failed":
                self.attempts.mark([turn.submission.student], "failed", turn.reason)

    def publish_part(self, graded: Sequence[Graded], turns: dict[Submission, Turn]) -> None:
        """The same of so many as the gradebook takes at once."""
        assignment, notebook = self.settings.assignment.name, self.settings.notebook
        problems = publish(self.course, assignment, graded, notebook, say=self.say)
        marked = []
        for one in graded:
            if one.submission in problems:
                self.refuse(one, problems[one.submission])
                continue
            self.rows[one.submission.student] = row = self.row(one)
            turn = turns.get(one.submission)
            # Only what both the run and its Record know to be whole may be skipped from now on.
            key = one.record.key if turn is None or turn.key else ""
            marked.append((key, self.keys.verdict, row))
        self.attempts.publish(marked)
        self.remember([one for one in graded if one.submission not in problems])
        self.display.waits(sum(bool(row.undecided) for _, _, row in marked))

    def remember(self, graded: Sequence[Graded]) -> None:
        """Write down what was decided, as one run of the history."""
        if graded:
            self.run = self.run or self.history.begin(self.command, self.keys)
            self.history.keep(self.run, graded)

    def row(self, graded: Graded) -> ClassRow:
        """The student's row, with what is wrong about the time of the submission."""
        row, (_, note) = row_of(graded), stamp_of(self.course, graded.submission.path.parent)
        return replace(row, notes=(*row.notes, note)) if note else row

    def refuse(self, graded: Graded, problem: str) -> None:
        """The row of a student whose scores the gradebook does not take."""
        waiting = tuple(replace(score, points=None) for score in graded.scores)
        row = row_of(replace(graded, scores=waiting))
        self.rows[row.student] = replace(row, notes=(*row.notes, problem))
        self.attempts.mark([row.student], "failed", problem)


@contextmanager
def course_ledger(course: Course, stop: Stop) -> Iterator[Ledger]:
    """The course's ledger, and nobody else may grade the course meanwhile."""
    with closing(Ledger(course.root / FILE)) as ledger, lease(ledger, stop):
        yield ledger


@contextmanager
def interruptible(stop: Stop) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for an end; a second one ends this process at once, and its kernels with it."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.reason:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.ask(signal.Signals(number).name)

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(reason: str) -> int:
    """What a shell expects of a program that a signal has ended; 1 for any other early end, 0 for none."""
    if reason in signal.Signals.__members__:
        return 128 + signal.Signals[reason]
    return 1 if reason else 0
