"""The parts of a class that jobs of an array take."""

from pathlib import Path

import pytest

from autograder.classrun.display import Display
from autograder.classrun.keys import Keys
from autograder.classrun.observing import Observing
from autograder.classrun.settings import settings_in
from autograder.classrun.shard import Shard, observe_part
from autograder.errors import UsageError
from autograder.models import Submission
from autograder.observe.stop import Stop
from tests.classrun.without_kernels import NAME, STUDENTS, Class, registered_course

CLASS = [Submission(f"student{n}", "hw", Path()) for n in range(200)]


@pytest.mark.parametrize("of", [1, 2, 7])
def test_everybody_is_in_one_part(of: int) -> None:
    parts = [Shard(number, of).part(CLASS) for number in range(1, of + 1)]
    assert sorted(one.student for part in parts for one in part) == sorted(one.student for one in CLASS)
    assert min(map(len, parts)) > 200 // of // 2


def test_who_is_in_a_part_does_not_depend_on_the_others() -> None:
    assert Shard(2, 5).part(CLASS[:50]) == [one for one in Shard(2, 5).part(CLASS) if one in CLASS[:50]]


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"])
def test_a_text_that_names_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"1/8"):
        Shard.named(text)


def test_after_all_parts_the_plain_command_judges_and_runs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_ = Class(registered_course(tmp_path / "registered"), tmp_path / "course", monkeypatch)
    class_.failing = {"bob"}
    settings = settings_in(class_.course, NAME)
    folder, keys = class_.course.records(NAME), Keys.of(settings)
    submissions = [Submission(s, NAME, class_.course.submitted(s, NAME)) for s in STUDENTS]
    missing = [
        turn.submission.student
        for number in (1, 2)
        for turn in observe_part(
            Shard(number, 2).part(submissions), Observing(settings, folder, keys, Stop(), reuse=True), Display()
        )
    ]
    assert missing == ["bob"]
    class_.failing = set()
    class_.grade()
    assert class_.runs == ["bob"]
    assert sorted(class_.judged) == sorted(STUDENTS)
