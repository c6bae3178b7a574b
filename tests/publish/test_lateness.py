"""Late penalties, extensions and extra credit: as nbgrader's plugin says, and never out of date."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties

from autograder.errors import UsageError
from autograder.people import HandIn, People, Person
from autograder.publish.database import quiet_sqlalchemy
from tests.classrun.without_kernels import NAME, Class, registered_course

DUE = datetime(2026, 1, 31, 12)
LATE = "2026-01-31 07:00:30 EST"
ON_TIME = "2026-01-31 11:59:59 UTC"


class HalfOfIt(LateSubmissionPlugin):
    """Half of the score for who is late, and an error for who is called cleo."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        if student_id == "cleo":
            raise ZeroDivisionError("no such student")
        return score / 2


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which nobody was graded yet."""
    return registered_course(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def class_(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    """Ada is on time and bob is late, where half of the score is the penalty."""
    class_ = Class(registered, tmp_path / "course", monkeypatch)
    class_.course.config.AssignLatePenalties.plugin_class = HalfOfIt
    hand_in_at(class_, "ada", ON_TIME)
    hand_in_at(class_, "bob", LATE)
    with gradebook(class_) as book:
        book.update_or_create_assignment(NAME, duedate=DUE)
    return class_


def hand_in_at(class_: Class, student: str, time: str) -> None:
    class_.course.submitted(student, NAME).with_name("timestamp.txt").write_text(time)


@contextmanager
def gradebook(class_: Class) -> Iterator[Gradebook]:
    with quiet_sqlalchemy(), Gradebook(class_.course.gradebook_url) as book:
        yield book


def penalties(class_: Class) -> dict[str, float | None]:
    """Student -> penalty."""
    with gradebook(class_) as book:
        found = book.assignment_submissions(NAME)
        return {s.student.id: s.notebooks[0].late_submission_penalty for s in found}


def test_who_is_late_has_the_plugins_penalty_and_who_is_on_time_has_none(class_: Class) -> None:
    class_.grade()
    assert penalties(class_) == {"ada": None, "bob": 5.0, "cleo": None}


def test_without_the_step_in_the_courses_list_there_is_no_penalty(class_: Class) -> None:
    class_.course.config.Autograde.autograde_preprocessors = []
    class_.grade()
    assert penalties(class_) == {"ada": None, "bob": None, "cleo": None}


def test_a_later_due_date_takes_the_penalty_back_though_nobody_is_run_again(class_: Class) -> None:
    class_.grade()
    with gradebook(class_) as book:
        book.update_or_create_assignment(NAME, duedate=DUE + timedelta(hours=1))
    one = class_.grade()
    assert (class_.runs, class_.judged, penalties(class_)["bob"]) == ([], [], None)
    assert "late penalties changed for 1, extensions for 0" in one.notes


def test_a_manual_score_and_extra_credit_are_kept_and_change_the_penalty(class_: Class) -> None:
    class_.grade()
    with gradebook(class_) as book:
        grade = book.find_submission(NAME, "bob").notebooks[0].grades[0]
        grade.manual_score, grade.extra_credit = 1.0, 0.5
        book.db.commit()
    class_.grade(judge_again=True)
    with gradebook(class_) as book:
        submission = book.find_submission(NAME, "bob")
        assert sorted(g.score for g in submission.notebooks[0].grades) == [1.5, 5.0]
        assert (submission.score, submission.late_submission_penalty) == (6.5, 3.25)


def test_a_regrade_with_other_points_gives_another_penalty(class_: Class) -> None:
    class_.grade()
    class_.earned = 2.0
    class_.grade(judge_again=True)
    assert penalties(class_)["bob"] == 2.0


def test_an_extension_of_the_courses_file_counts_and_goes_with_its_line(class_: Class) -> None:
    path = class_.course.root / "extensions.csv"
    path.write_text(f"assignment,student,due\n{NAME},bob,2026-02-01 12:00 UTC\nother,ada,nonsense\n")
    class_.grade()
    with gradebook(class_) as book:
        assert book.find_submission(NAME, "bob").extension == timedelta(days=1)
    assert penalties(class_)["bob"] is None
    path.write_text("assignment,student,due\n")
    class_.grade()
    assert penalties(class_)["bob"] == 5.0


def test_an_extension_that_changes_nothing_is_said(class_: Class) -> None:
    text = f"assignment,student,due\n{NAME},adda,2026-02-01 12:00 UTC\n"
    (class_.course.root / "extensions.csv").write_text(text)
    assert "extensions.csv: nobody in the gradebook is called adda" in class_.grade().notes
    with gradebook(class_) as book:
        book.update_or_create_assignment(NAME, duedate=None)
    notes = class_.grade().notes
    assert f"extensions.csv: the gradebook has no due date for {NAME}, so that nobody is late" in notes


def test_what_is_no_longer_there_keeps_its_time(class_: Class) -> None:
    class_.grade()
    shutil.rmtree(class_.course.submitted("bob", NAME).parent)
    class_.grade(judge_again=True)
    assert penalties(class_)["bob"] == 5.0


def test_an_extension_that_somebody_granted_in_the_gradebook_stays(class_: Class) -> None:
    class_.grade()
    with gradebook(class_) as book:
        book.grant_extension(NAME, "bob", hours=2)
    class_.grade()
    with gradebook(class_) as book:
        assert book.find_submission(NAME, "bob").extension == timedelta(hours=2)
    assert penalties(class_)["bob"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [("student,due\nbob,x\n", "needs the columns"), (f"assignment,student,due\n{NAME},bob,soon\n", "line 2: 'soon'")],
)
def test_an_unclear_extension_ends_the_run_before_it_costs_anybody_points(text: str, said: str, class_: Class) -> None:
    (class_.course.root / "extensions.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        class_.grade()


def test_a_plugin_that_fails_for_one_costs_nobody_else_anything(class_: Class) -> None:
    hand_in_at(class_, "cleo", LATE)
    one = class_.grade()
    assert penalties(class_) == {"ada": None, "bob": 5.0, "cleo": None}
    assert "cleo: the late penalty could not be computed (ZeroDivisionError: no such student); it is as it was" in (
        one.notes
    )


def test_an_unreadable_time_is_that_students_note(class_: Class) -> None:
    hand_in_at(class_, "ada", "just before the deadline")
    hand_in_at(class_, "cleo", "99999999999999999")
    rows = class_.grade().rows
    assert "its timestamp.txt tells no time" in str(rows["ada"].notes)
    assert "its timestamp.txt tells no time" in str(rows["cleo"].notes)
    assert penalties(class_) == {"ada": None, "bob": 5.0, "cleo": None}


def test_nbgraders_own_step_gives_the_same_penalty(class_: Class) -> None:
    class_.grade()
    ours = penalties(class_)["bob"]
    with gradebook(class_) as book:
        book.find_submission(NAME, "bob").notebooks[0].late_submission_penalty = None
        book.db.commit()
    names = {"notebook": NAME, "assignment": NAME, "student": "bob", "db_url": class_.course.gradebook_url}
    AssignLatePenalties(config=class_.course.config).preprocess(new_notebook(), {"nbgrader": names})
    assert penalties(class_)["bob"] == ours == 5.0


def test_late_by_the_platforms_word_alone_is_said(class_: Class) -> None:
    people = People.load(class_.course)
    people.take(HandIn(NAME, "ada", "Canvas", late=True))
    people.save()
    assert any("late by the platform's word" in note and "ada" in note for note in class_.grade().notes)


def test_names_and_addresses_reach_the_gradebooks_students(class_: Class) -> None:
    people = People.load(class_.course)
    people.joined(Person("ada", "Ada King Lovelace", "ada@example.org", family="King Lovelace"))
    people.joined(Person("bob", "Bob Lee"))
    people.save()
    class_.grade()
    with gradebook(class_) as book:
        students = {s.id: (s.first_name, s.last_name, s.email) for s in book.students}
    assert students == {
        "ada": ("Ada", "King Lovelace", "ada@example.org"),
        "bob": ("Bob", "Lee", None),
        "cleo": (None, None, None),
    }


def test_a_damaged_table_of_people_is_said_before_anybody_is_run(class_: Class) -> None:
    (class_.course.root / "people.json").write_text("{")
    with pytest.raises(UsageError, match="Put back a copy of it"):
        class_.grade()
    assert class_.runs == []


def test_nobody_is_created_where_the_course_says_so(class_: Class) -> None:
    class_.course.config.Autograde.create_student = False
    with gradebook(class_) as book:
        book.add_student("ada")
    rows = class_.grade().rows
    assert (rows["ada"].notes, "no such student in the gradebook" in str(rows["bob"].notes)) == ((), True)
