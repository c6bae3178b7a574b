"""A class that is graded into a real gradebook, with runs and hidden tests that only count how often they are asked."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from autograder.assignment import Assignment
from autograder.authoring.new import new
from autograder.cells import max_scores
from autograder.classrun import judging, observing
from autograder.classrun.prepare import Prepared
from autograder.classrun.resume import ClassRun, course_ledger
from autograder.classrun.settings import Settings, settings_in
from autograder.course import Course
from autograder.errors import GraderError
from autograder.models import ClassRow, Outcome, Record, Submission
from autograder.observe import record as records
from autograder.observe.stop import Stop
from autograder.publish.database import quiet_sqlalchemy
from autograder.publish.register import register
from autograder.publish.table import total
from tests import builders

NAME = "ps1"
STUDENTS = ("ada", "bob", "cleo")


def registered_course(root: Path) -> Path:
    """A course whose gradebook knows the assignment: nbgrader takes seconds to make a gradebook."""
    new(root, NAME)
    register(Course(root), NAME)
    return root


class Class:
    """A course, who was run and judged since it was last looked at, and what is to go wrong."""

    def __init__(self, registered: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A copy of a course that ``registered_course`` has made."""
        shutil.copytree(registered, root)
        self.course = Course(root)
        self.runs: list[str] = []
        self.judged: list[str] = []
        self.failing: set[str] = set()
        self.starved: set[str] = set()
        self.earned = 5.0
        """For each grade cell, whoever is judged."""
        self.stop = Stop()
        self.ended_by = ""
        """Whose turn ends the run."""
        self.told = threading.Event()
        """Set when the operator is told something."""
        for student in STUDENTS:
            self.hand_in(student, "first")
        monkeypatch.setattr(observing, "run", self.run)
        monkeypatch.setattr(judging, "judge", self.judge)

    def hand_in(self, student: str, text: str) -> Path:
        """Put something where nbgrader looks for a notebook; it is never read."""
        path = self.course.submitted(student, NAME)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(
        self, submission: Submission, settings: Settings, prepared: Prepared, stop: Stop
    ) -> tuple[Record, NotebookNode | None, bool]:
        """In place of a kernel."""
        self.runs.append(submission.student)
        if submission.student == self.ended_by:
            stop.ask("SIGINT")
            stop.check()
        if submission.student in self.failing:
            raise GraderError("a fault of ours")
        record = builders.record(
            submission.student,
            assignment=NAME,
            seed=settings.seed,
            probes_sha256=settings.assignment.probes_sha256,
            sandbox={"mounts": "applied"},
        )
        return record, None, submission.student not in self.starved

    def judge(self, assignment: Assignment, paths: list[Path]) -> list[Outcome]:
        """In place of pytest."""
        cells = max_scores(settings_in(self.course, NAME).source.cells)
        found: list[Outcome] = []
        for path in paths:
            self.judged.append(student := records.student_of(path))
            for name, points in cells.items():
                found.append(Outcome(student, name, "test_first", self.earned, "passed"))
                found.append(Outcome(student, name, "test_second", points - self.earned, "failed", "wrong"))
                try:
                    records.load(path)
                except GraderError as error:
                    found[-2:] = [replace(one, kind="error", message=str(error)) for one in found[-2:]]
        return found

    def grade(self, *, force: bool = False, judge_again: bool = False) -> ClassRun:
        """One run of the command."""
        self.runs.clear()
        self.judged.clear()
        self.stop = Stop()
        with course_ledger(self.course, self.stop) as ledger:
            register(self.course, NAME)
            settings = settings_in(self.course, NAME)
            one = ClassRun(self.course, settings, ledger, self.stop, force, say=lambda message: self.told.set())
            submissions = [Submission(s, NAME, self.course.submitted(s, NAME)) for s in STUDENTS]
            if judge_again:
                one.rejudge(submissions)
            else:
                one.grade(submissions)
        return one

    def scores(self) -> dict[str, list[tuple[float | None, bool]]]:
        """Student -> what the gradebook holds: points of the two exercises, and whether they wait for a person."""
        with quiet_sqlalchemy(), Gradebook(self.course.gradebook_url) as gradebook:
            return {
                s.student.id: [(g.auto_score, g.needs_manual_grade) for g in s.notebooks[0].grades]
                for s in gradebook.assignment_submissions(NAME)
            }


def totals(rows: Mapping[str, ClassRow]) -> dict[str, str]:
    """What the table shows."""
    return {student: total(row) for student, row in rows.items()}


FULL = [(5.0, False), (5.0, False)]
PART = [(2.0, False), (2.0, False)]
WAITING: list[tuple[float | None, bool]] = [(None, True), (None, True)]
