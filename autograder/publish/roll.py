"""Which student a platform means: by the identity table, else by what nbgrader knows, and never by a guess."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbgrader.api import Student

from autograder.course import Course
from autograder.people import OF_ONE_ASSIGNMENT, People, folded
from autograder.publish.database import reading
from autograder.submission.who import folder_name

MOODLE_FOLDER = re.compile(r"(?:^|/)(?P<name>[^/]*)_(?P<number>\d+)_assignsubmission_")
NOT_IDS = ("name", "first", "last", "email")
OWN_NUMBERS = ("canvas.id", "moodle.participant")
"""What a platform counts its users by, and means nothing elsewhere; other ids are an institution's."""


@dataclass(frozen=True)
class Listed:
    """A student as the gradebook has them."""

    student: str
    name: str = ""
    email: str = ""


@dataclass
class Roll:
    """Everybody of a course, as the gradebook and the identity table have them."""

    people: People
    listed: Mapping[str, Listed]
    numbers: Mapping[str, str]
    """Moodle's participant number -> student, of one assignment: Moodle gives out others for the next."""
    by_id: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_email: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_name: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_number: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What stands behind the last "_" of a student's id."""

    def __post_init__(self) -> None:
        for one in self.listed.values():
            self.by_id[folded(one.student)].add(one.student)
            self.by_email[folded(one.email)].add(one.student)
            self.by_number[one.student.rpartition("_")[2]].add(one.student)
            for name in {bare(one.student), bare(one.name)} - {""}:
                self.by_name[name].add(one.student)

    @classmethod
    def of(cls, course: Course, assignment: str) -> "Roll":
        """The roll of a course, with the numbers of one assignment."""
        with reading(course) as gradebook:
            rows = gradebook.db.query(Student.id, Student.first_name, Student.last_name, Student.email).all()
        listed = {
            id_: Listed(id_, f"{first or ''} {last or ''}".strip(), email or "") for id_, first, last, email in rows
        }
        people = People.load(course)
        return cls(people, listed, moodle_numbers(people, assignment))

    def matches(self, rows: Sequence[Mapping[str, str]]) -> list[set[str]]:
        """The students that each row of a platform may mean: one is a match, none and several are nobody.

        A name alone is enough where neither another row nor another student has it.
        """
        names = Counter(name for row in rows for name in {bare(text) for text in row_names(row)})
        return [self.known(row) or self.namesakes(row, names) for row in rows]

    def known(self, row: Mapping[str, str]) -> set[str]:
        """By the identity table; else by student id or e-mail address; else by the number that `collect` has added."""
        return self.of_people(row) or self.agreeing(row, self.of_gradebook(row) or self.of_numbers(row))

    def agreeing(self, row: Mapping[str, str], students: set[str]) -> set[str]:
        """Those of whom the identity table has no other id of the same kind; Moodle's number is of one assignment."""
        kept = set()
        for student in students:
            person = self.people.person(student)
            ids = {**person.ids, OF_ONE_ASSIGNMENT: ""} if person else {}
            if all(folded(value) == folded(ids.get(key) or value) for key, value in row.items()):
                kept.add(student)
        return kept

    def of_people(self, row: Mapping[str, str]) -> set[str]:
        """Whom the identity table has under these ids. More than one: the platform and the table disagree."""
        ids = {key: value for key, value in row.items() if key == "email" or key not in NOT_IDS}
        found = [self.people.found_by(key, value) for key, value in ids.items()]
        number = self.numbers.get(row.get("moodle.participant", ""))
        return {person.student for person in found if person is not None} | ({number} if number else set())

    def of_gradebook(self, row: Mapping[str, str]) -> set[str]:
        """Students whose id in nbgrader is one of these ids or the address, or who have this address there."""
        # A user name may be an address.
        keys = [key for key in row if key == "email" or key not in (*NOT_IDS, *OWN_NUMBERS)]
        values = [folded(row[key]) for key in keys]
        found = set().union(*(table.get(value, set()) for table in (self.by_id, self.by_email) for value in values))
        return found or self.fitting(row, self.by_id)

    def of_numbers(self, row: Mapping[str, str]) -> set[str]:
        """Students whose id ends in the platform's own number, as `collect` writes Canvas's and Moodle's."""
        return {student for student in self.fitting(row, self.by_number) if "_" in student}

    def fitting(self, row: Mapping[str, str], table: Mapping[str, set[str]]) -> set[str]:
        """Students with one of the platform's own numbers in their ids, if it can be that and not another one."""
        numbers = {value: key for key in OWN_NUMBERS if (value := row.get(key, ""))}
        return {
            student
            for number, key in numbers.items()
            for student in table.get(number, set())
            if not self.is_another_number(student, number, key) and self.may_be_called(student, row)
        }

    def is_another_number(self, student: str, number: str, key: str) -> bool:
        """Whether the identity table has this number of the student's, as that of another platform or institution."""
        person = self.people.person(student)
        return person is not None and any(
            value == number and not other.startswith(key) for other, value in person.ids.items()
        )

    def may_be_called(self, student: str, row: Mapping[str, str]) -> bool:
        """Whether the student's name, where it is known, has a word of the row's name."""
        names = (bare(self.name(student)) if self.name(student) != student else "", *map(bare, row_names(row)))
        ours, *theirs = (set(name.split("_")) - {""} for name in names)
        return not ours or not theirs or any(ours & one for one in theirs)

    def namesakes(self, row: Mapping[str, str], names: Mapping[str, int]) -> set[str]:
        """Students of the row's name, if it is the only row with it."""
        wanted = {bare(text) for text in row_names(row)} - {""}
        found = set().union(*(self.by_name.get(name, set()) for name in wanted if names[name] == 1))
        return self.agreeing(row, found)

    def name(self, student: str) -> str:
        """A student's name, or else their id."""
        person, listed = self.people.person(student), self.listed.get(student)
        return (person.name if person else "") or (listed.name if listed else "") or student

    def email(self, student: str) -> str:
        """A student's e-mail address, or nothing."""
        person, listed = self.people.person(student), self.listed.get(student)
        # A user name may be an address.
        texts = (student, *(person.ids.values() if person else ()))
        own = next((text for text in texts if "@" in text), "")
        return (person.email if person else "") or (listed.email if listed else "") or own


def waiting_in(course: Course, people: People, assignment: str) -> set[str]:
    """Students whose work lies in ``submitted/``, or could not be taken in: without points, they wait."""
    collected = {student for of, student in people.hand_ins if of == assignment}
    return collected | {student for student, _ in course.matching("submitted", "*", assignment)}


def moodle_numbers(people: People, assignment: str) -> dict[str, str]:
    """Participant number -> student: of a roster of the assignment, and of the folders that submissions came in."""
    key = f"{OF_ONE_ASSIGNMENT}.{assignment}"
    found = {number: person.student for person in people if (number := person.ids.get(key))}
    for (of, student), hand_in in people.hand_ins.items():
        if of == assignment and (folder := MOODLE_FOLDER.search(hand_in.original)):
            found[folder["number"]] = student
    return found


def row_names(row: Mapping[str, str]) -> Iterator[str]:
    """A row's name in each order in which it may have been written."""
    if name := row.get("name"):
        last, comma, first = name.partition(",")
        yield f"{first} {last}" if comma else name
    elif row.get("first") or row.get("last"):
        yield f"{row.get('first', '')} {row.get('last', '')}"


def bare(name: str) -> str:
    """A name as `collect` makes folders of it, in any case."""
    return folder_name(name).casefold() if name.strip() else ""


def doubled(matches: Iterable[set[str]]) -> set[str]:
    """Students that more than one row means."""
    found = Counter(student for one in matches if len(one) == 1 for student in one)
    return {student for student, count in found.items() if count > 1}
