"""Rosters of every platform, joined to those whose work was taken in."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.people import People, Person
from autograder.submission.roster import join_roster, read_roster
from tests.builders import NAME
from tests.conftest import run
from tests.submission import downloads
from tests.submission.collecting import BOOK, take

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,HW 8 (123)
    Points Possible,,,,,10.00
"Lovelace, Ada",1815,S1815,ada@example.org,Section 1,
"Müller, José",77,S77,jose,Section 2,3
"Student, Test",99,,,Section 1,
"""
MOODLE = """Identifier,Full name,Email address,Status,Grade
Participant 1003,Sam Lee,sam3@example.org,,
Participant 1004,Sam Lee,sam4@example.org,,
Participant 1001,Ada Lovelace,ada@example.org,,
"""
MOODLE_PEOPLE = "First name,Surname,ID number,Email address,Groups\nAda,Lovelace,S1815,ada@example.org,A\n"
GRADESCOPE = "First Name,Last Name,SID,Email,Role\nAda,Lovelace,1815,ada@example.org,Student\nT,A,1,t@x.org,TA\n"
BRIGHTSPACE = "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n"
BRIGHTSPACE += "#S1815,#ada,Lovelace,Ada,ada@example.org,#\n#S2,#sam2,Lee,Sam,s2@example.org,#\n"
BLACKBOARD = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\n"Lovelace"\t"Ada"\t"ada_l"\t"S1815"\n'
SAKAI = '"HW 8","Points"\n\n"Display ID","ID","Last Name","First Name","grade"\n"S1815","ada15","Lovelace","Ada",""\n'
GITHUB = '"identifier","github_username","github_id","name"\n"ada@example.org","ada-l","583","Ada Lovelace"\n'
CLASSROOM_50 = "username,first_name,last_name,email,section,github_id\nada-l,Ada,Lovelace,ada@example.org,A,583\n"

JOINED = {
    "Canvas": (downloads.canvas, CANVAS, "lovelaceada_1815", "canvas.login", "ada@example.org"),
    "Moodle": (downloads.moodle, MOODLE, "Sam_Lee_1004", "moodle.participant", "1004"),
    "Moodle's people": (downloads.moodle, MOODLE_PEOPLE, "Ada_Lovelace", "moodle.id_number", "S1815"),
    "Gradescope": (downloads.gradescope, GRADESCOPE, "1815", "gradescope.sid", "1815"),
    "Brightspace": (downloads.brightspace, BRIGHTSPACE, "Ada_Lovelace", "brightspace.username", "ada"),
    "Blackboard": (downloads.blackboard, BLACKBOARD, "ada_l", "blackboard.number", "S1815"),
    "Sakai": (downloads.sakai, SAKAI, "ada15", "sakai.display_id", "S1815"),
    "GitHub Classroom": (downloads.github_classroom, GITHUB, "ada-l", "github.identifier", "ada@example.org"),
    "Classroom 50": (downloads.classroom_50, CLASSROOM_50, "ada-l", "github.id", "583"),
}


def roster(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("first", ["download", "roster"])
@pytest.mark.parametrize("platform", JOINED)
def test_a_roster_joins_those_of_a_download_whichever_comes_first(
    platform: str, first: str, course: Course, tmp_path: Path
) -> None:
    download, text, student, key, value = JOINED[platform]
    if first == "download":
        take(course, tmp_path, download(BOOK))
    take(course, tmp_path, download(BOOK), roster=roster(tmp_path, text))
    people = People.load(course)
    person = people.person(student)
    assert person is not None
    assert (person.ids[key], bool(person.name)) == (value, True)
    assert people.hand_in(NAME, student) is not None


def test_names_are_spoken_first_name_first_and_the_family_name_is_known(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, downloads.canvas(BOOK), roster=roster(tmp_path, CANVAS))
    assert People.load(course).person("müllerjosé_77") == Person(
        "müllerjosé_77",
        "José Müller",
        group="Section 2",
        ids={"canvas.id": "77", "canvas.sis": "S77", "canvas.login": "jose"},
        family="Müller",
    )


def test_a_number_of_the_institution_joins_two_platforms(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, downloads.canvas(BOOK), roster=roster(tmp_path, CANVAS))
    take(course, tmp_path, downloads.brightspace(BOOK), roster=roster(tmp_path, BRIGHTSPACE))
    people = People.load(course)
    ada = people.found_by("brightspace.username", "ada")
    assert ada is not None
    assert (ada.student, ada.ids["canvas.id"]) == ("lovelaceada_1815", "1815")


def test_of_two_of_one_name_neither_is_joined_by_it(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, downloads.brightspace(BOOK))
    people = People.load(course)
    join_roster(people, roster(tmp_path, BRIGHTSPACE), NAME)
    sams = [one for one in people if one.name == "Sam Lee"]
    assert sorted(len(one.ids) for one in sams) == [1, 1, 2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_roster_is_read_in_the_usual_encodings_and_with_the_usual_separators(
    encoding: str, separator: str, tmp_path: Path
) -> None:
    text = MOODLE.replace(",", separator).replace("Ada", "Zoë")
    form, rows = read_roster(roster(tmp_path, text, encoding))
    assert (form.platform, [row["full name"] for row in rows][-1]) == ("Moodle", "Zoë Lovelace")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00", "Student\nAda\n"])
def test_what_is_no_roster_is_a_usage_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no header of a roster that is known"):
        read_roster(roster(tmp_path, text))


def test_a_roster_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")


def test_the_command_says_how_many_the_roster_has(course: Course, tmp_path: Path) -> None:
    (tmp_path / "moodle.zip").write_bytes(downloads.zipped(downloads.moodle(BOOK)))
    path = roster(tmp_path, MOODLE)
    done = run(course.root, "collect", NAME, str(tmp_path / "moodle.zip"), "--roster", str(path))
    assert "3 people in the roster, from Moodle" in str(done["output"])
    sam = People.load(course).person("Sam_Lee_1003")
    assert sam is not None
    assert sam.email == "sam3@example.org"


SPLIT = """LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,HW 8 (123)
    Points Possible,,,,,,10.00
Lovelace,Ada,1815,S1815,ada@example.org,Section 1,
"Müller, Jr.",José,77,S77,jose,Section 2,3
Student,Test,99,,,Section 1,
"""


def test_canvas_may_have_the_names_in_two_columns(course: Course, tmp_path: Path) -> None:
    take(course, tmp_path, {"lovelaceada_1815_70009_hw8_lora.ipynb": BOOK}, roster=roster(tmp_path, SPLIT))
    assert [(one.student, one.name, one.family) for one in People.load(course)] == [
        ("lovelaceada_1815", "Ada Lovelace", "Lovelace"),
        ("müllerjrjosé_77", "José Müller, Jr.", "Müller, Jr."),
    ]


@pytest.mark.parametrize("nothing", ["", "-", "N/A", "n/a", "none", "NULL", "office@example.org", "?"])
def test_what_stands_for_everybody_makes_nobody_the_same(nothing: str, course: Course, tmp_path: Path) -> None:
    rows = "".join(f'"Name{n}, Ada",10{n},{nothing},login{n},A\n' for n in range(3))
    take(course, tmp_path, {f"name{n}ada_10{n}_7000_hw8_lora.ipynb": BOOK for n in range(3)})
    people = People.load(course)
    join_roster(people, roster(tmp_path, f"Student,ID,SIS User ID,SIS Login ID,Section\n{rows}"), NAME)
    assert [one.ids["canvas.id"] for one in people] == ["100", "101", "102"]
    assert [one.name for one in people] == ["Ada Name0", "Ada Name1", "Ada Name2"]


@pytest.mark.parametrize("shared", ["-", "none", "office@example.org"])
def test_an_address_that_two_share_makes_them_no_one_person(shared: str, course: Course, tmp_path: Path) -> None:
    rows = "".join(f"#S{n},#user{n},Name{n},Ada,{shared},#\n" for n in range(3))
    people = People.load(course)
    join_roster(people, roster(tmp_path, f"{BRIGHTSPACE.splitlines()[0]}\n{rows}"), NAME)
    assert [one.ids["brightspace.username"] for one in people] == ["user0", "user1", "user2"]
    assert people.said == (
        [f"{shared} is of several in the roster, and so tells nobody apart"] if "@" in shared else []
    )


def test_a_student_in_two_lines_of_a_roster_is_one(course: Course, tmp_path: Path) -> None:
    people = People.load(course)
    join_roster(people, roster(tmp_path, BRIGHTSPACE + BRIGHTSPACE.splitlines()[1] + "\n"), NAME)
    (ada,) = [one for one in people if one.name == "Ada Lovelace"]
    assert (ada.email, ada.ids["brightspace.username"]) == ("ada@example.org", "ada")


COMMAS = "Student;ID;SIS Login ID;Section;HW (1)\n" + "".join(
    f'"Lovelace, Ada, of Section A, B, C and D";{n};ada{n};"A, B, C, D, E";"5,00"\n' for n in range(9)
)


def test_the_separator_is_the_headers_whatever_stands_below(tmp_path: Path) -> None:
    form, rows = read_roster(roster(tmp_path, COMMAS))
    assert (form.platform, len(rows), rows[0]["section"]) == ("Canvas", 9, "A, B, C, D, E")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_blackboards_encoding_is_known_without_its_mark(encoding: str, tmp_path: Path) -> None:
    assert read_roster(roster(tmp_path, BLACKBOARD.replace("Ada", "Zoë"), encoding))[1][0]["first name"] == "Zoë"


def test_a_worksheet_with_a_whole_essay_in_a_cell_is_read(tmp_path: Path) -> None:
    essay = "a line\n" * 30_000
    text = MOODLE.replace("Grade\n", "Grade,Online text\n") + f'Participant 1009,Eve,eve@x.org,,,"{essay}"\n'
    assert len(read_roster(roster(tmp_path, text))[1]) == 4
