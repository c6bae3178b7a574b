"""A homework through nbgrader's exchange and back, with nbgrader's own steps around ours.

Release, fetch, submit, collect, grade, feedback, fetch; then a newer submission, a manual score, a late penalty, and a
regrade by plain nbgrader.
"""

import copy
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import (
    Exchange,
    ExchangeCollect,
    ExchangeFetchAssignment,
    ExchangeFetchFeedback,
    ExchangeReleaseAssignment,
    ExchangeReleaseFeedback,
    ExchangeSubmit,
)

from autograder.authoring.answers import fill
from autograder.course import Course
from autograder.people import People
from autograder.publish.database import quiet_sqlalchemy
from autograder.submission.collect import collect
from tests.small_course import WRONG

NAME, STUDENT = "warmup", "ada"


@dataclass
class Term:
    """A course, its exchange and one student's home."""

    root: Path
    home: Path
    exchange: Path

    @property
    def course(self) -> Course:
        return Course(self.root)

    def step(self, kind: type[Exchange], **settings: object) -> None:
        """One of nbgrader's own steps between instructor and student."""
        config = copy.deepcopy(self.course.config)
        config.Exchange.root, config.Exchange.cache = str(self.exchange), str(self.home / "cache")
        config.Exchange.assignment_dir = str(self.home)
        config.CourseDirectory.assignment_id = NAME
        if kind in (ExchangeSubmit, ExchangeFetchFeedback):
            config.CourseDirectory.student_id = STUDENT
        directory, authenticator = CourseDirectory(config=config), Authenticator(config=config)
        with warnings.catch_warnings():
            # nbgrader 0.9 leaves the feedback's timestamp.txt to be closed by whoever comes.
            warnings.simplefilter("ignore", ResourceWarning)
            kind(coursedir=directory, authenticator=authenticator, config=config, **settings).start()

    def submit(self, answers: dict[str, str]) -> None:
        """Hand in the instructor's solution with these answers in it."""
        source = nbformat.read(self.root / "source" / NAME / f"{NAME}.ipynb", as_version=4)
        path = self.home / NAME / f"{NAME}.ipynb"
        path.chmod(0o644)
        nbformat.write(fill(source, answers), path)
        self.step(ExchangeSubmit)

    def command(self, *arguments: str) -> str:
        """What a command says in the course; it must succeed."""
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def feedback(self) -> dict[str, str]:
        """Time of a submission -> the page that the student can read, after feedback was made, released and fetched."""
        self.command("nbgrader", "generate_feedback", NAME)
        self.step(ExchangeReleaseFeedback)
        self.step(ExchangeFetchFeedback)
        return {p.parent.name: p.read_text() for p in (self.home / NAME / "feedback").rglob("*.html")}

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        with quiet_sqlalchemy(), Gradebook(self.course.gradebook_url) as gradebook:
            yield gradebook


@pytest.fixture
def term(tmp_path: Path) -> Term:
    """Released and fetched, and handed in once with a mistake."""
    return handed_in_once(tmp_path)


def handed_in_once(folder: Path) -> Term:
    """A term in a folder: released and fetched, and handed in once with a mistake."""
    term = Term(folder / "course", folder / "home", folder / "exchange")
    for place in (term.root, term.home, term.exchange):
        place.mkdir()
    term.exchange.chmod(0o777)
    term.command("autograder", "new", NAME)
    term.command("autograder", "release", NAME)
    term.step(ExchangeReleaseAssignment)
    term.step(ExchangeFetchAssignment)
    term.submit({"solution_1": WRONG})
    return term


@pytest.mark.slow
def test_a_homework_goes_through_the_exchange_and_back(term: Term) -> None:
    term.step(ExchangeCollect)
    term.command("autograder", "grade", NAME)
    pages = term.feedback()
    assert [page.count("7 of 10 points") > 0 for page in pages.values()] == [True]

    term.submit({})
    term.step(ExchangeCollect, update=True)
    term.command("autograder", "grade", NAME)
    pages = term.feedback()
    assert [("7 of 10 points" in pages[time], "10 of 10 points" in pages[time]) for time in sorted(pages)] == [
        (True, False),
        (False, True),
    ]

    with term.gradebook() as gradebook:
        handed_in = gradebook.find_submission(NAME, STUDENT).timestamp
        grade = gradebook.find_grade("exercise_1", NAME, NAME, STUDENT)
        grade.manual_score, grade.needs_manual_grade, grade.extra_credit = 4.0, False, 0.5
        gradebook.db.commit()
    latest = max(pages)
    assert "9.5 of 10 points" in term.feedback()[latest]

    with (term.root / "nbgrader_config.py").open("a") as config:
        config.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    set_due(term, handed_in - timedelta(minutes=1))
    assert "late penalties changed for 1" in term.command("autograder", "grade", NAME)
    assert points(term) == (9.5, 9.5)
    term.command("autograder", "rejudge", NAME)
    assert points(term) == (9.5, 9.5)
    term.command("nbgrader", "autograde", NAME, "--force")
    assert points(term) == (9.5, 9.5)
    set_due(term, handed_in + timedelta(minutes=1))
    term.command("autograder", "rejudge", NAME)
    assert points(term) == (9.5, None)

    term.submit({"solution_1": WRONG})
    term.step(ExchangeCollect, update=True)
    said = term.command("nbgrader", "autograde", NAME)
    assert "Updating existing" in said, said
    assert len(term.feedback()) == 3


def set_due(term: Term, due: datetime) -> None:
    with term.gradebook() as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=due)


def points(term: Term) -> tuple[float, float | None]:
    """Score, manual points and extra credit included, and late penalty."""
    with term.gradebook() as gradebook:
        (notebook,) = gradebook.find_submission(NAME, STUDENT).notebooks
        return notebook.score, notebook.late_submission_penalty


@pytest.mark.slow
def test_our_collect_reads_the_inbound_folder_as_nbgraders_does(term: Term) -> None:
    inbound = term.exchange / "course" / "inbound"
    taken = collect(term.course, NAME, inbound).taken
    folder = term.course.submitted(STUDENT, NAME).parent
    ours = {path.name: path.read_bytes().strip() for path in folder.iterdir()}
    assert [one.student for one in taken] == [STUDENT]
    assert People.load(term.course).hand_in(NAME, STUDENT) is not None
    for path in folder.iterdir():
        os.unlink(path)
    folder.rmdir()
    term.step(ExchangeCollect)
    assert {path.name: path.read_bytes().strip() for path in folder.iterdir()} == ours
