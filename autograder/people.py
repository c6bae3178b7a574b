"""Who a course's students are on every platform that they come from, and what each handed in there.

The table is a file of the course, ``people.json``: platforms' ids exist nowhere else, and only under them do platforms
take points back. It holds personal data and is in no repository.
"""

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import UsageError
from autograder.text import inert, plain_text, short_name

PEOPLE_FILE = "people.json"
PEOPLE_VERSION = 1
WORDS_MAX_CHARS = 200
SAME_VALUE = (
    frozenset({"canvas.sis", "gradescope.sid", "brightspace.org_defined_id", "moodle.id_number", "blackboard.number"}),
    frozenset({"canvas.login", "brightspace.username", "moodle.username", "blackboard.username"}),
)
"""Ids that an institution gives out once for all its platforms: its student number, its user name."""
OF_ONE_ASSIGNMENT = "moodle.participant"
"""Moodle numbers its participants anew for each assignment, and no number occurs twice: all of them lead to a person,
kept under this key with a dot and the assignment's name too."""
UNFIT = re.compile(r"[^\w.@-]+|\.{2,}")
"""What an id may hold and the name of a student's folder may not."""
SAYS_NOTHING = frozenset({"-", "--", "?", "n/a", "#n/a", "none", "null", "nan", "unknown"})
"""What tables hold where there is no id; whoever has one of them would be everybody else who has it."""
CONTESTED = "\0"
"""Leads to nobody: two students have this id."""


@dataclass(frozen=True)
class Person:
    """One student: nbgrader's id, and what the platforms know of them."""

    student: str
    name: str = ""
    """In the order in which it is spoken."""
    email: str = ""
    group: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    """As "canvas.id", "moodle.participant", "gradescope.sid": platform, dot, what the platform calls it."""
    family: str = ""
    """The family name, where a source has said which part of the name it is."""


@dataclass(frozen=True)
class HandIn:
    """What counts of a student's for one assignment, as the platform handed it out."""

    assignment: str
    student: str
    platform: str
    original: str = ""
    """Path inside the download, as it was."""
    when: str = ""
    """ISO 8601 in UTC; empty when no time is known."""
    late: bool | None = None
    """What the platform said; None when it says nothing of it."""


class People:
    """The identity table of one course; ``save`` writes what has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_student: dict[str, Person] = {}
        self.hand_ins: dict[tuple[str, str], HandIn] = {}
        self.handed_in: set[str] = set()
        """Everybody of whom anything was taken in."""
        self.index: dict[tuple[str, str], str] = {}
        self.said: list[str] = []
        """What was found out while people were joined, for the operator."""

    @classmethod
    def load(cls, course: Course) -> "People":
        """The course's table, empty where there is none yet; UsageError when the file cannot be read."""
        people = cls(course.root / PEOPLE_FILE)
        try:
            data = json.loads(people.path.read_bytes())
            for row in data["people"]:
                people.put(cleaned(Person(**row)))
            for row in data["hand_ins"]:
                people.take(HandIn(**row))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{people.path} cannot be read ({type(error).__name__}: {plain_text(error)}). Put back a copy of it, "
                "or move it away and collect the downloads and the roster again."
            ) from error
        return people

    def save(self) -> None:
        """Write the table whole or not at all, for nobody else to read."""
        data = {
            "version": PEOPLE_VERSION,
            "people": [asdict(self.by_student[student]) for student in sorted(self.by_student)],
            "hand_ins": [asdict(self.hand_ins[key]) for key in sorted(self.hand_ins)],
        }
        text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=".people-", delete=False) as file:
            try:
                # A name that is no UTF-8 is written as JSON's own escape, and read back as it was.
                file.write(text.encode("utf-8", "backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, self.path)
            except OSError:
                os.unlink(file.name)
                raise

    def __iter__(self) -> Iterator[Person]:
        return iter([self.by_student[student] for student in sorted(self.by_student)])

    def person(self, student: str) -> Person | None:
        """The person with this id of nbgrader's."""
        return self.by_student.get(student)

    def found_by(self, key: str, value: str) -> Person | None:
        """The one person with this id ("canvas.id") or this e-mail address ("email"), in any case."""
        return self.by_student.get(self.index.get((shared_key(key), folded(value)), ""))

    def hand_in(self, assignment: str, student: str) -> HandIn | None:
        """What counts of this student's."""
        return self.hand_ins.get((assignment, student))

    def take(self, hand_in: HandIn) -> None:
        """Note what counts of a student's for an assignment, in the place of what did before."""
        self.hand_ins[hand_in.assignment, hand_in.student] = hand_in
        self.handed_in.add(hand_in.student)

    def known(self, person: Person) -> list[str]:
        """Students that an id, an e-mail address or the student's own id leads to; the first is the surest."""
        person = cleaned(person)
        found = [self.index.get(mark, "") for mark in marks(person)] + [person.student]
        return [student for student in dict.fromkeys(found) if student in self.by_student]

    def joined(self, person: Person) -> Person:
        """The person as the table now has them, under the id of nbgrader's under which they were known before.

        ``said`` tells where two sources disagree, and whom one source holds for two.
        """
        person = self.apart(cleaned(person))
        known = self.known(person)
        if not known:
            return self.put(person)
        kept = next((s for s in known if s in self.handed_in), known[0])
        for other in known:
            if other != kept:
                person = self.absorbed(person, kept, other)
        return self.put(self.agreed(self.by_student[kept], person))

    def apart(self, person: Person) -> Person:
        """The person under a student id that nobody else has: of two of one name, the later one gets an id added."""
        namesake = self.by_student.get(person.student)
        if namesake is None or set(marks(namesake)) & set(marks(person)):
            return person
        other = next((now for _, old, now in differing_ids(namesake, person)), "")
        if not other and namesake.email and person.email and folded(namesake.email) != folded(person.email):
            other = person.email
        if not other or self.known(person) != [person.student]:
            return person
        self.said.append(f"{short_name(person.student)} is the name of two: the one with {other} has it added")
        return replace(person, student=f"{person.student}_{UNFIT.sub('_', other)}")

    def absorbed(self, person: Person, kept: str, other: str) -> Person:
        """The person with what is known under another id too; who handed in under it is left for a person."""
        if other in self.handed_in:
            self.said.append(
                f"{short_name(kept)} and {short_name(other)} are the same person by their ids, and both handed in; "
                "remove one of the two folders in submitted/"
            )
            return person
        was = self.by_student.pop(other)
        self.index = {mark: student for mark, student in self.index.items() if student != other}
        return merged(was, person, person.student)

    def agreed(self, before: Person, now: Person) -> Person:
        """What both say, the newer word where they differ, which is said."""
        texts = (("the name", before.name, now.name), ("the e-mail address", before.email, now.email))
        for what, old, new in (*texts, *differing_ids(before, now)):
            if old and new and folded(old) != folded(new):
                self.said.append(f"{short_name(before.student)}: {what} was {old} and is {new} now")
        return merged(before, now, before.student)

    def put(self, person: Person) -> Person:
        """Hold this person in the place of whoever has the same student id."""
        self.by_student[person.student] = person
        for mark in marks(person):
            if self.index.setdefault(mark, person.student) not in (person.student, CONTESTED):
                self.index[mark] = CONTESTED
        return person


def merged(before: Person, now: Person, student: str) -> Person:
    """One person of two, the newer word first."""
    return Person(
        student,
        now.name or before.name,
        now.email or before.email,
        now.group or before.group,
        {**before.ids, **now.ids},
        now.family or before.family,
    )


def differing_ids(before: Person, now: Person) -> Iterator[tuple[str, str, str]]:
    """Key, old and new id where two sources disagree; what is numbered anew each time is no disagreement."""
    for key, new in now.ids.items():
        old = before.ids.get(key, new)
        if folded(old) != folded(new) and not key.startswith(OF_ONE_ASSIGNMENT):
            yield key, old, new


def marks(person: Person) -> list[tuple[str, str]]:
    """What a person can be recognised by; a user name that is an e-mail address counts as both."""
    ids = {key: value for key, value in person.ids.items() if value}
    found = [(shared_key(key), folded(value)) for key, value in sorted(ids.items())]
    addresses = [person.email, *(value for value in ids.values() if "@" in value)]
    return [*found, *(("email", folded(value)) for value in addresses if value)]


def shared_key(key: str) -> str:
    """The same key for ids that mean the same on several platforms."""
    if key.startswith(f"{OF_ONE_ASSIGNMENT}."):
        return OF_ONE_ASSIGNMENT
    return next((min(same) for same in SAME_VALUE if key in same), "email" if key == "gradescope.email" else key)


def folded(value: str) -> str:
    """An id as it is compared."""
    return value.strip().casefold()


def cleaned(person: Person) -> Person:
    """The person in texts that act nowhere; letters and combining signs of every script stay."""
    ids = {str(key): words(value) for key, value in person.ids.items()}
    return replace(
        person,
        student=str(person.student),
        name=words(person.name),
        email=email if "@" in (email := words(person.email)) else "",
        group=words(person.group),
        family=words(person.family),
        ids={key: value for key, value in sorted(ids.items()) if value and folded(value) not in SAYS_NOTHING},
    )


def words(text: Any) -> str:
    """A text of a stranger's on one line, composed and of a readable length."""
    return " ".join(unicodedata.normalize("NFC", inert(str(text))).split())[:WORDS_MAX_CHARS]
