"""Many submissions, a bounded number of them at a time: what has had its turn comes out in batches, as it ends."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Literal

from autograder.garbage import look_for_cycles_seldom
from autograder.models import Submission
from autograder.observe.stop import Stop

BATCH = 50
"""Turns that are worth a process of the judge's and a transaction of the gradebook's."""
TURNS_AHEAD = 2
"""Turns for each job that are begun or stand in line: enough to go on while a batch is judged."""

TurnState = Literal["published", "observed", "starved", "failed", "interrupted"]

REPEATED = ("starved", "failed")


@dataclass(frozen=True)
class Turn:
    """What became of one submission."""

    submission: Submission
    state: TurnState
    """The first: it was before, with the same key. The last: it was not begun, or ended half-way."""
    key: str = ""
    reason: str = ""


GiveTurn = Callable[[Submission, bool], Turn]
"""Gives a submission its turn; told whether it is the last one. It raises nothing."""


def turns(
    submissions: Iterable[Submission],
    work: GiveTurn,
    *,
    jobs: int,
    stop: Stop,
    done: Callable[[str], None] = lambda student: None,
) -> Generator[list[Turn], None, None]:
    """Batches of turns that have ended; who failed or starved has a second one, alone, when all others are done.

    ``done`` is told each student whose last turn has ended, from whatever thread it ended in.
    """

    def take(submission: Submission, *, last: bool) -> Turn:
        turn = work(submission, last)
        if last or turn.state not in REPEATED:
            done(submission.student)
        return turn

    look_for_cycles_seldom()
    again: list[Submission] = []
    for batch in ended(submissions, partial(take, last=False), jobs, stop):
        again += [turn.submission for turn in batch if turn.state in REPEATED]
        yield [turn for turn in batch if turn.state not in REPEATED]
    yield from ended(again, partial(take, last=True), 1, stop)


def ended(
    submissions: Iterable[Submission], work: Callable[[Submission], Turn], jobs: int, stop: Stop
) -> Generator[list[Turn], None, None]:
    """Batches of turns that have ended; the last one when nothing runs any more."""
    waiting = iter(submissions)
    running: set[Future[Turn]] = set()
    batch: list[Turn] = []
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="turn")
    try:
        while True:
            running |= {pool.submit(work, one) for one in islice(waiting, TURNS_AHEAD * jobs - len(running))}
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            batch += [future.result() for future in done]
            if len(batch) >= BATCH:
                yield batch
                batch = []
        yield batch
    except BaseException:
        # Nobody takes the rest: whoever judges or publishes has failed.
        stop.ask("the run has ended")
        raise
    finally:
        pool.shutdown(cancel_futures=True)
