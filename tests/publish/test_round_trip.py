"""From a platform's download to its file of grades: a manual score, lateness, an extension, extra credit, a `?`."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from unicodedata import normalize

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.people import People
from autograder.publish.export import ExportOptions, export_points
from autograder.publish.hand_back import give_back
from autograder.publish.lateness import Lateness, settle
from autograder.submission.collect import collect
from tests.publish.gradebooks import HOMEWORK, course, made, opened
from tests.publish.platform_samples import BLACKBOARD, BRIGHTSPACE, CANVAS, MOODLE
from tests.publish.test_hand_back import entries
from tests.submission.downloads import zipped

__all__ = ["course", "made"]
BOOK = f"{HOMEWORK}.ipynb"
SPLIT = (
    "\ufeffLastName,FirstName,ID,SIS User ID,SIS Login ID,Section,PS 1 (42),Final Score\r\n"
    "    Points Possible,,,,,,20.00,(read only)\r\n"
    "Lovelace,Ada,101,N/A,ada@example.edu,A,,\r\n"
    '"Babbage, Jr.","Bob ""B""",102,N/A,bob,"A, B",1.00,\r\n'
    "Ἀθηνᾶ,Cleo\u0301,103,N/A,cleo,A,,\r\n"
    "Dantès,Dan,104,N/A,dan,B,7.00,\r\n"
    "Student,Test,107,,0a1b2c,B,,\r\n"
)
SPLIT_NAMES = (("lovelaceada", ""), ("babbagejrbobb", "LATE_"), ("cleo", ""), ("dantèsdan", ""))
BLIND = "Identifier,Status,Grade,Maximum Grade,Grade can be changed,Last modified (grade)\n" + "".join(
    f"Participant {n},Submitted for grading,{grade},20.00,Yes,-\n"
    for n, grade in ((1001, ""), (1002, "1.00"), (1003, ""), (1004, "7.00"), (1005, "3.00"))
)
DOWNLOADS = {
    "canvas": (
        CANVAS, 1, 6,
        {"101": f"lovelaceada_101_7001_{BOOK}", "102": f"babbagebob_LATE_102_7002_{BOOK}",
         "103": f"cleo_103_7003_{BOOK}", "104": f"dantesdan_104_7004_{BOOK}"},
    ),
    "moodle": (
        MOODLE, 0, 4,
        {"Participant 1001": f"Ada Lovelace_1001_assignsubmission_file_/{BOOK}",
         "Participant 1002": f"Bob Babbage_1002_assignsubmission_file_/{BOOK}",
         "Participant 1003": f"Cleo\u0301 Ἀθηνᾶ_1003_assignsubmission_file_/{BOOK}",
         "Participant 1004": f"Dan Dantès_1004_assignsubmission_file_/{BOOK}"},
    ),
    "brightspace": (
        BRIGHTSPACE, 0, 6,
        {"#0001": f"9001-77 - Ada Lovelace - 31 January, 2026 1159 PM/{BOOK}",
         "#0002": f"9002-77 - Bob Babbage - 31 January, 2026 1159 PM/{BOOK}",
         "#0003": f"9003-77 - Cleo Ἀθηνᾶ - 31 January, 2026 1159 PM/{BOOK}",
         "#0004": f"9004-77 - Dan Dantès - 31 January, 2026 1159 PM/{BOOK}"},
    ),
    "blackboard": (
        BLACKBOARD, 2, 8,
        {name: f"PS 1_{name}_attempt_2026-01-31-12-00-00_{BOOK}" for name in ("ada", "bob", "cleo", "dan")},
    ),
    "canvas with split names": (
        SPLIT, 2, 6,
        {str(100 + n): f"{name}_{late}{100 + n}_700{n}_{BOOK}" for n, (name, late) in enumerate(SPLIT_NAMES, 1)},
    ),
    "moodle, marked blind": (
        BLIND, 0, 2,
        {f"Participant {n}": f"Participant_{n}_assignsubmission_file_/{BOOK}" for n in range(1001, 1005)},
    ),
    "blackboard in columns with commas": (
        BLACKBOARD.replace("\t", ","), 2, 8,
        {name: f"PS 1_{name}_attempt_2026-01-31-12-00-00_{BOOK}" for name in ("ada", "bob", "cleo", "dan")},
    ),
}  # fmt: skip
"""Platform -> its file of grades, columns of id and points, and id -> name in the download."""


DUE = datetime(2026, 1, 31, 12)
LATE = DUE + timedelta(hours=3)


def fill(gradebook: Gradebook, student: str, first: float, second: float | None, when: datetime = DUE) -> None:
    """What a grading writes."""
    gradebook.update_or_create_submission(HOMEWORK, student, timestamp=when)
    for name, points in (("todo1", first), ("todo2", second)):
        grade = gradebook.find_grade(name, HOMEWORK, HOMEWORK, student)
        grade.auto_score, grade.needs_manual_grade = points, points is None


@pytest.mark.parametrize("with_roster", [False, True])
@pytest.mark.parametrize("platform", DOWNLOADS)
def test_what_was_collected_goes_back_under_the_ids_that_it_came_with(
    course: Course, platform: str, with_roster: bool
) -> None:
    text, id_column, column, names = DOWNLOADS[platform]
    course = emptied(course)
    grades = course.root / "grades.csv"
    grades.write_text(text, newline="")
    students = collected(course, names, grades if with_roster else None)
    first, second, third, last = students.values()
    (course.root / "extensions.csv").write_text(f"assignment,student,due\n{HOMEWORK},{third},2026-02-01 12:00 UTC\n")
    with opened(course) as gradebook:
        gradebook.update_or_create_assignment(HOMEWORK, duedate=DUE)
        for student in students.values():
            gradebook.update_or_create_student(student)
            fill(gradebook, student, 10, None if student == last else 5, LATE if student in (second, third) else DUE)
        gradebook.find_grade("todo2", HOMEWORK, HOMEWORK, first).manual_score = 7
        gradebook.find_grade("todo1", HOMEWORK, HOMEWORK, third).extra_credit = 1
    assert "late penalties changed for 1, extensions for 1" in [*settle(course, Lateness.of(course, HOMEWORK), print)]
    done = export_points(course, HOMEWORK, grades, course.root / "upload.csv", ExportOptions())
    before, after = (read(path, id_column, column) for path in (grades, course.root / "upload.csv"))
    *decided, waits = names
    assert [after[id_] for id_ in decided] == ["17.00", "0.00", "16.00"]
    assert after.get(waits) in (None, before[waits])
    assert done.undecided == [students[waits]]
    assert (done.without_row, done.stale) == ([], 0)


def emptied(course: Course) -> Course:
    """The course before anybody handed in; what is late has no points."""
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with opened(course) as gradebook:
        for student in [student.id for student in gradebook.students]:
            gradebook.remove_student(student)
    return Course(course.root)


def collected(course: Course, names: dict[str, str], roster: Path | None) -> dict[str, str]:
    """Id on the platform -> student, once the download is taken in."""
    book = nbformat.writes(nbformat.read(course.source(HOMEWORK), as_version=4)).encode()
    path = course.root / "download.zip"
    path.write_bytes(zipped(dict.fromkeys(names.values(), book)))
    taken = collect(course, HOMEWORK, path, roster=roster).taken
    by_name = {one.name: one.student for one in taken}
    return {id_: by_name[normalize("NFC", name)] for id_, name in names.items()}


def read(path: Path, id_column: int, column: int) -> dict[str, str]:
    """Id -> points, as another program reads the file."""
    text = path.read_text(encoding="utf-8")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in text else ",")
    return {row[id_column]: row[column] for row in rows}


def test_feedback_goes_back_to_moodle_under_the_numbers_of_the_download(course: Course) -> None:
    _, _, _, names = DOWNLOADS["moodle"]
    students = collected(emptied(course), names, None)
    for id_, student in students.items():
        page = course.folder("feedback", student, HOMEWORK) / "page.html"
        page.parent.mkdir(parents=True)
        page.write_text(id_)
    with opened(course) as gradebook:
        for student in students.values():
            gradebook.update_or_create_student(student)
            fill(gradebook, student, 1, 1)
    done = give_back(course, HOMEWORK, "moodle-zip", course.root / "feedback.zip")
    assert entries(course.root / "feedback.zip") == {id_.split()[1]: id_ for id_ in names}
    assert done.complete
    assert People.load(course).hand_in(HOMEWORK, students["Participant 1001"]).platform == "Moodle"
