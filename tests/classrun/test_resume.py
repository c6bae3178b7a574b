"""What is done is not done again, what was interrupted goes on, and no fault of ours takes a score away."""

import errno
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.classrun import judging
from autograder.classrun.ledger import FILE, Attempts
from autograder.classrun.resume import KEPT
from autograder.course import CONFIG_FILE, Course
from autograder.errors import AuthorError, GraderError, Locked, Unwritable
from autograder.models import Row
from autograder.observe import record as records
from autograder.publish import database
from autograder.publish import gradebook as publishing
from tests.classrun.without_kernels import FULL, NAME, PART, STUDENTS, WAITING, Class, registered_course, totals


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which nobody was graded yet."""
    return registered_course(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def class_(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    """Three students; nobody was graded yet."""
    return Class(registered, tmp_path / "course", monkeypatch)


def test_a_second_run_runs_and_judges_nobody_and_shows_the_same(class_: Class) -> None:
    first = class_.grade()
    assert (sorted(class_.runs), sorted(class_.judged)) == ([*STUDENTS], [*STUDENTS])
    again = class_.grade()
    assert (class_.runs, class_.judged, again.skipped) == ([], [], 3)
    assert totals(first.rows) == totals(again.rows) == dict.fromkeys(STUDENTS, "10")
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)


def test_who_hands_in_again_is_run_again_alone(class_: Class) -> None:
    class_.grade()
    class_.hand_in("bob", "second")
    (class_.hand_in("cleo", "first").parent / "helper.py").write_text("x = 1")
    assert class_.grade().skipped == 1
    assert sorted(class_.runs) == ["bob", "cleo"]


def test_a_changed_hidden_test_judges_everybody_again_and_runs_nobody(class_: Class) -> None:
    class_.grade()
    class_.earned = 2.0
    with (class_.course.grading(NAME) / "test_exercise_1.py").open("a") as file:
        file.write("\n# changed\n")
    class_.grade()
    assert (class_.runs, sorted(class_.judged)) == ([], [*STUDENTS])
    assert class_.scores() == dict.fromkeys(STUDENTS, PART)


def test_changed_probes_run_everybody_again(class_: Class) -> None:
    class_.grade()
    with (class_.course.grading(NAME) / "inputs.py").open("a") as file:
        file.write("\n# changed\n")
    class_.grade()
    assert sorted(class_.runs) == [*STUDENTS]


def test_force_runs_everybody_again(class_: Class) -> None:
    class_.grade()
    class_.grade(force=True)
    assert sorted(class_.runs) == [*STUDENTS]


def test_a_run_that_is_ended_says_who_is_left_and_the_next_one_runs_only_them(class_: Class) -> None:
    class_.ended_by = "cleo"
    ended = class_.grade()
    done = {student for student in STUDENTS if student in ended.rows}
    assert "cleo" not in done
    assert (class_.stop.reason, ended.left) == ("SIGINT", 3 - len(done))
    assert class_.scores() == dict.fromkeys(done, FULL)
    class_.ended_by = ""
    assert class_.grade().skipped == len(done)
    assert sorted(class_.runs) == sorted({*STUDENTS} - done)
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)


def test_a_fault_of_ours_is_a_question_mark_that_the_next_run_repeats(class_: Class) -> None:
    class_.failing = {"bob"}
    assert totals(class_.grade().rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    assert class_.scores()["bob"] == WAITING
    class_.failing = set()
    class_.grade()
    assert (class_.runs, class_.scores()["bob"]) == (["bob"], FULL)


@pytest.mark.parametrize("trouble", ["failing", "starved"])
def test_a_fault_of_ours_takes_no_published_score_away(class_: Class, trouble: str) -> None:
    class_.grade()
    setattr(class_, trouble, {"bob"})
    again = class_.grade(force=True)
    assert totals(again.rows)["bob"] == "0?"
    assert KEPT in again.rows["bob"].notes
    assert class_.scores()["bob"] == FULL
    assert class_.grade().skipped == 3


def test_what_was_published_of_other_bytes_gives_way_to_a_question_mark(class_: Class) -> None:
    class_.grade()
    class_.hand_in("bob", "second")
    class_.failing = {"bob"}
    class_.grade()
    assert class_.scores()["bob"] == WAITING


def test_what_a_starved_run_left_is_published_and_run_again_the_next_time(class_: Class) -> None:
    class_.starved = {"bob"}
    class_.grade()
    assert class_.scores()["bob"] == FULL
    class_.starved = set()
    class_.grade()
    assert class_.runs == ["bob"]


@pytest.mark.parametrize("lost", [FILE, "gradebook.db", "autograded"])
def test_what_is_lost_besides_the_records_is_made_again_without_a_run(class_: Class, lost: str) -> None:
    class_.grade()
    path = class_.course.root / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    class_.grade()
    assert (class_.runs, sorted(class_.judged)) == ([], [*STUDENTS])
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)


def test_a_damaged_record_is_a_question_mark_for_the_judge_and_a_run_for_grade(class_: Class) -> None:
    class_.grade()
    path = records.path_of(class_.course.records(NAME), "bob")
    path.write_bytes(path.read_bytes()[:-1])
    assert totals(class_.grade(judge_again=True).rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    class_.grade()
    assert class_.runs == ["bob"]
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)


def test_rejudge_says_whose_submission_has_changed_or_gone(class_: Class) -> None:
    class_.grade()
    class_.hand_in("bob", "second")
    shutil.rmtree(class_.course.submitted("cleo", NAME).parent)
    changed, gone = class_.grade(judge_again=True).notes
    assert changed.startswith("bob: handed in again")
    assert gone.startswith("cleo: nothing is handed in any more")


def test_a_student_whose_texts_cannot_be_published_is_nobody_elses_trouble(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = publishing.save_notebook

    def refusing(submitted: Any, graded: Any, *more: Any) -> None:
        save(submitted, graded, *more)
        if graded.submission.student == "bob":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(publishing, "save_notebook", refusing)
    rows = class_.grade().rows
    assert totals(rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    assert "cannot be published (UnicodeEncodeError" in rows["bob"].notes[-1]
    assert class_.scores() == {"ada": FULL, "cleo": FULL}


def full(*arguments: object, **more: object) -> None:
    """What a write comes to when there is no space."""
    raise OSError(errno.ENOSPC, "No space left on device")


def ledger_full(*arguments: object, **more: object) -> None:
    """The same, in the ledger's words."""
    raise Unwritable("ledger.db cannot be written (database or disk is full)")


DOORS: dict[str, tuple[str, Callable[..., None]]] = {
    "a Record": ("autograder.observe.record.write_whole", full),
    "an autograded notebook": ("autograder.publish.gradebook.write_whole", full),
    "the work folder": ("autograder.classrun.observing.run", full),
    "the ledger before": ("autograder.classrun.ledger.Attempts.mark", ledger_full),
    "the ledger after": ("autograder.classrun.ledger.Attempts.publish", ledger_full),
}


def ended_early(class_: Class) -> tuple[dict[str, Row], str]:
    """What a run that ends by itself has done, and why it ended."""
    try:
        return class_.grade().rows, class_.stop.reason
    except Unwritable as error:
        return {}, str(error)


@pytest.mark.parametrize("door", DOORS)
def test_a_full_disk_ends_the_run_with_no_question_mark_and_the_next_one_goes_on(class_: Class, door: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*DOORS[door])
        rows, reason = ended_early(class_)
    assert rows == {}
    assert re.search("disk is full|can(not)? be written", reason)
    assert class_.grade().skipped == 0
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)


def test_a_gradebook_without_space_writes_nothing_of_a_batch(class_: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    class_.failing = {*STUDENTS}
    class_.grade()
    class_.failing = set()
    with pytest.MonkeyPatch.context() as patch:

        def short(session: Any) -> Any:
            session.connection().exec_driver_sql("PRAGMA max_page_count = 1")
            return publishing_transaction(session)

        publishing_transaction = database.one_transaction
        patch.setattr(publishing, "one_transaction", short)
        patch.setattr(publishing, "TOGETHER", 3)
        long = "x" * 200_000
        patch.setattr(publishing, "reasons", lambda score: [long])
        with pytest.raises(Unwritable, match=r"the gradebook cannot be written .*full"):
            class_.grade()
    assert class_.scores() == dict.fromkeys(STUDENTS, WAITING)
    class_.grade()
    assert (class_.runs, class_.scores()) == ([], dict.fromkeys(STUDENTS, FULL))


def test_whoever_was_published_and_not_marked_is_published_again_the_same(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Attempts, "publish", ledger_full)
        with pytest.raises(Unwritable):
            class_.grade()
    assert class_.scores() == dict.fromkeys(STUDENTS, FULL)
    class_.grade()
    assert (class_.runs, class_.scores()) == ([], dict.fromkeys(STUDENTS, FULL))


@pytest.fixture
def impatient(class_: Class) -> Class:
    """The class, with a gradebook that is waited for in steps of a tenth of a second."""
    root = class_.course.root
    with (root / CONFIG_FILE).open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = 'sqlite:///{root}/gradebook.db?timeout=0.1'\n")
    class_.course = Course(root)
    return class_


def locked(class_: Class) -> sqlite3.Connection:
    """A connection that holds the gradebook, as another program does."""
    with Gradebook(class_.course.gradebook_url):
        pass
    other = sqlite3.connect(class_.course.root / "gradebook.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_gradebook_that_another_program_holds_is_waited_for(impatient: Class) -> None:
    impatient.failing = {*STUDENTS}
    impatient.grade()
    impatient.failing = set()
    other = locked(impatient)
    released = threading.Thread(target=lambda: (impatient.told.wait(), other.execute("ROLLBACK")))
    released.start()
    impatient.grade()
    released.join()
    assert impatient.scores() == dict.fromkeys(STUDENTS, FULL)


def test_a_gradebook_that_is_never_released_leaves_what_is_done_to_the_next_run(
    impatient: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient.failing = {*STUDENTS}
    impatient.grade()
    impatient.failing = set()
    monkeypatch.setattr(database, "TRIES", 2)
    other = locked(impatient)
    with pytest.raises(Locked, match="another program holds the gradebook"):
        impatient.grade()
    other.close()
    impatient.grade()
    assert (impatient.runs, impatient.scores()) == ([], dict.fromkeys(STUDENTS, FULL))


def test_a_record_that_the_hidden_tests_cannot_be_run_over_costs_its_own_student_a_decision(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(assignment: Any, paths: list[Path]) -> Any:
        if any(path.stem == "bob" for path in paths):
            raise AuthorError("pytest was killed")
        return class_.judge(assignment, paths)

    monkeypatch.setattr(judging, "judge", dying)
    assert totals(class_.grade().rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    monkeypatch.setattr(judging, "judge", lambda assignment, paths: (_ for _ in ()).throw(AuthorError("broken")))
    with pytest.raises(AuthorError, match="broken"):
        class_.grade(force=True)


def test_errors_of_ours_are_no_scores() -> None:
    assert issubclass(Unwritable, GraderError)
    assert issubclass(Locked, GraderError)
