"""What the judging process writes down while it works, so that another can go on where it was killed.

A line names a hidden test and a Record before they meet, the next one says what became of them. Each meeting has its
own bounds: what breaks them ends the process, and costs this Record this grade cell and nobody else anything.
"""

import json
import math
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from autograder.judge.case import Case, HiddenTest
from autograder.models import Outcome

CPU_S = 20
"""Of one hidden test and one Record."""
WALL_S = 300
"""The same in wall time, for one that waits for something."""
MEMORY_BYTES = 4 << 30
FILE_BYTES = 1 << 30
LOST_MAX = 3
"""Processes that one hidden test may end."""


class Journal:
    """The file of one judging process, and of those before it that were killed."""

    def __init__(self, path: Path) -> None:
        before = written(path)
        self.done = before.keys()
        self.lost = Counter(outcome.test for outcome in before.values() if is_unfinished(outcome))
        self.file = path.open("a", encoding="utf-8")
        self.cpu_s = 0
        limit(resource.RLIMIT_DATA, MEMORY_BYTES)
        limit(resource.RLIMIT_FSIZE, FILE_BYTES)
        limit(resource.RLIMIT_CORE, 0)

    def is_open(self, name: str, case: Case, test: HiddenTest) -> bool:
        """Whether a hidden test is still to be run on a Record; one that ended too many processes is given up."""
        if name in self.done:
            return False
        if self.lost[test.name] < LOST_MAX:
            return True
        words = f"the hidden test {test.name} is broken: it ended the judge {LOST_MAX} times and was given up"
        self.write(name, Outcome(case.student, test.grade_id, test.name, test.points, "error", words))
        return False

    def keep(self, name: str, case: Case, test: HiddenTest, run: Callable[[], BaseException | None]) -> None:
        """Run a hidden test, unless it was judged before, and write down what became of it.

        That reaches the file when the next begins, or with ``flush``: one write for two lines.
        """
        if self.is_open(name, case, test):
            self.begin(name, case, test)
            outcome = case.outcome(test, run())
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.write(name, outcome)

    def begin(self, name: str, case: Case, test: HiddenTest) -> None:
        """Note what is about to run, and give it its time."""
        self.write(name, Outcome(case.student, test.grade_id, test.name, test.points, "error"))
        self.flush()
        self.allow(math.ceil(time.process_time()) + CPU_S)
        signal.setitimer(signal.ITIMER_REAL, WALL_S)

    def end(self, name: str, outcome: Outcome) -> None:
        """Note what became of it."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.write(name, outcome)
        self.flush()

    def flush(self) -> None:
        """Have in the file what was written."""
        self.file.flush()

    def allow(self, cpu_s: int) -> None:
        """Let this process use so much processor time in all."""
        if cpu_s != self.cpu_s:
            self.cpu_s = cpu_s
            limit(resource.RLIMIT_CPU, cpu_s)

    def write(self, name: str, outcome: Outcome) -> None:
        """Add a line."""
        self.file.write(json.dumps([name, vars(outcome)]) + "\n")


def limit(which: int, value: int) -> None:
    """Lower a limit of this process, as far as it is not lower already."""
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def written(path: Path) -> dict[str, Outcome]:
    """What a journal says of each pair, by name; the last line may have been cut off.

    Line by line, and each name of a test once, since many Records are judged together.
    """
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines if line.endswith("\n"))
        return {name: Outcome(**row | {key: sys.intern(row[key]) for key in NAMES}) for name, row in rows}


NAMES = ("student", "grade_id", "test", "kind")


def is_unfinished(outcome: Outcome) -> bool:
    """Whether a hidden test began and nothing was written of its end."""
    return outcome.kind == "error" and not outcome.message
