"""Bulk downloads of learning platforms, taken in: the notebook of each student, and a reason for all the rest.

Covers autograder/submission/choose.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.submission.collect import collect
from tests.builders import NAME
from tests.conftest import run
from tests.submission import downloads
from tests.submission.collecting import BOOK, reasons, saved, take, taken
from tests.submission.downloads import unzipped, zipped

STUDENTS: dict[Callable[[bytes], dict[str, bytes]], list[str]] = {
    downloads.canvas: ["anon_a1B2c", "lovelaceada_1815", "müllerjosé_77", "turingalan_1912"],
    downloads.moodle: ["Ada_Lovelace", "Alan_Turing", "Ana_O_Neil-Pérez", "Sam_Lee_1003", "Sam_Lee_1004"],
    downloads.blackboard: ["ada_l", "alan"],
    downloads.gradescope: ["1815", "1906", "alan@example.org", "submission_103"],
    downloads.exchange: ["ada"],
    downloads.folders: ["ada", "alan", "grace"],
    downloads.brightspace: ["Ada_Lovelace", "Sam_Lee_12346", "Sam_Lee_12347"],
    downloads.sakai: ["ada15", "alan"],
    downloads.github_classroom: ["ada-l", "alan"],
    downloads.classroom_50: ["ada-l", "alan"],
}


@pytest.mark.parametrize("as_folder", [False, True])
@pytest.mark.parametrize("platform", STUDENTS)
def test_every_platforms_download_gives_each_student_the_latest_notebook(
    platform: Callable[[bytes], dict[str, bytes]], as_folder: bool, course: Course, tmp_path: Path
) -> None:
    files = platform(BOOK)
    if as_folder:
        collected = collect(course, NAME, unzipped(tmp_path / "download", files))
    else:
        collected = take(course, tmp_path, files)
    assert sorted(taken(collected)) == STUDENTS[platform]
    assert all(saved(course, student).strip() == BOOK for student in STUDENTS[platform])


def test_the_times_lie_beside_the_notebooks_as_nbgrader_reads_them(course: Course, tmp_path: Path) -> None:
    for download in (downloads.blackboard, downloads.gradescope, downloads.exchange, downloads.sakai):
        take(course, tmp_path, download(BOOK))
    folders = {student: str(course.submitted(student, NAME).parent) for student in ("ada_l", "1815", "ada", "ada15")}
    assert {student: str(course.directory.get_existing_timestamp(path)) for student, path in folders.items()} == {
        "ada_l": "2026-01-31 12:00:00",
        "1815": "2026-01-30 10:00:00.500000",
        "ada": "2026-01-31 15:58:23.948203",
        "ada15": "2026-01-31 23:59:58.500000",
    }


def test_the_first_attempt_is_taken_on_demand_and_the_others_are_counted(course: Course, tmp_path: Path) -> None:
    collected = take(course, tmp_path, downloads.blackboard(BOOK), attempts="first")
    assert saved(course, "ada_l") == b"old"
    assert collected.taken[0].notes == ("1 other attempt left out",)


def test_a_late_submission_is_said_to_be_late(course: Course, tmp_path: Path) -> None:
    late = [one.student for one in take(course, tmp_path, downloads.canvas(BOOK)).taken if "late" in one.notes]
    assert late == ["turingalan_1912"]


def test_a_student_without_a_notebook_is_named_with_what_was_handed_in(course: Course, tmp_path: Path) -> None:
    (reason,) = reasons(take(course, tmp_path, downloads.canvas(BOOK))).values()
    assert reason == "hoppergrace_1906: there is no notebook, only notes.pdf, text.html; ask for the .ipynb"


def test_two_notebooks_of_one_attempt_are_left_to_a_person(course: Course, tmp_path: Path) -> None:
    collected = take(
        course, tmp_path, {"ada/a.ipynb": BOOK, "ada/b.ipynb": b"x", "alan/a.ipynb": BOOK, "alan/b.ipynb": BOOK}
    )
    assert taken(collected) == ["alan"]
    assert "a.ipynb, b.ipynb may each be meant" in reasons(collected)["ada/a.ipynb, ada/b.ipynb"]


def test_a_notebook_without_an_owner_is_refused(course: Course, tmp_path: Path) -> None:
    assert "does not tell whose it is" in reasons(take(course, tmp_path, {"hw8_lora.ipynb": BOOK}))["hw8_lora.ipynb"]


def test_the_courses_own_expression_for_names_is_tried_first(course: Course, tmp_path: Path) -> None:
    pattern = r"(?P<student_id>[a-z]+)--(?P<timestamp>[0-9-]+)--(?P<file_id>.+)"
    course.config.FileNameCollectorPlugin.named_regexp = pattern
    collected = take(course, tmp_path, {"ada--2026-01-31-12-00-00--x.ipynb": BOOK})
    assert [(one.student, str(one.time)) for one in collected.taken] == [("ada", "2026-01-31 12:00:00+00:00")]


def test_a_newer_submission_is_never_overwritten_and_an_older_one_is_reported(course: Course, tmp_path: Path) -> None:
    def attempt(day: int, book: bytes) -> dict[str, bytes]:
        return {f"HW_ada_attempt_2026-01-{day}-12-00-00_hw8_lora.ipynb": book}

    take(course, tmp_path, attempt(20, b"second"))
    assert "another notebook is there (of 2026-01-20" in str(reasons(take(course, tmp_path, attempt(19, b"first"))))
    assert saved(course, "ada") == b"second"
    collected = take(course, tmp_path, attempt(21, b"third"))
    assert collected.taken[0].notes == ("replaced the one of 2026-01-20 12:00",)
    assert take(course, tmp_path, attempt(19, b"first"), replace=True).refused == ()
    assert saved(course, "ada") == b"first"


def test_taking_the_same_download_in_twice_changes_nothing(course: Course, tmp_path: Path) -> None:
    first, second = (take(course, tmp_path, downloads.gradescope(BOOK)) for _ in range(2))
    assert first == second


def test_what_is_neither_folder_nor_archive_is_a_usage_error(course: Course, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a zip"):
        take(course, tmp_path, b"text")


def test_the_command_prints_where_everything_came_from_and_what_was_refused(course: Course, tmp_path: Path) -> None:
    (tmp_path / "submissions.zip").write_bytes(zipped(downloads.canvas(BOOK)))
    done = run(course.root, "collect", NAME, str(tmp_path / "submissions.zip"))
    assert done["status"] == 1
    assert "lovelaceada_1815  time unknown      Canvas: lovelaceada_1815_70009_hw8_lora-1.ipynb" in str(done["output"])
    assert "4 taken, 1 refused" in str(done["output"])
