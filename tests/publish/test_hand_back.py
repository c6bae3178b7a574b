"""Feedback reaches the student whose it is, in each way that it can take."""

import csv
import re
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.people import HandIn, People, Person
from autograder.publish.hand_back import HandedBack, Way, give_back
from tests.publish.gradebooks import HOMEWORK, SCORES, course, made, opened
from tests.publish.platform_samples import MOODLE

__all__ = ["course", "made"]
IMPORTED = re.compile(r"(?P<name>[^_/]*)_(?P<number>\d+)_assignsubmission_file_/(?P<file>[^/]+)")
"""How Moodle takes the name of an entry apart: at each sign "_"."""


@pytest.fixture
def told(course: Course) -> Course:
    """A course with a page of feedback for each student who handed in."""
    for student in SCORES:
        page = course.folder("feedback", student, HOMEWORK) / f"{HOMEWORK}.html"
        page.parent.mkdir(parents=True)
        page.write_text(f"feedback of {student}")
    return course


def handed(course: Course, way: Way, **options: Path) -> tuple[HandedBack, Path]:
    target = course.root / "out"
    return give_back(course, HOMEWORK, way, target, **options), target


def entries(path: Path) -> dict[str, str]:
    """Participant number -> page, as Moodle reads the archive."""
    with zipfile.ZipFile(path) as archive:
        found = {name: IMPORTED.fullmatch(name) for name in archive.namelist()}
        assert all(found.values()), found
        return {match["number"]: archive.read(name).decode() for name, match in found.items()}


def test_moodles_zip_has_each_page_under_its_students_number(told: Course) -> None:
    sheet = told.root / "worksheet.csv"
    sheet.write_text(MOODLE.replace("Bob Babbage", "Bob_Ba/bbage"))
    done, target = handed(told, "moodle-zip", worksheet=sheet)
    numbers = dict(zip(SCORES, ("1001", "1002", "1003", "1004"), strict=True))
    assert entries(target) == {numbers[student]: f"feedback of {student}" for student in SCORES}
    assert done.complete


def test_numbers_come_from_the_submissions_where_there_is_no_worksheet(told: Course) -> None:
    people = People.load(told)
    people.joined(Person("ada", name="Ada Lovelace", ids={"moodle.participant": "7"}))
    people.joined(Person("bob", ids={"moodle.participant": "9", f"moodle.participant.{HOMEWORK}": "8"}))
    people.take(HandIn(HOMEWORK, "ada", "Moodle", "Ada Lovelace_1001_assignsubmission_file_/x.ipynb"))
    people.save()
    done, target = handed(told, "moodle-zip")
    assert entries(target) == {"1001": "feedback of ada", "8": "feedback of bob"}
    assert (done.unknown, done.complete) == (["cleo", "dan"], False)
    assert "2 cannot be reached" in "\n".join(done.told(target))


@pytest.mark.parametrize("other", ["ada@example.edu", "ADA@example.edu "])
def test_of_two_rows_that_a_student_may_be_neither_gets_the_feedback(other: str, told: Course) -> None:
    sheet = told.root / "worksheet.csv"
    sheet.write_text(MOODLE.replace("nobody@example.edu", other))
    done, target = handed(told, "moodle-zip", worksheet=sheet)
    assert set(entries(target)) == {"1002", "1003", "1004"}
    assert done.unknown == ["ada"]


def test_the_same_feedback_is_the_same_archive(told: Course) -> None:
    sheet = told.root / "worksheet.csv"
    sheet.write_text(MOODLE)
    first = handed(told, "moodle-zip", worksheet=sheet)[1].read_bytes()
    (told.folder("feedback", "ada", HOMEWORK) / f"{HOMEWORK}.html").touch()
    assert handed(told, "moodle-zip", worksheet=sheet)[1].read_bytes() == first


def test_each_student_has_a_folder_with_their_own_pages(told: Course) -> None:
    done, target = handed(told, "folders")
    assert done.complete
    found = {path.parent.name: path.read_text() for path in target.rglob("*") if path.is_file()}
    assert found == {student: f"feedback of {student}" for student in SCORES}


def test_letters_have_name_address_points_and_file(told: Course) -> None:
    with opened(told) as gradebook:
        gradebook.find_student("ada").first_name = "\n =HYPERLINK(1)"
        gradebook.find_student("bob").email = None
    done, target = handed(told, "mail-merge")
    rows = {row["student"]: row for row in csv.DictReader(target.read_text().splitlines())}
    assert {student: row["points"] for student, row in rows.items()} == {
        "ada": "17", "bob": "11.5", "cleo": "15.25", "dan": "?"
    }  # fmt: skip
    assert rows["ada"]["name"] == "'=HYPERLINK(1)"
    assert (rows["cleo"]["email"], rows["cleo"]["max_points"]) == ("cleo@example.edu", "20")
    assert Path(rows["cleo"]["file"]).read_text() == "feedback of cleo"
    assert done.unknown == ["bob"]


def test_who_has_points_and_no_page_is_said(told: Course) -> None:
    (told.folder("feedback", "dan", HOMEWORK) / f"{HOMEWORK}.html").unlink()
    done, target = handed(told, "folders")
    assert (done.without_feedback, done.complete) == (["dan"], False)
    assert "1 have points and no page of feedback" in "\n".join(done.told(target))


def test_a_link_to_somebody_elses_page_is_not_followed(told: Course) -> None:
    page = told.folder("feedback", "dan", HOMEWORK) / f"{HOMEWORK}.html"
    page.unlink()
    page.symlink_to(told.folder("feedback", "ada", HOMEWORK) / f"{HOMEWORK}.html")
    assert handed(told, "folders")[0].without_feedback == ["dan"]


def test_another_order_of_folders_is_understood(course: Course) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text(
        config.read_text() + "c.CourseDirectory.directory_structure = '{nbgrader_step}/{assignment_id}/{student_id}'\n"
    )
    page = course.root / "feedback" / HOMEWORK / "ada" / "x.html"
    page.parent.mkdir(parents=True)
    page.write_text("feedback of ada")
    _, target = handed(Course(course.root), "folders")
    assert (target / "ada" / "x.html").read_text() == "feedback of ada"


def test_nothing_to_hand_back_and_nowhere_to_put_it_are_said(course: Course, told: Course) -> None:
    (course.root / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        handed(told, "folders")
    for student in SCORES:
        (told.folder("feedback", student, HOMEWORK) / f"{HOMEWORK}.html").unlink()
    with pytest.raises(UsageError, match="there is no feedback on ps1"):
        handed(told, "mail-merge")
