"""What a submission costs in each of the two sandboxes, in processor seconds of everything that it takes.

    python benchmarks/sandboxes.py 20        submissions in each run; runs of the two alternate, three of each

Only root can have a control group count supervisors and bubblewrap too.
"""

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from autograder.kernel.choice import SANDBOX_VARIABLE
from tests import operators

KINDS = ("namespaces", "landlock")
RUNS = 3
PROMISE = 1.2
"""What the second one may cost, where the first one costs 1."""
GROUPS = {Path("/sys/fs/cgroup/cpuacct"): ("cpuacct.usage", 1e9), Path("/sys/fs/cgroup"): ("cpu.stat", 1e6)}
"""Where a control group is made, and which file counts the time, in what part of a second; version 1 first."""
OBSERVED = """
import sys, tempfile
from pathlib import Path
from benchmarks.sandboxes import used_s
from tests.kernel.soak import run_submission
counter, unit, number = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
with tempfile.TemporaryDirectory() as folder:
    act = run_submission(Path(folder))
    for _ in range(3):
        act()
    started = used_s(counter, unit)
    for _ in range(number):
        act()
    print((used_s(counter, unit) - started) / number)
"""
"""What runs in the group: submissions, one after the other."""


@contextlib.contextmanager
def group() -> Iterator[tuple[Path, Path, float]]:
    """A control group, the file that counts its time, and the unit."""
    parent = next(parent for parent, (name, _) in GROUPS.items() if (parent / name).exists())
    name, unit = GROUPS[parent]
    made = Path(tempfile.mkdtemp(prefix="sandboxes-", dir=parent))
    try:
        yield made, made / name, unit
    finally:
        made.rmdir()


def used_s(counter: Path, unit: float) -> float:
    """What the group has used so far."""
    text = counter.read_text().removeprefix("usage_usec ")
    return int(text.split()[0]) / unit


def run(kind: str, submissions: int) -> float:
    """Processor seconds of one submission, after three that are not counted: the warm parent starts with the first."""
    with group() as (made, counter, unit), folders() as (home, stage):
        done = operators.run_as(
            ["-c", OBSERVED, str(counter), str(unit), str(submissions)],
            root=True,
            home=home,
            stage=stage,
            env={SANDBOX_VARIABLE: kind},
            through=["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(made)],
        )
        if done.returncode:
            sys.exit(f"{kind}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return float(done.stdout)


@contextlib.contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A home that everybody may pass, with a short path, and an empty folder."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as made:
        os.chmod(made, 0o755)
        for name in ("home", "stage"):
            Path(made, name).mkdir()
        yield Path(made, "home"), Path(made, "stage")


def main(submissions: int) -> None:
    """Print every figure as it comes and what the second one costs more; exit status 1 when that is too much."""
    figures: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(RUNS):
        for kind in KINDS:
            figures[kind].append(run(kind, submissions))
            print(f"{kind:12s}{figures[kind][-1]:8.3f} s", flush=True)
    first, second = (statistics.median(figures[kind]) for kind in KINDS)
    print(f"medians     {first:8.3f} s and {second:.3f} s")
    print(f"{'landlock / namespaces':24s}{second / first:8.2f}   promised: at most {PROMISE}")
    sys.exit(second / first > PROMISE)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 20)
