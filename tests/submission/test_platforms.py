"""A download is read as a whole: one platform explains its names, and everybody in it is somebody of the course.

Covers autograder/submission/naming.py and autograder/submission/metadata.py and autograder/submission/who.py.
"""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.people import HandIn, People, Person
from autograder.submission.archive import Entry
from autograder.submission.collect import collect
from autograder.submission.naming import layout
from autograder.submission.who import folder_name
from tests.builders import NAME
from tests.submission import downloads
from tests.submission.collecting import BOOK, reasons, saved, take, taken
from tests.submission.downloads import unzipped


def test_folders_of_students_stay_theirs_whatever_their_files_are_called(course: Course, tmp_path: Path) -> None:
    files = {"hw8-bob/hw8_lora_2026_01_31.ipynb": BOOK, "hw8-cleo/hw8_lora_2026_02_01.ipynb": BOOK + b" "}
    assert taken(take(course, tmp_path, files)) == ["hw8-bob", "hw8-cleo"]
    assert saved(course, "hw8-bob") == BOOK
    assert taken(take(course, tmp_path, {"ada/hw_8_1_lora.ipynb": BOOK})) == ["ada"]


def test_files_that_their_platform_does_not_explain_are_refused_by_name(course: Course, tmp_path: Path) -> None:
    files = {f"s{n}_{n}_7000{n}_hw8_lora.ipynb": BOOK for n in range(4)}
    collected = take(course, tmp_path, files | {"final.ipynb": BOOK, "bob/hw8_lora.ipynb": BOOK, "README.txt": b""})
    assert taken(collected) == ["s0_0", "s1_1", "s2_2", "s3_3"]
    assert set(reasons(collected)) == {"final.ipynb", "bob/hw8_lora.ipynb"}
    assert "not named as Canvas names" in reasons(collected)["final.ipynb"]
    assert collected.left == ("README.txt",)
    assert "not taken, for it is no student's: README.txt" in list(collected.table())


def test_another_assignment_in_the_exchange_is_refused(course: Course, tmp_path: Path) -> None:
    files = downloads.exchange(BOOK) | {"bob+hw7+2026-01-30 15:58:23.948203 UTC/hw7.ipynb": BOOK}
    collected = take(course, tmp_path, files)
    assert taken(collected) == ["ada"]
    assert "of the assignment hw7, not of" in str(reasons(collected))


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("2026-01-31 10:58:23.948203 EST", "15:58:23.948203"),
        ("2026-01-31 16:58:23.948203 +0100+aB3", "15:58:23.948203"),
        ("2026-01-31 12:58:23.948203 -03+aB3_-", "15:58:23.948203"),
        ("2026-01-31 15:58:23 UTC+aB3", "15:58:23"),
    ],
)
def test_the_exchanges_times_are_read_in_their_zone(name: str, time: str, course: Course, tmp_path: Path) -> None:
    (one,) = take(course, tmp_path, {f"ada+{NAME}+{name}/{NAME}.ipynb": BOOK}).taken
    assert str(one.time) == f"2026-01-31 {time}+00:00"
    assert str(course.directory.get_existing_timestamp(str(course.submitted("ada", NAME).parent))).endswith(time)


def test_a_zone_that_means_several_is_the_students_note_unless_the_course_tells(course: Course, tmp_path: Path) -> None:
    files = {f"{who}+{NAME}+2026-01-31 12:00:00.0 {zone}/{NAME}.ipynb": BOOK for who, zone in ZONES}
    ada, bob = take(course, tmp_path, files).taken
    assert (ada.time, str(bob.time)) == (None, "2026-01-31 12:00:00+00:00")
    assert "'IST' means several time zones; set c.Exchange.timezone" in ada.notes[0]
    course.config.Exchange.timezone = "Asia/Kolkata"
    assert str(take(course, tmp_path, files, replace=True).taken[0].time) == "2026-01-31 06:30:00+00:00"


ZONES = (("ada", "IST"), ("bob", "UTC"))


UNREADABLE = (b"last night", b"\x00\xff", b"99999999999999999", b"")
READABLE = ("utf-8-sig", "utf-16")


def test_a_timestamp_file_is_kept_and_an_unreadable_one_is_that_students_note(course: Course, tmp_path: Path) -> None:
    texts = [*UNREADABLE, *("2026-01-31 12:00:00 EST".encode(encoding) for encoding in READABLE)]
    files = {f"s{n}/timestamp.txt": text for n, text in enumerate(texts)} | {
        f"s{n}/{NAME}.ipynb": BOOK for n, _ in enumerate(texts)
    }
    collected = take(course, tmp_path, files)
    assert [str(one.time) for one in collected.taken] == ["None"] * 4 + ["2026-01-31 17:00:00+00:00"] * 2
    assert all("its timestamp.txt tells no time" in str(one.notes) for one in collected.taken[:4])
    assert not (course.submitted("s0", NAME).parent / "timestamp.txt").exists()
    assert (course.submitted("s4", NAME).parent / "timestamp.txt").read_text() == "2026-01-31 17:00:00 UTC\n"


def test_clones_are_known_by_their_history_where_the_folder_has_another_name(course: Course, tmp_path: Path) -> None:
    files = {f"hw8-{who}/{name}": BOOK for who in ("ada", "bob") for name in (f"{NAME}.ipynb", ".git/config")}
    assert taken(collect(course, NAME, unzipped(tmp_path / "clones", files))) == ["ada", "bob"]
    assert People.load(course).found_by("github.login", "ADA") == Person("ada", ids={"github.login": "ada"})


IDS = {
    downloads.canvas: ("turingalan_1912", {"canvas.id": "1912"}, ""),
    downloads.moodle: (
        "Sam_Lee_1003",
        {"moodle.participant": "1003", f"moodle.participant.{NAME}": "1003"},
        "Sam Lee",
    ),
    downloads.gradescope: (
        "1815",
        {"gradescope.sid": "1815", "gradescope.email": "ada@example.org"},
        "Ada Lovelace",
    ),
    downloads.blackboard: ("ada_l", {"blackboard.username": "ada_l"}, "Ada Lovelace"),
    downloads.brightspace: ("Sam_Lee_12346", {"brightspace.id": "12346"}, "Sam Lee"),
    downloads.sakai: ("ada15", {"sakai.eid": "ada15"}, "Ada Lovelace"),
    downloads.classroom_50: ("ada-l", {"github.login": "ada-l"}, ""),
}


@pytest.mark.parametrize("download", IDS)
def test_the_table_holds_what_the_platform_knows_of_a_student(
    download: "downloads.Make", course: Course, tmp_path: Path
) -> None:
    take(course, tmp_path, download(BOOK))
    student, ids, name = IDS[download]
    person = People.load(course).person(student)
    assert person is not None
    assert (dict(person.ids), person.name) == (ids, name)


def test_the_table_holds_what_was_handed_in_where_and_when(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, downloads.canvas(BOOK))
    take(course, tmp_path, downloads.sakai(BOOK))
    people = People.load(course)
    late = people.hand_in(NAME, "turingalan_1912")
    assert late == HandIn(NAME, "turingalan_1912", "Canvas", "turingalan_LATE_1912_70003_hw8_lora.ipynb", late=True)
    sakais = people.hand_in(NAME, "ada15")
    assert sakais is not None
    assert (sakais.when, sakais.late) == ("2026-01-31T23:59:58.500000+00:00", None)


def test_the_same_person_from_two_platforms_is_one_student(course: Course, tmp_path: Path) -> None:
    people = People.load(course)
    people.joined(Person("ada", email="Ada@Example.org"))
    people.save()
    assert "ada" in taken(take(course, tmp_path, downloads.gradescope(BOOK)))
    assert People.load(course).person("1815") is None


def test_a_group_of_letters_and_signs_stays_in_a_folders_name(course: Course, tmp_path: Path) -> None:
    assert folder_name("क्षितिज शर्मा") == "क्षितिज_शर्मा"
    assert folder_name("\u0646\u06cc\u0645\u200c\u0641/../x") == "\u0646\u06cc\u0645\u0641_.._x"
    assert taken(take(course, tmp_path, {"क्षितिज शर्मा/hw8_lora.ipynb": BOOK})) == ["क्षितिज_शर्मा"]


def test_a_stray_name_does_not_decide_what_a_download_is() -> None:
    entries = [Entry(name, bytes) for name in ("a_1_2_x.ipynb", "hw.ipynb", "hw (1).ipynb")]
    assert layout(entries, NAME, Path("x")).platform is None
