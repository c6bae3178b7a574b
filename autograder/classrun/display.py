"""How far a run has come: a line that moves in a terminal, and a plain line now and then anywhere else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from autograder.classrun.stream import GiveTurn, Turn
from autograder.models import Submission

EVERY_PART = 0.1
EVERY_S = 30.0
"""A plain line is written when so much more is done, or so long after the last one."""


@dataclass
class Display:
    """What a run tells of itself, from several threads at once."""

    total: int = 0
    clock: Callable[[], float] = time.monotonic
    changed: Callable[["Display"], None] = lambda display: None
    """Told after each step."""
    done: int = 0
    ran: int = 0
    """Of those that are done: not skipped."""
    failed: int = 0
    undecided: int = 0
    running: dict[str, float] = field(default_factory=dict)
    """Student -> since when."""

    def __post_init__(self) -> None:
        self._started = self.clock()
        self._lock = threading.Lock()

    def watched(self, work: GiveTurn) -> GiveTurn:
        """The same work, of whose turns this tells."""

        def turn(submission: Submission, last: bool) -> Turn:
            self.begins(submission.student)
            ended = work(submission, last)
            self.ended(ended, last)
            return ended

        return turn

    def begins(self, student: str) -> None:
        """A submission's turn begins."""
        with self._lock:
            self.running[student] = self.clock()
            self.changed(self)

    def ended(self, turn: Turn, last: bool) -> None:
        """A turn has ended; unless it was the ``last``, who failed or starved has another one."""
        with self._lock:
            self.running.pop(turn.submission.student, None)
            if turn.state in ("observed", "published") or last:
                self.done += turn.state != "interrupted"
                self.ran += turn.state == "observed"
                self.failed += turn.state == "failed"
            self.changed(self)

    def waits(self, students: int) -> None:
        """So many more wait for a person."""
        with self._lock:
            self.undecided += students

    def told(self) -> str:
        """All but how many are done, in words."""
        counts = {"running": len(self.running), "?": self.undecided, "failed": self.failed}
        words = [f"{count} {name}" for name, count in counts.items() if count]
        if self.ran:
            per_s = self.ran / max(self.clock() - self._started, 1e-9)
            words += [f"{60 * per_s:.3g}/min", f"{span((self.total - self.done) / per_s)} left"]
        if self.running:
            slowest, since = min(self.running.items(), key=lambda one: one[1])
            words.append(f"slowest {slowest} {span(self.clock() - since)}")
        return ", ".join(words)


def span(seconds: float) -> str:
    """A time as a person reads it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Words(ProgressColumn):
    """The display's words, beside the bar."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def render(self, task: Task) -> Text:
        """As they are now."""
        return Text(self._display.told())


class PlainLines:
    """Writes how far a run has come when there is news enough."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console = title, console
        self._done, self._at = 0, 0.0

    def __call__(self, display: Display) -> None:
        """Write a line, or nothing."""
        now = display.clock()
        more = display.done - self._done >= EVERY_PART * display.total or now - self._at >= EVERY_S
        if display.done > self._done and (more or display.done == display.total):
            self._done, self._at = display.done, now
            line = f"{self._title} {display.done}/{display.total} {display.told()}"
            self._console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def shown(title: str, total: int, console: Console) -> Iterator[Display]:
    """A display of a run of so many submissions, for as long as it lasts."""
    if not console.is_terminal:
        yield Display(total, changed=PlainLines(title, console))
        return
    display = Display(total)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Words(display))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total)
        display.changed = lambda one: bar.update(task, completed=one.done)
        yield display
