"""Points go into a platform's own file under the right ids, and nothing else in it changes.

Covers autograder/publish/grade_files.py, autograder/publish/platform_formats.py and autograder/publish/roll.py.
"""

import csv
import io
import re
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.people import HandIn, People, Person
from autograder.publish.export import Exported, ExportOptions, export_points
from tests.publish.gradebooks import HOMEWORK, TOTALS, course, made, opened
from tests.publish.platform_samples import CANVAS, MOODLE, PARTICIPANTS, SAMPLES, Sample

__all__ = ["course", "made"]
OTHERS = ("dan", "eve", "nobody")


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


def export(course: Course, data: bytes, options: ExportOptions = ExportOptions()) -> tuple[Exported, bytes]:  # noqa: B008
    """What was written of a file."""
    source, target = course.root / "download.csv", course.root / "upload.csv"
    source.write_bytes(data)
    exported = export_points(course, HOMEWORK, source, target, options)
    assert source.read_bytes() == data
    return exported, target.read_bytes()


def cells(sample: Sample, data: bytes) -> dict[str, list[str]]:
    """Rows of a file by id, as a program reads them that knows nothing of ours."""
    text = data.decode(sample.encoding)
    separator = next(one for one in ("\t", ";", ",") if one in text.splitlines()[0])
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return {row[sample.id_column]: row for row in rows}


def known(course: Course, sample: Sample) -> None:
    """The identity table as `collect` and a roster leave it: the platform's ids lead to students."""
    people = People.load(course)
    for student, text in sample.ids.items():
        if student != "nobody":
            number = re.sub(r"^(\D{2,}|#)(?=\d)", "", text)
            people.joined(Person(student, ids={sample.key: number}))
    people.save()


def number(text: str) -> float:
    return float(text.replace(",", "."))


def test_points_come_back_under_the_right_ids_and_nothing_else_changes(course: Course, sample: Sample) -> None:
    known(course, sample)
    exported, data = export(course, sample.data)
    before, after = cells(sample, sample.data), cells(sample, data)
    assert exported.platform == sample.platform
    assert {s: number(after[sample.ids[s]][sample.column]) for s in TOTALS} == TOTALS
    gone = {sample.ids["dan"]} if sample.platform == "canvas" else set()
    assert before.keys() - after.keys() == gone
    for id_, row in after.items():
        untouched = id_ not in {sample.ids[student] for student in TOTALS}
        assert [cell for n, cell in enumerate(row) if untouched or n != sample.column] == [
            cell for n, cell in enumerate(before[id_]) if untouched or n != sample.column
        ]
    assert (exported.undecided, exported.missing) == (["dan"], ["eve"])
    assert len(exported.unmatched) == 1
    assert "Nobody" in exported.unmatched[0]


def test_every_byte_but_those_of_the_points_is_as_it_was(course: Course, sample: Sample) -> None:
    known(course, sample)
    _, data = export(course, sample.data)
    texts = {"17.00", "11.50", "15.25"}
    texts = {text.replace(".", ",") for text in texts} if sample.comma else texts
    after = data.decode(sample.encoding)
    assert all(after.count(text) == 1 for text in texts)
    before = iter(sample.text.splitlines(keepends=True))
    for line in after.splitlines(keepends=True):
        # A line of the old file, whole, or with another text in the one column.
        was = next(old for old in before if old == line or any(text in line for text in texts))
        kept = [text for text in texts if text in line]
        assert line.partition(kept[0])[0].rstrip('"') in was if kept else line == was


def test_without_an_identity_table_students_are_known_by_login_address_or_id(course: Course) -> None:
    for name in ("canvas", "moodle", "brightspace", "blackboard"):
        exported, _ = export(course, SAMPLES[name].data)
        assert {student: number(text) for student, text in exported.written.items()} == TOTALS, name


def test_folders_of_collect_are_known_by_the_number_in_their_name(course: Course) -> None:
    with opened(course) as gradebook:
        gradebook.update_or_create_student("lovelaceada_9101")
    text = CANVAS.replace("101,s1,ada@example.edu", "9101,s1,x1").replace("Lovelace, Ada", "L, A")
    exported, _ = export(course, text.encode(), ExportOptions(zero_missing=True))
    assert exported.written["lovelaceada_9101"] == "0.00"


def test_a_name_is_enough_only_where_nobody_shares_it(course: Course) -> None:
    with opened(course) as gradebook:
        gradebook.find_student("ada").email = None
        gradebook.find_student("ada").first_name, gradebook.find_student("ada").last_name = "Ada", "Lovelace"
    alone = MOODLE.replace("ada@example.edu", "x@example.edu")
    assert "ada" in export(course, alone.encode())[0].written
    exported, _ = export(course, alone.replace("Nobody Known", "ada lovelace").encode())
    assert "ada" not in exported.written
    assert exported.without_row == ["ada"]
    assert len(exported.unmatched) == 2


def test_two_rows_of_one_student_and_a_row_of_two_are_nobodys(course: Course) -> None:
    exported, _ = export(course, MOODLE.replace("nobody@", "ada@").encode())
    assert "ada" not in exported.written
    assert exported.without_row == ["ada"]
    people = People.load(course)
    people.joined(Person("ada", email="bob@example.edu"))
    people.joined(Person("bob", ids={"moodle.participant": "1002"}))
    people.save()
    exported, _ = export(course, MOODLE.encode())
    assert "bob" not in exported.written
    assert exported.without_row == ["bob"]


def test_moodles_number_counts_for_the_assignment_that_it_came_with(course: Course) -> None:
    people = People.load(course)
    for student, number in (("ada", "1002"), ("bob", "1001")):
        people.joined(Person(student))
        people.take(HandIn(HOMEWORK, student, "Moodle", f"x/Full Name_{number}_assignsubmission_file_/a.ipynb"))
    people.save()
    exported, data = export(course, MOODLE.replace("@example.edu", "@elsewhere.edu").encode())
    after = cells(SAMPLES["moodle"], data)
    assert after[PARTICIPANTS["ada"]][4] == "11.50"
    assert after[PARTICIPANTS["bob"]][4] == "17.00"
    assert exported.without_row == ["cleo", "dan"]


def test_an_id_of_another_person_outweighs_the_same_name(course: Course) -> None:
    people = People.load(course)
    people.joined(Person("ada", ids={"canvas.id": "999"}))
    people.save()
    exported, _ = export(course, CANVAS.replace("ada@example.edu", "ada").encode())
    assert "ada" not in exported.written


def test_students_who_handed_in_nothing_have_zero_only_when_it_is_asked_for(course: Course) -> None:
    exported, _ = export(course, SAMPLES["canvas"].data, ExportOptions(zero_missing=True))
    assert (exported.written["eve"], exported.missing) == ("0.00", [])
    assert "nobody" not in exported.written


def test_a_row_that_moodle_has_locked_stays(course: Course) -> None:
    exported, data = export(course, MOODLE.replace("20.00,Yes,-,-,old", "20.00,No,-,-,old").encode())
    assert exported.locked == ["bob"]
    assert b",1.00,20.00,No,-,-,old\n" in data


def test_who_is_excused_in_canvas_stays_so(course: Course) -> None:
    exported, data = export(course, CANVAS.replace('"Analysis, A",5.00,,', '"Analysis, A",5.00,EX,').encode())
    assert exported.excused == ["ada"]
    assert b'"Analysis, A",5.00,EX,' in data


def test_a_number_and_an_address_of_different_students_are_nobodys(course: Course) -> None:
    people = People.load(course)
    people.joined(Person("ada", ids={f"moodle.participant.{HOMEWORK}": "1001"}))
    people.joined(Person("bob", email="bob@example.edu"))
    people.save()
    exported, _ = export(course, MOODLE.replace("ada@example.edu", "bob@example.edu", 1).encode())
    assert "ada" not in exported.written
    assert "ada" in exported.without_row


def test_another_maximum_is_refused_until_somebody_decides(course: Course) -> None:
    data = MOODLE.replace("20.00", "10.00").encode()
    with pytest.raises(UsageError, match=r"allows 10 points and ps1 has 20: give --scale"):
        export(course, data)
    assert export(course, data, ExportOptions(scale=True))[0].written["ada"] == "8.50"
    exported, _ = export(course, data, ExportOptions(scale=False))
    assert exported.written["ada"] == "17.00"
    assert exported.above == ["ada", "bob", "cleo"]


@pytest.mark.parametrize("wanted", ["PS 1 (42)", "ps 1", "42"])
def test_a_column_is_named_by_header_title_or_id(course: Course, wanted: str) -> None:
    two = CANVAS.replace("PS 1 (42)", "Problem Set (42)") if wanted == "42" else CANVAS
    assert export(course, two.encode(), ExportOptions(column=wanted))[0].column.id == "42"


@pytest.mark.parametrize("wanted", ["", "Homework Current Score", "ID", "Notes"])
def test_what_is_not_one_column_of_points_is_refused(course: Course, wanted: str) -> None:
    text = CANVAS.replace("PS 1 (42)", "Problem Set (42)").replace("Notes (50)", "Notes")
    with pytest.raises(UsageError, match="--column"):
        export(course, text.encode(), ExportOptions(column=wanted))


def test_a_grade_column_of_another_language_may_be_named(course: Course) -> None:
    text = SAMPLES["moodle-german"].text.replace("Bestwertung", "Notiz").replace("20,00", "x")
    with pytest.raises(UsageError, match="name one of these with --column"):
        export(course, text.encode())
    assert export(course, text.encode(), ExportOptions(column="Bewertung"))[0].written["ada"] == "17,00"
    for header in ("Status", "E-Mail-Adresse", "nowhere"):
        with pytest.raises(UsageError, match="has no column of points"):
            export(course, text.encode(), ExportOptions(column=header))


@pytest.mark.parametrize(
    ("text", "platform", "reason"),
    [
        ("a,b\n1,2\n", None, "is no file of grades that is known"),
        (MOODLE, "canvas", "is no file of canvas's"),
        ("", None, "is empty"),
    ],
)
def test_a_file_of_no_platform_is_refused(course: Course, text: str, platform: object, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        export(course, text.encode(), ExportOptions(platform=platform))


def test_the_platforms_own_file_is_never_written_over(course: Course) -> None:
    path = course.root / "download.csv"
    path.write_text(MOODLE)
    with pytest.raises(UsageError, match="is kept as it was"):
        export_points(course, HOMEWORK, path, path, ExportOptions())
    assert path.read_text() == MOODLE


def test_names_of_no_encoding_and_with_control_characters_survive_and_are_shown_as_text(course: Course) -> None:
    strange = b"M\xfc\x1b[31mller \x07"
    data = MOODLE.encode().replace(b"Nobody Known", strange).replace(b"Ada Lovelace", strange + b"2")
    exported, written = export(course, data)
    assert written.count(strange) == 2
    said = "\n".join(exported.told(Path("upload.csv")))
    assert "\\x1b[31mller" in said
    assert said.isprintable() or set(said) - {"\n"} == set(filter(str.isprintable, said))
