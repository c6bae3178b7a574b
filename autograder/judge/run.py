"""Judge saved Records in a process of its own, which never meets student code."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from autograder.assignment import Assignment
from autograder.errors import AuthorError
from autograder.judge.journal import CPU_S, WALL_S, is_unfinished, written
from autograder.kernel.folders import own_folder
from autograder.models import Outcome

CONFIG = Path(__file__).parent / "pytest.ini"
RECORDS_MIN = 100
"""That are worth a process of their own, which takes longer to start than to judge a few."""
FINISHED = (0, 1, 2, 5)
"""pytest's exit statuses when tests were run: all passed, some failed, a file is broken, or none are its own."""
SAID_MAX_BYTES = 50_000
HOW: dict[int, str] = {
    signal.SIGXCPU: f"it took more than {CPU_S} s of processor time",
    signal.SIGALRM: f"it took more than {WALL_S} s",
    signal.SIGKILL: "it was killed; is memory short?",
    signal.SIGSEGV: "compiled code crashed",
}
JUDGE_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


def judge(assignment: Assignment, paths: list[Path]) -> list[Outcome]:
    """Outcomes of every hidden test for every Record's file; AuthorError when pytest itself cannot run.

    Many are divided among the processors.
    """
    processes = max(1, min(os.cpu_count() or 1, len(paths) // RECORDS_MIN))
    with ThreadPoolExecutor(processes) as pool:
        parts = pool.map(lambda first: judge_part(assignment, paths[first::processes]), range(processes))
        return [outcome for part in parts for outcome in part]


def judge_part(assignment: Assignment, paths: list[Path]) -> list[Outcome]:
    """The same in one process, and in a new one where a hidden test ended it: that costs one Record one grade cell."""
    with own_folder("judge-") as workspace:
        records, journal = workspace / "records.json", workspace / "journal"
        records.write_text(json.dumps([str(path.resolve()) for path in paths]), encoding="utf-8")
        ended: dict[str, str] = {}
        while True:
            status, said = judging_process(assignment, records, journal)
            outcomes = written(journal)
            lost = [name for name, one in outcomes.items() if is_unfinished(one) and name not in ended]
            if not lost:
                break
            ended |= {name: broken(outcomes[name], status) for name in lost}
    if status not in FINISHED:
        raise AuthorError(f"the hidden tests of {assignment.name} cannot run:\n{said[-5000:]}")
    if paths and not outcomes:
        raise AuthorError(f"no hidden test of {assignment.name} can be run:\n{said[-3000:]}")
    return [replace(one, message=ended.get(name, one.message)) for name, one in outcomes.items()]


def judging_process(assignment: Assignment, records: Path, journal: Path) -> tuple[int, str]:
    """The exit status of pytest over the Records that the journal leaves open, and what it said."""
    command = [
        sys.executable, "-B", "-m", "pytest", "-c", str(CONFIG), "--rootdir", str(assignment.folder),
        "-p", "autograder.judge.pytest_plugin", "--continue-on-collection-errors",
        "--records", str(records), "--outcomes", str(journal), str(assignment.folder),
    ]  # fmt: skip
    with (records.parent / "said").open("w+", encoding="utf-8", errors="replace") as said:
        done = subprocess.run(
            command, cwd=records.parent, env=judge_environment(), stdout=said, stderr=subprocess.STDOUT, check=False,
            # A Ctrl-C is for the grader alone, which ends when this has ended.
            process_group=0,
        )  # fmt: skip
        said.seek(max(0, said.seek(0, os.SEEK_END) - SAID_MAX_BYTES))
        return done.returncode, said.read()


def broken(outcome: Outcome, status: int) -> str:
    """How a hidden test ended the process that called it."""
    how = HOW.get(-status) or (f"signal {-status}" if status < 0 else f"exit status {status}")
    return f"the hidden test {outcome.test} is broken: it ended the judge ({how})"


def judge_environment() -> dict[str, str]:
    """The few variables that Python needs; no plugin of the operator's is loaded."""
    kept = {name: os.environ[name] for name in JUDGE_ENV if name in os.environ}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
