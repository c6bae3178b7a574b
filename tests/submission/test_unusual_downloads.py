"""Downloads in forms that fewer courses see: anonymous and late, in another language, groups, names that look alike."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.people import People, Person
from autograder.submission.collect import collect
from tests.builders import NAME
from tests.submission.collecting import BOOK, reasons, saved, take, taken
from tests.submission.downloads import unzipped, zipped


def test_who_is_late_in_an_anonymous_assignment_of_canvas_is_the_same_as_before(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, {f"anon_a1B2c_70001_{NAME}.ipynb": b"old", f"anon_Zz9_70002_{NAME}.ipynb": BOOK})
    files = {f"LATE_anon_a1B2c_70009_{NAME}-1.ipynb": BOOK, f"anon_Zz9_70002_{NAME}.ipynb": BOOK}
    collected = take(course, tmp_path, files, replace=True)
    assert taken(collected) == ["anon_Zz9", "anon_a1B2c"]
    assert [one.late for one in collected.taken] == [False, True]
    assert saved(course, "anon_a1B2c") == BOOK
    assert People.load(course).found_by("canvas.anonymous", "a1B2c") is not None


def test_a_canvas_user_without_letters_in_the_name_may_be_late(course: Course, tmp_path: Path) -> None:
    (one,) = take(course, tmp_path, {f"LATE_1815_70009_{NAME}.ipynb": BOOK}).taken
    assert (one.student, one.late) == ("1815", True)


ABOUT = {
    "Spanish": "Nombre: {} ({})\r\nActividad: HW 8\r\n",
    "Chinese": "姓名\uff1a{} ({})\r\n作业\uff1aHW 8\r\n",
    "French, with a space": "Nom : {} ({})\r\nDevoir : HW 8\r\n",
    "with a mark": "\ufeffName: {} ({})\r\nAssignment: HW 8\r\n",
}


@pytest.mark.parametrize("language", ABOUT)
def test_blackboards_users_are_told_apart_in_every_language(language: str, course: Course, tmp_path: Path) -> None:
    files = {}
    for user, name in (("ada_x", "Ada Lovelace"), ("bob_x", "Bob (Bobby) Babbage")):
        start = f"HW_8_{user}_attempt_2026-01-31-12-00-00"
        files |= {f"{start}.txt": ABOUT[language].format(name, user).encode(), f"{start}_{NAME}.ipynb": BOOK}
    assert taken(take(course, tmp_path, files)) == ["ada_x", "bob_x"]
    person = People.load(course).person("bob_x")
    assert person is not None
    assert (person.name, person.ids) == ("Bob (Bobby) Babbage", {"blackboard.username": "bob_x"})


def test_a_blackboard_attempt_without_its_text_is_of_the_same_assignment(course: Course, tmp_path: Path) -> None:
    start, end = "HW_8_{}_attempt_2026-01-31-12-00-00", f"_{NAME}.ipynb"
    files = {start.format(user) + end: BOOK for user in ("ada_x", "bob_x")}
    files[start.format("ada_x") + ".txt"] = b"Name: Ada Lovelace (ada_x)\r\n"
    assert taken(take(course, tmp_path, files)) == ["ada_x", "bob_x"]


def test_two_long_names_that_begin_alike_stay_two(course: Course, tmp_path: Path) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff " * 3
    files = {f"{long}{n}_100{n}_assignsubmission_file_/{NAME}.ipynb": BOOK + b" " * n for n in (1, 2)}
    collected = take(course, tmp_path, files)
    assert (len(taken(collected)), reasons(collected)) == (2, {})
    assert [saved(course, student) for student in taken(collected)] == [BOOK + b" ", BOOK + b"  "]


SEEN_AND_UNSEEN = {
    "right to left": "\u200fעדה לאבלייס\u200f",
    "isolated": "\u2068Ada\u2069 Lovelace",
    "embedded": "\u202aAda Lovelace\u202c",
    "soft hyphen": "Ada Love\u00adlace",
    "family": "Ada \U0001f469\u200d\U0001f4bb Lovelace",
    "mark": "\ufeffAda Lovelace",
}


@pytest.mark.parametrize("case", SEEN_AND_UNSEEN)
def test_signs_that_nobody_sees_cost_no_student(case: str, course: Course, tmp_path: Path) -> None:
    files = {f"{SEEN_AND_UNSEEN[case]}_1001_assignsubmission_file_/{NAME}.ipynb": BOOK}
    files[f"Bob Babbage_1002_assignsubmission_file_/{NAME}.ipynb"] = BOOK
    collected = take(course, tmp_path, files)
    assert reasons(collected) == {}
    assert len(taken(collected)) == 2
    assert People.load(course).found_by("moodle.participant", "1001") is not None


@pytest.mark.parametrize("word", ["Participant", "Teilnehmerin", "Участник", "Group A-Participant"])
def test_participants_without_names_are_known_by_their_numbers(word: str, course: Course, tmp_path: Path) -> None:
    files = {f"{word}_{n}_assignsubmission_file_/{NAME}.ipynb": BOOK for n in (1001, 1002, 1003)}
    assert len(set(taken(take(course, tmp_path, files)))) == 3
    assert [one.name for one in People.load(course)] == ["", "", ""]


def test_a_single_participant_without_a_name_is_nobody_of_another_assignment(course: Course, tmp_path: Path) -> None:
    assert taken(take(course, tmp_path, {f"Participant_1001_assignsubmission_file_/{NAME}.ipynb": BOOK})) == [
        "Participant_1001"
    ]


@pytest.mark.parametrize(
    ("folder", "user", "name"),
    [
        ("Lee, Sam (Sammy)(slee)", "slee", "Sam (Sammy) Lee"),
        ("Lovelace, Jr., Ada(ada15)", "ada15", "Jr., Ada Lovelace"),
        ("O'Brien-Smith (Jones), Ana(ana@example.edu)", "ana@example.edu", "Ana O'Brien-Smith (Jones)"),
    ],
)
def test_sakais_names_hold_brackets_and_commas(
    folder: str, user: str, name: str, course: Course, tmp_path: Path
) -> None:
    files = {f"HW 8/{folder}/Submission attachment(s)/{NAME}.ipynb": BOOK, "HW 8/grades.csv": b""}
    files[f"HW 8/Turing, Alan(alan)/Submission attachment(s)/{NAME}.ipynb"] = BOOK
    assert sorted(taken(take(course, tmp_path, files))) == sorted([user, "alan"])
    person = People.load(course).person(user)
    assert person is not None
    assert person.name == name


GRADESCOPE = """---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: {sid}
    :email: ada@example.org
  :created_at: {time}
"""


@pytest.mark.parametrize(
    ("sid", "time"),
    [
        ("'0012'", "'2026-01-31T23:30:00-08:00'"),
        ("0012", "2026-01-31 23:30:00 -08:00"),
        ("'0012'", "'2026-02-01 07:30:00 UTC'"),
        ("0012", "'2026-02-01 08:30:00 +0100'"),
    ],
)
def test_gradescopes_numbers_keep_their_zeros_and_times_their_zones(
    sid: str, time: str, course: Course, tmp_path: Path
) -> None:
    text = GRADESCOPE.format(sid=sid, time=time).encode()
    files = {
        "assignment_5_export/submission_metadata.yml": text,
        f"assignment_5_export/submission_1/{NAME}.ipynb": BOOK,
    }
    (one,) = take(course, tmp_path, files).taken
    assert (one.student, str(one.time)) == ("0012", "2026-02-01 07:30:00+00:00")


def test_who_handed_in_what_cannot_be_taken_has_handed_in(course: Course, tmp_path: Path) -> None:
    files = {"ada_1_70001_a.ipynb": b"{}", "ada_1_70002_b.pdf": BOOK, "bob_2_70003_notes.pdf": b"%PDF"}
    files |= {"cleo_3_70004_x.zip": b"no archive", f"dan_4_70005_{NAME}.ipynb": BOOK}
    collected = take(course, tmp_path, files)
    people = People.load(course)
    assert {student for _, student in people.hand_ins} >= {"bob_2", "dan_4"}
    assert "bob_2" not in taken(collected)


def test_a_name_in_no_encoding_costs_nobody_anything(course: Course, tmp_path: Path) -> None:
    files = {
        f"{name}_100{n}_assignsubmission_file_/{NAME}.ipynb": BOOK for n, name in enumerate(("M\udcfcller", "Ada"))
    }
    collected = collect(course, NAME, unzipped(tmp_path / "download", files))
    assert len(taken(collected)) == 2
    assert [one.original for one in People.load(course).hand_ins.values()] == sorted(files)


def test_a_file_that_is_called_like_an_attempt_stays_its_students(course: Course, tmp_path: Path) -> None:
    start = "HW 8_{}_attempt_2026-01-31-12-00-00_"
    files = {
        start.format("ada") + "my_attempt_2026-01-30-10-00-00_x.ipynb": BOOK,
        start.format("bob") + "x.ipynb": BOOK,
    }
    assert taken(take(course, tmp_path, files)) == ["ada", "bob"]


@pytest.mark.parametrize("page", ["text.html", "link.html"])
def test_who_gave_canvas_a_text_or_a_link_is_named_and_outvotes_nobody(
    page: str, course: Course, tmp_path: Path
) -> None:
    files = {f"s{n}_{'LATE_' * (n % 2)}{n}_{page}": b"<p>" for n in range(4)} | {f"dan_9_70001_{NAME}.ipynb": BOOK}
    collected = take(course, tmp_path, files)
    assert taken(collected) == ["dan_9"]
    assert [reason.split(":")[0] for reason in reasons(collected).values()] == ["s0_0", "s1_1", "s2_2", "s3_3"]
    assert all(f"only {page}" in reason for reason in reasons(collected).values())


def inner(platform: str, n: int) -> str:
    """The name of a student's file in a download."""
    return {
        "Moodle": f"Name {'ABCD'[n]}_100{n}_assignsubmission_file_/{NAME}.ipynb",
        "Canvas": f"name{n}_10{n}_7000{n}_{NAME}.ipynb",
        "Brightspace": f"1234{n}-67 - Name {'ABCD'[n]} - Jan 31, 2026 905 AM/{NAME}.ipynb",
    }[platform]


@pytest.mark.parametrize("platform", ["Moodle", "Canvas", "Brightspace"])
def test_the_downloads_of_two_sections_in_a_folder_are_one(platform: str, course: Course, tmp_path: Path) -> None:
    sections = {f"section {n}.zip": zipped({inner(platform, 2 * n + k): BOOK for k in range(2)}) for n in range(2)}
    collected = collect(course, NAME, unzipped(tmp_path / "sections", sections))
    assert len(set(taken(collected))) == 4
    assert {one.platform for one in collected.taken} == {platform}


def test_archives_of_students_stay_theirs(course: Course, tmp_path: Path) -> None:
    files = {f"{who}.zip": zipped({f"hw_8_1_{NAME}.ipynb": BOOK, "b_2_3_x.csv": b"1"}) for who in ("ada", "bob")}
    assert taken(collect(course, NAME, unzipped(tmp_path / "all", files))) == ["ada", "bob"]


@pytest.mark.parametrize("folder", ["Homework 8 (2)", "cs101 hw8"])
def test_a_class_of_canvas_in_a_folder_of_any_name_is_canvas(folder: str, course: Course, tmp_path: Path) -> None:
    files = {f"{folder}/{inner('Canvas', n)}": BOOK for n in range(3)}
    assert taken(take(course, tmp_path, files)) == ["name0_100", "name1_101", "name2_102"]


def test_nbgraders_own_folders_may_lie_in_others(course: Course, tmp_path: Path) -> None:
    files = {f"course/submitted/{who}/{NAME}/{NAME}.ipynb": BOOK for who in ("ada", "bob")}
    assert taken(take(course, tmp_path, files)) == ["ada", "bob"]
    files = {f"ada/submitted/final/{NAME}.ipynb": BOOK}
    assert taken(take(course, tmp_path, files)) == ["ada"]


def test_windows_cannot_write_the_exchanges_colons(course: Course, tmp_path: Path) -> None:
    (one,) = take(course, tmp_path, {f"ada+{NAME}+2026-01-30 15_58_23.948203 UTC+aB3/{NAME}.ipynb": BOOK}).taken
    assert str(one.time) == "2026-01-30 15:58:23.948203+00:00"


WORKSHEET = "Identifier,Full name,Email address,Grade\nParticipant 1001,Ada Lovelace,ada@example.org,\n"
MEMBERS = "First name,Surname,Email address\nAda,Lovelace,ada@example.org\nBob,Babbage-Smith,bob@example.org\n"


@pytest.mark.parametrize("text", [WORKSHEET, MEMBERS])
def test_a_group_before_a_name_is_no_part_of_it(text: str, course: Course, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(text)
    names = ("Group A-1-Ada Lovelace_1001", "Group A-1-Bob Babbage-Smith_1002")
    files = {f"{name}_assignsubmission_file_/{NAME}.ipynb": BOOK for name in names}
    collected = take(course, tmp_path, files, roster=tmp_path / "roster.csv")
    ada = People.load(course).person("Ada_Lovelace")
    assert ada is not None
    assert (ada.name, ada.email, ada.group) == ("Ada Lovelace", "ada@example.org", "Group A-1")
    assert "Ada_Lovelace" in taken(collected)
    assert not [said for said in collected.said if "the name was" in said]


def test_the_end_of_a_family_name_and_a_namesakes_number_are_no_known_person(course: Course, tmp_path: Path) -> None:
    people = People.load(course)
    people.joined(Person("Smith", "Smith"))
    people.joined(Person("Sam_Lee", "Sam Lee", ids={f"moodle.participant.{NAME}": "1009"}))
    people.save()
    names = ("Bob Babbage-Smith_1001", "Group A-Sam Lee_1002")
    collected = take(course, tmp_path, {f"{name}_assignsubmission_file_/{NAME}.ipynb": BOOK for name in names})
    assert taken(collected) == ["Bob_Babbage-Smith", "Group_A-Sam_Lee"]
