"""Files of grades in forms that fewer courses see: split names, cells that take no points, numbers of other things."""

import pytest

from autograder.course import Course
from autograder.errors import UsageError
from autograder.people import HandIn, People, Person
from autograder.publish.export import ExportOptions
from tests.publish.gradebooks import HOMEWORK, automatic, course, made, opened
from tests.publish.platform_samples import BLACKBOARD, BRIGHTSPACE, CANVAS, MOODLE
from tests.publish.test_export import export

__all__ = ["course", "made"]

SPLIT = (
    "LastName,FirstName,ID,SIS Login ID,Section,PS 1 (42)\n"
    ",,,,,Manual Posting\n"
    "    Points Possible,,,,,20.00\n"
    "Lovelace,Ada,101,ada@example.edu,A,\n"
    '"Babbage, Jr.",Bob,102,bob,A,1.00\n'
    "Moneypenny,Eve,105,eve,B,\n"
    "Student,Test,107,0a1b2c,B,\n"
)
"""Canvas's gradebook where a course has it split students' names."""


def written(data: bytes) -> list[str]:
    """The lines of a file."""
    return data.decode().splitlines()


def test_canvas_splits_names_into_two_columns_where_a_course_asks_for_it(course: Course) -> None:
    exported, data = export(course, SPLIT.encode())
    assert exported.platform == "canvas"
    assert exported.written == {"ada": "17.00", "bob": "11.50"}
    assert written(data)[3:] == [
        "Lovelace,Ada,101,ada@example.edu,A,17.00",
        '"Babbage, Jr.",Bob,102,bob,A,11.50',
        "Moneypenny,Eve,105,eve,B,",
        "Student,Test,107,0a1b2c,B,",
    ]
    assert (exported.missing, exported.unmatched) == (["eve"], [])


@pytest.mark.parametrize("word", ["N/A", "n/a", '"N/A"'])
def test_what_canvas_takes_no_points_for_stays_and_is_said(word: str, course: Course) -> None:
    text = CANVAS.replace('"Babbage, Bob",102,s2,bob,A,4.00,1.00,', f'"Babbage, Bob",102,s2,bob,A,4.00,{word},')
    exported, data = export(course, text.encode())
    assert exported.locked == ["bob"]
    assert f"bob,A,4.00,{word},," in data.decode()


@pytest.mark.parametrize("shown", ["Percentage", "Letter", "Text", "Complete/Incomplete"])
def test_a_blackboard_column_that_shows_no_points_takes_none(shown: str, course: Course) -> None:
    text = BLACKBOARD.replace("[Total Pts: 20 Score] |902", f"[Total Pts: 20 {shown}] |902")
    for options in (ExportOptions(), ExportOptions(column="PS 1")):
        with pytest.raises(UsageError, match=f"shows {shown}.*primary display to Score"):
            export(course, text.encode(), options)


@pytest.mark.parametrize("kind", ["Pass/Fail", "Selectbox", "Text", "Calculated", "Formula"])
def test_a_brightspace_item_of_words_or_sums_takes_no_points(kind: str, course: Course) -> None:
    text = BRIGHTSPACE.replace("<Numeric MaxPoints:20", f"<{kind} MaxPoints:20")
    with pytest.raises(UsageError, match=f"its kind is {kind}"):
        export(course, text.encode())


UNCLEAR = {
    "blackboard, thousands": BLACKBOARD.replace("[Total Pts: 20 Score] |902", "[Total Pts: 1,000 Score] |902"),
    "canvas, words": CANVAS.replace(",20.00,", ",twenty,"),
    "moodle, thousands": MOODLE.replace("20.00", '"1,000"'),
    "brightspace, thousands": BRIGHTSPACE.replace("PS 1 Points", '"PS 1 Points')
    .replace("MaxPoints:20 Weight:10", "MaxPoints:1,000 Weight:10")
    .replace("CategoryWeight:50>", 'CategoryWeight:50>"'),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_a_maximum_that_can_be_read_in_two_ways_is_asked_about(case: str, course: Course) -> None:
    for scale in (None, True):
        with pytest.raises(UsageError, match="does not say for sure how many points"):
            export(course, UNCLEAR[case].encode(), ExportOptions(scale=scale))
    assert export(course, UNCLEAR[case].encode(), ExportOptions(scale=False))[0].written["ada"] == "17.00"


def test_points_are_not_converted_to_a_maximum_that_nobody_has_said(course: Course) -> None:
    text = CANVAS.replace("Points Possible", "Something else")
    assert export(course, text.encode())[0].written["ada"] == "17.00"
    with pytest.raises(UsageError, match=r"how many points it allows \(nothing\)"):
        export(course, text.encode(), ExportOptions(scale=True))


def test_a_moodle_scale_takes_no_points(course: Course) -> None:
    text = MOODLE.replace("Maximum Grade", "Scale").replace("20.00", '"Bad, Good"')
    with pytest.raises(UsageError, match="not one column"):
        export(course, text.encode())


OTHERS = {
    "a student number": Person("106", ids={"gradescope.sid": "106"}),
    "a number of the institution": Person("106", ids={"canvas.sis": "106"}),
    "another name": Person("106", "Grace Other"),
    "Moodle's number": Person("Sam_Lee_106", ids={"moodle.participant": "106"}),
    "Brightspace's number": Person("Sam_Lee_106", ids={"brightspace.id": "106"}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_number_that_means_another_thing_elsewhere_leads_to_nobody(case: str, course: Course) -> None:
    other = OTHERS[case]
    people = People.load(course)
    people.joined(other)
    people.save()
    with opened(course) as gradebook:
        gradebook.update_or_create_student(other.student)
        automatic(gradebook, other.student, (10, 10))
    exported, data = export(course, CANVAS.encode())
    assert exported.without_row == [other.student]
    assert '"Nobody, Known",106,s6,nobody,B,,3.00,,,' in data.decode()


@pytest.mark.parametrize("student", ["106", "nobodyknown_106"])
def test_a_number_that_nothing_speaks_against_leads_to_its_student(student: str, course: Course) -> None:
    with opened(course) as gradebook:
        gradebook.update_or_create_student(student, first_name="Known J.", last_name="Nobody")
        automatic(gradebook, student, (10, 10))
    assert export(course, CANVAS.encode())[0].written[student] == "20.00"


@pytest.mark.parametrize("zero_missing", [False, True])
@pytest.mark.parametrize("place", ["submitted", "people"])
def test_who_has_handed_in_and_is_not_graded_has_no_zero(place: str, zero_missing: bool, course: Course) -> None:
    if place == "submitted":
        course.submitted("eve", HOMEWORK).parent.mkdir(parents=True)
    else:
        people = People.load(course)
        people.take(HandIn(HOMEWORK, "eve", "Canvas", "two notebooks.zip"))
        people.save()
    exported, data = export(course, CANVAS.encode(), ExportOptions(zero_missing=zero_missing))
    assert (exported.ungraded, exported.missing) == (["eve"], [])
    assert '"Moneypenny, Eve",105,s5,eve,B,,,,,' in data.decode()
    assert "1 have handed in and are not graded" in "\n".join(exported.told(course.root / "x.csv"))
