"""Which student of the course each upload is from: known people under their names, others under new ones."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autograder.people import OF_ONE_ASSIGNMENT, People, Person
from autograder.submission.archive import UNSEEN_SIGNS
from autograder.submission.platforms import Upload

JOINERS = re.compile("[\u200c\u200d]")
"""What some scripts write between letters, and nobody sees."""
FOLDER_MAX_CHARS = 80


def identified(found: Sequence[Upload], people: People) -> list[Upload]:
    """The uploads under the students' own folder names, with everybody in the table of people."""
    students: dict[tuple[str, str], Person] = {}
    named = told_apart(found)
    for upload in named:
        if (upload.owner, upload.number) not in students:
            person = without_group(replace(upload.person, student=upload.student), people)
            students[upload.owner, upload.number] = people.joined(person)
    return [replace(upload, student=students[upload.owner, upload.number].student) for upload in named]


def without_group(person: Person, people: People) -> Person:
    """The person without the group that Moodle puts before a known name, as in "Group A-Ada Lovelace"."""
    parts = person.name.split("-")
    if "moodle.participant" not in person.ids or any(one.name == person.name for one in people):
        return person
    for place in range(1, len(parts)):
        name = "-".join(parts[place:])
        known = [one for one in people if one.name.casefold() == name.casefold()]
        # One word may be the end of a family name.
        if " " in name and len(known) == 1 and not has_another_number(known[0], person):
            student = next(iter(people.known(replace(person, student=""))), known[0].student)
            return replace(person, student=student, name=name, group="-".join(parts[:place]))
    return person


def has_another_number(known: Person, person: Person) -> bool:
    """Whether two have different participant numbers in one assignment."""
    numbers = {key: value for key, value in person.ids.items() if key.startswith(f"{OF_ONE_ASSIGNMENT}.")}
    return any(known.ids.get(key, value) != value for key, value in numbers.items())


def told_apart(found: Sequence[Upload]) -> list[Upload]:
    """The files with folder names for students: two who would share one get the platform's number."""
    by_name: dict[str, set[tuple[str, str]]] = {}
    for upload in found:
        by_name.setdefault(folder_name(upload.student).casefold(), set()).add((upload.student, upload.number))
    return [replace(upload, student=unshared_name(upload, by_name), owner=upload.student) for upload in found]


def unshared_name(upload: Upload, by_name: Mapping[str, set[tuple[str, str]]]) -> str:
    """A folder name that no other student of this download has."""
    name = folder_name(upload.student)
    shared = len(by_name[name.casefold()]) > 1
    return folder_name(f"{name}_{upload.number}", FOLDER_MAX_CHARS + 20) if shared and upload.number else name


def folder_name(student: str, most: int = FOLDER_MAX_CHARS) -> str:
    """A student's name as the name of a folder: no spaces, no separators, nothing that begins with a dot."""
    seen = UNSEEN_SIGNS.sub("", JOINERS.sub("", student))
    kept = "".join(c if is_of_a_name(c) else " " for c in seen.strip())
    return re.sub(r"\s+", "_", kept).lstrip(".-_")[:most].rstrip("._") or "unnamed"


def is_of_a_name(character: str) -> bool:
    """Whether a character may stand in a folder's name; what combines with a letter is part of it in many scripts."""
    return character.isalnum() or character in "_.@-" or unicodedata.category(character) in ("Mn", "Mc", "Me")
