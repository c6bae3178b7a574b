"""A submission's turn: nothing when it is done, its saved Record when that is of the same bytes, else a run."""

import errno
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.classrun.judging import SECOND
from autograder.classrun.keys import Keys, same_files
from autograder.classrun.prepare import prepare
from autograder.classrun.run import RunSubmission, run
from autograder.classrun.settings import Settings
from autograder.classrun.stream import Turn
from autograder.errors import GraderError, Interrupted, Unwritable
from autograder.models import Submission
from autograder.observe import record as records
from autograder.observe.stop import Stop
from autograder.text import plain_text

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
STARVED = "it did not get its time, alone on the machine either; grade this submission again"


@dataclass(frozen=True)
class Observing:
    """How turns are given."""

    settings: Settings
    folder: Path
    """Of the Records."""
    keys: Keys
    stop: Stop = field(default_factory=Stop)
    elsewhere: RunSubmission | None = None
    """What runs submissions, if not this machine."""
    reuse: bool = False
    """Whether a Record of the same key stands for a run."""
    is_done: Callable[[Submission, str], bool] = lambda submission, key: False
    begins: Callable[[Submission, str], None] = lambda submission, key: None

    def turn(self, submission: Submission, last: bool) -> Turn:
        """What became of it; a fault of ours is the reason in it, and a full disk ends the whole run."""
        try:
            self.stop.check()
            return self.taken(submission, last)
        except Interrupted:
            return Turn(submission, "interrupted")
        except Unwritable as error:
            self.stop.ask(str(error))
            return Turn(submission, "interrupted")
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                self.stop.ask(f"the disk is full ({error})")
                return Turn(submission, "interrupted")
            # Our own fault: the student is not blamed, and the rest of the class goes on.
            print(plain_text(traceback.format_exc()), file=sys.stderr)
            reason = plain_text(f"the grader failed ({type(error).__name__}: {error}); grade this submission again")
            return Turn(submission, "failed", reason=reason)

    def taken(self, submission: Submission, last: bool) -> Turn:
        """The same; whatever fails is raised."""
        key = self.keys.key(submission)
        if self.is_done(submission, key):
            return Turn(submission, "published", key)
        self.begins(submission, key)
        runs, whole = [(self.settings, self.folder)], True
        if (other := self.settings.second_seed) is not None:
            runs.append((replace(self.settings, seed=other), self.folder / SECOND))
        for settings, folder in runs:
            path = records.path_of(folder, submission.student)
            if self.reuse and key and key_in(path) == key:
                continue
            left = self.observed(submission, settings, path, key, last)
            if left is None:
                return Turn(submission, "failed" if last else "starved", key, STARVED)
            whole = whole and bool(left)
        if other is None:
            records.path_of(self.folder / SECOND, submission.student).unlink(missing_ok=True)
        return Turn(submission, "observed", key if whole else "")

    def observed(self, submission: Submission, settings: Settings, path: Path, key: str, last: bool) -> str | None:
        """The key of the Record that its run left; None, and nothing is saved, when it got no time.

        What a starved run left is better than nothing the last time, but no whole Record of the same bytes is given up
        for it.
        """
        observe = self.elsewhere or run
        record, notebook, served = observe(submission, settings, prepare(submission, settings), self.stop)
        if not served and (not last or same_files(key_in(path), key)):
            return None
        # Somebody may have handed in again while it was read.
        kept = key if served and self.keys.key(submission) == key else ""
        # Not nbformat.writes: its validation costs more than the judge, and publishing validates anyway.
        records.save(replace(record, key=kept), path, json.dumps(notebook) if notebook else None)
        return kept


def key_in(path: Path) -> str:
    """The key of a saved Record; empty when there is none that may stand for a run."""
    try:
        return records.read(path)[0].key
    except GraderError:
        return ""
