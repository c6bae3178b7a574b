"""Judge saved Records in a process of its own, which never meets student code."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autograder.assignment import Assignment
from autograder.errors import AuthorError
from autograder.kernel.folders import own_folder
from autograder.models import Outcome

CONFIG = Path(__file__).parent / "pytest.ini"
RECORDS_MIN = 8
"""That are worth a process of their own, which takes longer to start than to judge a few."""
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
    """The same in one process."""
    with own_folder("judge-") as workspace:
        records, outcomes = workspace / "records.json", workspace / "outcomes.json"
        records.write_text(json.dumps([str(path.resolve()) for path in paths]), encoding="utf-8")
        command = [
            sys.executable, "-B", "-m", "pytest", "-c", str(CONFIG), "--rootdir", str(assignment.folder),
            "-p", "autograder.judge.pytest_plugin", "--continue-on-collection-errors",
            "--records", str(records), "--outcomes", str(outcomes), str(assignment.folder),
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=workspace, env=judge_environment(), capture_output=True, text=True, check=False,
            # A Ctrl-C is for the grader alone, which ends when this has ended.
            process_group=0,
        )  # fmt: skip
        if not outcomes.exists() or done.returncode not in (0, 1, 2):
            raise AuthorError(
                f"the hidden tests of {assignment.name} cannot run:\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
            )
        rows = json.loads(outcomes.read_text(encoding="utf-8"))
        if paths and not rows:
            raise AuthorError(f"no hidden test of {assignment.name} can be run:\n{done.stdout[-3000:]}")
        return [Outcome(**row) for row in rows]


def judge_environment() -> dict[str, str]:
    """The few variables that Python needs; no plugin of the operator's is loaded."""
    kept = {name: os.environ[name] for name in JUDGE_ENV if name in os.environ}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
