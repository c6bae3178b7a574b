"""What fails for one student is that student's question mark; what fails for everybody ends the run.

Covers autograder/publish/database.py and autograder/classrun/judging.py.
"""

import errno
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.classrun import judging
from autograder.classrun.ledger import Attempts
from autograder.course import CONFIG_FILE, Course
from autograder.errors import AuthorError, Locked, Unwritable
from autograder.models import ClassRow
from autograder.publish import database
from autograder.publish import gradebook as publishing
from tests.classrun.without_kernels import FULL, STUDENTS, WAITING, Class, totals


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
    "a Record": ("autograder.observe.record.replace_file", full),
    "an autograded notebook": ("autograder.publish.gradebook.replace_file", full),
    "the work folder": ("autograder.classrun.observing.run", full),
    "the ledger before": ("autograder.classrun.ledger.Attempts.mark", ledger_full),
    "the ledger after": ("autograder.classrun.ledger.Attempts.publish", ledger_full),
}


def ended_early(class_: Class) -> tuple[dict[str, ClassRow], str]:
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
