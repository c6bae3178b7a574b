"""Where submissions are run: on this machine, or on those of a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from autograder.classrun import ready
from autograder.classrun.run import RunSubmission
from autograder.classrun.settings import Settings
from autograder.errors import UsageError
from autograder.kernel import choice
from autograder.kernel.resident import missing_layers
from autograder.observe.stop import Stop

DASK_MISSING = "--scheduler needs Dask, which is not installed here: pip install 'autograder[cluster]'"


@dataclass(frozen=True)
class Machines:
    """Where a run takes place."""

    where: str
    """For the head of the run; empty for this machine."""
    threads: int | None
    """Submissions at a time, where the cluster says so."""
    run_of: Callable[[Settings], RunSubmission | None]
    """What runs the submissions to a homework there; nothing for this machine."""

    def at_a_time(self, settings: Settings, jobs: int | None) -> Settings:
        """The settings with as many jobs as were asked for, or as these machines can do; fewer if they must be."""
        if self.threads is not None:
            return replace(settings, jobs=jobs or self.threads)
        return replace(settings, jobs=ready.jobs_allowed(jobs or settings.jobs))


HERE = Machines("", None, lambda settings: None)


@contextmanager
def machines(scheduler: str, resources: str, stop: Stop, *, sandboxed: bool) -> Iterator[Machines]:
    """Those of the scheduler at this address, or this one; UsageError when they are not fit for it."""
    if not scheduler:
        if sandboxed:
            ready.require_interpreter()
            choice.require_sandbox()
        yield HERE
        return
    try:
        from autograder.classrun.cluster import SENT_AHEAD, cluster
    except ImportError as error:
        raise UsageError(f"{DASK_MISSING} ({error})") from error
    with cluster(scheduler, stop, amounts(resources)) as found:
        threads = found.threads()
        where = f"on {len(threads)} workers with {sum(threads.values())} threads, of {scheduler}"
        yield Machines(where, SENT_AHEAD * sum(threads.values()), lambda settings: found.take(settings).run)


def amounts(resources: str) -> dict[str, float]:
    """Name -> amount, from a text like ``GPU=1,MEMORY=4e9``, which Dask's workers take; UsageError when it is none."""
    try:
        return {name: float(n) for name, _, n in (one.partition("=") for one in resources.split(",") if one)}
    except ValueError:
        raise UsageError(f"'{resources}' names no resources: write GPU=1") from None


def isolation(settings: Settings, where: Machines) -> str:
    """How submissions are kept apart from all else, in words."""
    if not settings.sandboxed:
        return "WITHOUT A SANDBOX, as your own user"
    if where.where:
        return f"in sandboxes {where.where}"
    missing = missing_layers()
    return choice.sandbox_in_words() + (f" without {' and '.join(missing)}" if missing else "")
