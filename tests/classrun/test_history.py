"""Each run is kept with what hidden tests said, once for all of whom they said the same."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from autograder.classrun.explaining import score_changes
from autograder.classrun.history import History
from autograder.classrun.keys import Keys
from autograder.classrun.ledger import FILE, Ledger
from autograder.classrun.reporting import class_summary
from autograder.classrun.settings import settings_in
from tests.classrun.without_kernels import NAME, STUDENTS, Class


@contextmanager
def history_of(class_: Class) -> Iterator[History]:
    """The history of the course."""
    with closing(Ledger(class_.course.root / FILE)) as ledger:
        yield History(ledger, settings_in(class_.course, NAME))


def judged_twice(class_: Class) -> None:
    """Grade a class, then judge it again by hidden tests that give less."""
    class_.grade()
    class_.earned = 2.0
    class_.grade(judge_again=True)


def test_each_run_is_kept_and_the_last_one_counts(class_: Class) -> None:
    judged_twice(class_)
    with history_of(class_) as history:
        assert [(run.command, run.students) for run in history.runs()] == [("grade", 3), ("rejudge", 3)]
        first, last = history.decision("ada", 1), history.decision("ada")
    assert first is not None
    assert last is not None
    assert ([score.points for score in first.scores], [score.points for score in last.scores]) == ([5, 5], [2, 2])
    assert [outcome.kind for outcome in last.scores[0].outcomes] == ["passed", "failed"]


def test_what_is_said_of_many_is_kept_once(class_: Class) -> None:
    judged_twice(class_)
    with closing(sqlite3.connect(class_.course.root / FILE)) as db:
        assert db.execute("SELECT COUNT(*) FROM decided").fetchone() == (6,)
        assert db.execute("SELECT COUNT(*) FROM said").fetchone() == (2,)


def test_a_run_that_decides_on_nobody_is_none(class_: Class) -> None:
    class_.grade()
    class_.grade()
    with history_of(class_) as history:
        assert len(history.runs()) == 1


def test_a_changed_score_is_told_with_the_hidden_test_that_changed_it(class_: Class) -> None:
    judged_twice(class_)
    lines = score_changes(class_.course, NAME, 1, 2)
    assert lines[0] == "ada: exercise_1 5 of 5 -> 2 of 5"
    assert "ada:   test_second: failed (0 points) -> failed (3 points)" in lines
    assert score_changes(class_.course, NAME, 2, 2) == []


def test_students_that_nbgrader_grades_one_by_one_are_one_run(class_: Class) -> None:
    with history_of(class_) as history:
        keys = Keys("how", "verdict")
        first = history.continued("nbgrader autograde", keys, "ada")
        assert history.continued("nbgrader autograde", keys, "bob") == first
        assert history.continued("nbgrader autograde", Keys("how", "other"), "bob") != first


def test_a_removed_ledger_takes_the_history_and_no_grade(class_: Class) -> None:
    class_.grade()
    before = class_.scores()
    (class_.course.root / FILE).unlink()
    class_.grade()
    assert class_.scores() == before
    with history_of(class_) as history:
        assert [run.command for run in history.runs()] == ["grade"]


def test_the_report_has_the_points_of_the_gradebook(class_: Class) -> None:
    class_.grade()
    summary = class_summary(class_.course, NAME)
    assert {name: one.held.total for name, one in summary.students.items()} == dict.fromkeys(STUDENTS, 10)


def test_the_anonymous_report_is_in_no_order_of_names(class_: Class) -> None:
    class_.grade()
    summary = class_summary(class_.course, NAME, anonymous=True)
    assert [*summary.students] == ["student 1", "student 2", "student 3"]
