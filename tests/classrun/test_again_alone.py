"""What did not get its time runs again when the others are done, alone, and at most once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.classrun import run
from autograder.classrun.settings import settings_of
from autograder.errors import KernelLost
from autograder.models import Submission
from tests import builders
from tests.builders import NAME, ROOT


def order_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starved: dict[str, int], jobs: int) -> list[str]:
    """Who was run, in order, when these students get no time so often."""
    settings = replace(settings_of(builders.assignment(), ROOT / "source" / NAME / f"{NAME}.ipynb"), jobs=jobs)
    runs: list[str] = []

    def one(submission: Submission, *_: object) -> object:
        runs.append(submission.student)
        if runs.count(submission.student) <= starved.get(submission.student, 0):
            if submission.student == "unstarted":
                raise KernelLost("no kernel")
            return builders.record(submission.student), None, False
        return builders.record(submission.student), None, True

    monkeypatch.setattr(run, "run", one)
    submissions = [Submission(s, NAME, builders.hand_in(tmp_path, s, b"{}")) for s in ("first", "unstarted", "second")]
    done: list[str] = []
    run.observe_class(submissions, settings, tmp_path / "records", done.append)
    assert sorted(done) == ["first", "second", "unstarted"]
    return runs


def test_a_starved_submission_runs_again_after_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = order_of_runs(tmp_path, monkeypatch, {"first": 1}, jobs=3)
    assert sorted(runs[:3]) == ["first", "second", "unstarted"]
    assert runs[3:] == ["first"]


def test_a_kernel_that_did_not_start_is_tried_again_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert order_of_runs(tmp_path, monkeypatch, {"unstarted": 1}, jobs=1)[3:] == ["unstarted"]
    assert "no kernel" in capsys.readouterr().err


def test_nobody_runs_more_than_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = order_of_runs(tmp_path, monkeypatch, {"first": 9, "second": 9}, jobs=1)
    assert runs == ["first", "unstarted", "second", "first", "second"]
