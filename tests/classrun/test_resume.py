"""What is done is not done again, what was interrupted goes on, and no fault of ours takes a score away.

Covers autograder/classrun/keys.py and autograder/classrun/ledger.py.
"""

import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_notebook

from autograder.assignment import Assignment
from autograder.classrun import judging, resume
from autograder.classrun.judging import with_notebook
from autograder.classrun.ledger import FILE
from autograder.classrun.resume import KEPT
from autograder.classrun.settings import Settings
from autograder.course import Course
from autograder.models import Graded, Outcome, Submission
from autograder.observe import record as records
from autograder.publish.gradebook import publish
from tests.classrun.without_kernels import FULL, NAME, PART, STUDENTS, WAITING, Class, totals


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


@pytest.mark.parametrize("member", [records.VALUES_FILE, records.TENSORS_FILE, records.NOTEBOOK])
def test_a_damaged_part_is_a_question_mark_too_whoever_finds_it(class_: Class, member: str) -> None:
    class_.grade()
    path = records.path_of(class_.course.records(NAME), "bob")
    data = records.pack(records.load(path), json.dumps(new_notebook()))
    path.write_bytes(data)
    assert totals(class_.grade(judge_again=True).rows) == dict.fromkeys(STUDENTS, "10")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path.write_bytes(records.zipped(members | {member: members[member] + b" "}))
    rows = class_.grade(judge_again=True).rows
    assert totals(rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    assert rows["bob"].notes[0].startswith("not graded: the Record is damaged")
    assert class_.scores() == {"ada": FULL, "bob": WAITING, "cleo": FULL}
    class_.grade()
    assert class_.runs == ["bob"]


def test_the_notebook_of_a_later_run_is_not_published_with_the_scores_of_an_earlier_one(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_.grade()
    path = records.path_of(class_.course.records(NAME), "bob")

    def replaced_meanwhile(assignment: Assignment, paths: list[Path]) -> list[Outcome]:
        outcomes = class_.judge(assignment, paths)
        records.save(replace(records.load(path), wall_s=1.5), path, json.dumps(new_notebook()))
        return outcomes

    monkeypatch.setattr(judging, "judge", replaced_meanwhile)
    rows = class_.grade(judge_again=True).rows
    assert totals(rows) == {"ada": "10", "bob": "0?", "cleo": "10"}
    assert judging.REPLACED_MEANWHILE in rows["bob"].notes[0]


def test_executed_notebooks_are_in_memory_only_for_those_who_are_published_together(
    class_: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_.grade()
    folder = class_.course.records(NAME)
    for path in map(partial(records.path_of, folder), STUDENTS):
        records.save(records.load(path), path, json.dumps(new_notebook()))
    read: list[str] = []
    published: list[list[str]] = []

    def reading(graded: Graded, settings: Settings, folder: Path) -> Graded:
        read.append(graded.submission.student)
        return with_notebook(graded, settings, folder)

    def publishing(
        course: Course, assignment: str, class_: Sequence[Graded], notebook: str, **more: Any
    ) -> dict[Submission, str]:
        published.append([one.submission.student for one in class_ if one.executed is not None])
        assert [*chain.from_iterable(published)] == read
        return publish(course, assignment, class_, notebook, **more)

    monkeypatch.setattr(resume, "TOGETHER", 2)
    monkeypatch.setattr(resume, "with_notebook", reading)
    monkeypatch.setattr(resume, "publish", publishing)
    class_.grade(judge_again=True)
    assert published == [["ada", "bob"], ["cleo"]]


def test_rejudge_says_whose_submission_has_changed_or_gone(class_: Class) -> None:
    class_.grade()
    class_.hand_in("bob", "second")
    shutil.rmtree(class_.course.submitted("cleo", NAME).parent)
    changed, gone = class_.grade(judge_again=True).notes
    assert changed.startswith("bob: handed in again")
    assert gone.startswith("cleo: nothing is handed in any more")
