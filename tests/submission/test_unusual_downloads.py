"""Downloads in forms that fewer courses see: anonymous and late, in another language, groups, names that look alike."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.people import People
from autograder.submission.collect import collect
from tests.builders import NAME
from tests.submission.collecting import BOOK, reasons, saved, take, taken
from tests.submission.downloads import unzipped


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
