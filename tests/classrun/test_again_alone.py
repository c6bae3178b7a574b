"""What did not get its time runs again when the others are done, alone, and at most once.

Covers autograder/classrun/observing.py and autograder/classrun/stream.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.classrun import observing
from autograder.classrun.keys import Keys
from autograder.classrun.settings import settings_of
from autograder.classrun.stream import turns
from autograder.errors import KernelLost
from autograder.models import Record, Submission
from autograder.observe import record as records
from autograder.observe.stop import Stop
from tests import builders
from tests.builders import NAME, ROOT


class Class:
    """Three submissions, of which some get no time so often."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, starved: dict[str, int]) -> None:
        self.folder, self.starved = folder, starved
        self.runs: list[str] = []
        """Who was run, in order."""
        names = ("first", "unstarted", "second")
        self.submissions = [Submission(s, NAME, builders.hand_in(folder, s, b"{}")) for s in names]
        monkeypatch.setattr(observing, "run", self.run)

    def run(self, submission: Submission, *_: object) -> object:
        """In a real run's place."""
        self.runs.append(submission.student)
        served = self.runs.count(submission.student) > self.starved.get(submission.student, 0)
        if not served and submission.student == "unstarted":
            raise KernelLost("no kernel")
        return builders.record(submission.student, wall_s=float(served)), None, served

    def grade(self, jobs: int) -> dict[str, str]:
        """Student -> what became of the last turn."""
        settings = settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb")
        one = observing.Observing(replace(settings, jobs=jobs), self.folder / "records", Keys.of(settings))
        batches = turns(self.submissions, one.turn, jobs=jobs, stop=Stop())
        return {turn.submission.student: turn.state for batch in batches for turn in batch}

    def record(self, student: str) -> Record:
        """What is saved of a student."""
        return records.load(records.path_of(self.folder / "records", student))


def test_a_starved_submission_runs_again_after_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_ = Class(tmp_path, monkeypatch, {"first": 1})
    assert set(class_.grade(jobs=3).values()) == {"observed"}
    assert sorted(class_.runs[:3]) == ["first", "second", "unstarted"]
    assert class_.runs[3:] == ["first"]


def test_a_kernel_that_did_not_start_is_tried_again_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class_ = Class(tmp_path, monkeypatch, {"unstarted": 1})
    class_.grade(jobs=1)
    assert class_.runs[3:] == ["unstarted"]
    assert "no kernel" in capsys.readouterr().err


def test_nobody_runs_more_than_twice_and_what_a_starved_run_left_stands_for_no_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_ = Class(tmp_path, monkeypatch, {"first": 9, "second": 9})
    assert set(class_.grade(jobs=1).values()) == {"observed"}
    assert class_.runs == ["first", "unstarted", "second", "first", "second"]
    assert (class_.record("first").key, bool(class_.record("unstarted").key)) == ("", True)


def test_a_run_that_failed_or_starved_takes_no_whole_record_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class_ = Class(tmp_path, monkeypatch, {})
    class_.grade(jobs=1)
    class_.runs.clear()
    class_.starved = {"first": 9, "unstarted": 9}
    assert class_.grade(jobs=1) == {"second": "observed", "first": "failed", "unstarted": "failed"}
    assert [class_.record(one.student).wall_s for one in class_.submissions] == [1, 1, 1]
