"""The identity table of a course: one student, whatever platforms they come from."""

import json
import os
from pathlib import Path

import pytest

from autograder.course import CONFIG_FILE, Course
from autograder.errors import UsageError
from autograder.people import HandIn, People, Person

ADA = Person("lovelaceada_1815", "Ada Lovelace", ids={"canvas.id": "1815", "canvas.login": "ada@example.org"})


@pytest.fixture
def people(tmp_path: Path) -> People:
    (tmp_path / CONFIG_FILE).touch()
    return People.load(Course(tmp_path))


def test_what_was_saved_is_loaded_again_and_only_its_owner_reads_it(people: People) -> None:
    hand_in = HandIn("warmup", ADA.student, "Canvas", "a/b.ipynb", "2026-01-31T12:00:00+00:00", late=True)
    people.joined(ADA)
    people.take(hand_in)
    people.save()
    again = People.load(Course(people.path.parent))
    assert again.person(ADA.student) == ADA
    assert again.hand_in("warmup", ADA.student) == hand_in
    assert os.stat(people.path).st_mode & 0o077 == 0
    assert [path.name for path in people.path.parent.iterdir() if path.name.startswith(".people")] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"people": [{"x": 1}], "hand_ins": []}', "\udcff"])
def test_a_damaged_table_is_said_with_a_way_out(text: str, people: People) -> None:
    people.path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match="Put back a copy of it, or move it away"):
        People.load(Course(people.path.parent))


def test_the_same_address_on_two_platforms_is_one_student(people: People) -> None:
    people.joined(ADA)
    person = people.joined(Person("1815", email="ADA@Example.org", ids={"gradescope.sid": "s1"}))
    assert person.student == ADA.student
    assert person.ids == {**ADA.ids, "gradescope.sid": "s1"}
    assert [one.student for one in people] == [ADA.student]
    assert people.found_by("gradescope.sid", "S1") == person


def test_an_institutions_number_is_the_same_on_all_its_platforms_and_a_platforms_own_is_not(people: People) -> None:
    people.joined(Person("ada", ids={"canvas.sis": "42", "canvas.id": "7"}))
    assert people.joined(Person("x", ids={"gradescope.sid": "42"})).student == "ada"
    assert people.joined(Person("y", ids={"moodle.participant": "7"})).student == "y"


def test_a_roster_between_two_platforms_makes_two_known_people_one(people: People) -> None:
    people.joined(Person("ada", ids={"canvas.id": "7"}))
    people.joined(Person("x", "Ada", email="ada@example.org"))
    person = people.joined(Person("new", ids={"canvas.id": "7"}, email="ada@example.org"))
    assert [one.student for one in people] == [person.student] == ["ada"]
    assert person.name == "Ada"


def test_two_who_both_handed_in_are_left_to_a_person(people: People) -> None:
    for student, ids in (("ada", {"canvas.id": "7"}), ("x", {"gradescope.sid": "s"})):
        people.joined(Person(student, ids=ids))
        people.take(HandIn("warmup", student, "folder"))
    people.joined(Person("new", ids={"canvas.id": "7", "gradescope.sid": "s"}))
    assert [one.student for one in people] == ["ada", "x"]
    assert "both handed in; remove one of the two folders" in people.said[0]


def test_names_that_differ_are_said_and_the_newer_one_holds(people: People) -> None:
    people.joined(ADA)
    assert people.joined(Person("ada", "Ada King", ids={"canvas.id": "1815"})).name == "Ada King"
    assert people.said == ["lovelaceada_1815: the name was Ada Lovelace and is Ada King now"]


def test_a_later_namesake_is_somebody_else(people: People) -> None:
    people.joined(Person("Sam_Lee", "Sam Lee", ids={"brightspace.id": "1003"}))
    other = people.joined(Person("Sam_Lee", "Sam Lee", ids={"brightspace.id": "1004"}))
    assert other.student == "Sam_Lee_1004"
    assert "the name of two" in people.said[0]


def test_an_id_in_the_name_of_a_folder_leads_nowhere_else(people: People) -> None:
    people.joined(Person("Sam_Lee", "Sam Lee", ids={"brightspace.id": "1003"}))
    other = people.joined(Person("Sam_Lee", "Sam Lee", ids={"brightspace.id": "../../x"}))
    assert other.student == "Sam_Lee_____x"


def test_moodles_numbers_of_every_assignment_lead_to_the_student(people: People) -> None:
    for assignment, number in (("one", "1001"), ("two", "2001")):
        ids = {"moodle.participant": number, f"moodle.participant.{assignment}": number}
        people.joined(Person("Ada_Lovelace", "Ada Lovelace", ids=ids))
    found = [people.found_by("moodle.participant", number) for number in ("1001", "2001")]
    assert found[0] == found[1] == people.person("Ada_Lovelace")
    assert people.said == []


def test_an_id_of_two_students_leads_to_neither(people: People) -> None:
    people.put(Person("ada", email="us@example.org"))
    people.put(Person("alan", email="us@example.org"))
    assert people.found_by("email", "us@example.org") is None


def test_names_of_every_script_stay_and_act_nowhere(people: People) -> None:
    name = "क्षितिज \u200dनेपाल\x1b[31m\u202e\nशर्मा"
    assert people.joined(Person("x", name)).name == "क्षितिज \u200dनेपाल शर्मा"
    people.save()
    assert json.loads(people.path.read_text(encoding="utf-8"))["people"][0]["name"].startswith("क्षितिज")
