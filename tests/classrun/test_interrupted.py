"""Runs with real kernels that are ended at each step, one after the other on one course, until one may finish."""

import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import interrupted

pytestmark = pytest.mark.slow
ENDS = (
    ("register", 1, signal.SIGTERM, 143),
    ("turn", 3, signal.SIGKILL, -9),
    ("turn", 2, signal.SIGTERM, 143),
    ("record", 1, signal.SIGKILL, -9),
    ("record", 2, signal.SIGINT, 130),
    ("judge", 1, signal.SIGKILL, -9),
    ("gradebook", 2, signal.SIGKILL, -9),
    ("autograded", 2, signal.SIGKILL, -9),
    ("ledger", 2, signal.SIGKILL, -9),
    ("table", 1, signal.SIGKILL, -9),
)
"""Door, number of its call, signal, exit status: each of these runs begins where the one before was ended.

How many students the runs that go on finish is a matter of speed, eight at most: the class leaves enough for each."""


@dataclass
class Ended:
    """A course after all of them and one more run."""

    statuses: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ran_again: list[str] = field(default_factory=list)
    """Students whose Record changed after they were published."""
    published: list[int] = field(default_factory=list)
    """How many were, after each run."""
    scores: list[list[str]] = field(default_factory=list)
    expected: list[list[str]] = field(default_factory=list)
    """Of a course that nobody disturbed."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Two equal classes, one of them disturbed."""
    quiet = interrupted.class_of(tmp_path_factory.mktemp("quiet"))
    root: Path = tmp_path_factory.mktemp("disturbed") / "course"
    shutil.copytree(quiet, root)
    assert interrupted.grade(quiet).returncode == 0
    found = Ended(expected=interrupted.scores(quiet))
    for end in [*(end[:3] for end in ENDS), ()]:
        before = interrupted.published(root)
        done = interrupted.grade(root, *map(str, [int(one) if isinstance(one, int) else one for one in end]))
        after = interrupted.published(root)
        found.statuses.append(done.returncode)
        found.said.append(done.stdout + done.stderr)
        found.ran_again += [student for student, record in before.items() if after[student] != record]
        found.published.append(len(after))
    found.scores = interrupted.scores(root)
    return found


def test_each_run_ends_as_its_signal_says(ended: Ended) -> None:
    assert ended.statuses == [*(status for *_, status in ENDS), 0], ended.said


def test_the_scores_are_those_of_a_class_that_nobody_disturbed(ended: Ended) -> None:
    assert len(ended.expected) == interrupted.STUDENTS
    assert ended.scores == ended.expected


def test_who_is_published_is_never_run_again_and_stays_so(ended: Ended) -> None:
    assert ended.ran_again == []
    assert ended.published == sorted(ended.published)
    assert ended.published[-1] == interrupted.STUDENTS


def test_a_run_that_a_signal_ends_publishes_what_is_observed_and_says_how_to_go_on(ended: Ended) -> None:
    place = next(place for place, end in enumerate(ENDS) if end[2] == signal.SIGINT)
    assert "ended early (SIGINT)" in ended.said[place]
    assert "give the same command again" in ended.said[place]
    assert ended.published[place] > ended.published[place - 1]
