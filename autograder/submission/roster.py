"""Rosters and gradebooks that platforms export, joined to the people of a course: names, addresses and ids.

The header says which platform one is from. A download seldom holds what a roster does: Moodle's worksheet has the
participant's number and the address, its downloads the number and the name.
"""

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.errors import UsageError
from autograder.people import People, Person, cleaned, folded, marks
from autograder.submission.who import folder_name
from autograder.text import short_name

ROSTER_MAX_BYTES = 50_000_000
HEADER_LINES = 5
"""Sakai's header is the third line."""
ENCODINGS = ("utf-8-sig", "utf-16", "cp1252", "latin-1")
NUMBER_AT_END = re.compile(r"(?<!\d)(\d++)$")
STAFF = re.compile(r"instructor|teacher|\bta\b|assistant|observer|designer", re.IGNORECASE)

RosterLine = Mapping[str, str]
"""One line of a roster by the column's name in lower case."""


@dataclass(frozen=True)
class RosterFormat:
    """How one platform writes a roster."""

    platform: str
    needs: frozenset[str]
    """Columns that a file of this platform has, in lower case."""
    ids: Mapping[str, tuple[str, ...]]
    """Key of the table of people -> columns that may hold it."""
    student: Callable[[RosterLine, Person], str]
    """What a student is called of whom nothing was taken in yet: as a download of the platform would call them."""
    by_name: bool = False
    """Whether downloads of the platform know students by name only."""


def canvas_letters(cells: RosterLine, person: Person) -> str:
    """As Canvas names uploads: the letters of the sortable name, and the user's number."""
    name = cells.get("student") or f"{cells.get('lastname', '')}{cells.get('firstname', '')}"
    letters = re.sub(r"[\W_]", "", name).lower()
    return f"{letters}_{cells['id']}"


def by_spoken_name(cells: RosterLine, person: Person) -> str:
    """The name, as Moodle and Brightspace put it into a download."""
    return person.name


def by_participant(cells: RosterLine, person: Person) -> str:
    """The word and the number, as an assignment that is marked blind has them."""
    return cells["identifier"]


def first_id(cells: RosterLine, person: Person) -> str:
    """The first of the platform's ids, else the address."""
    return next(iter(person.ids.values()), person.email)


CANVAS_IDS = {"canvas.id": ("id",), "canvas.sis": ("sis user id",), "canvas.login": ("sis login id",)}
ROSTERS = (
    RosterFormat(
        "Canvas",
        frozenset({"student", "id", "section"}),
        CANVAS_IDS,
        canvas_letters,
    ),
    RosterFormat("Canvas", frozenset({"lastname", "firstname", "id", "section"}), CANVAS_IDS, canvas_letters),
    RosterFormat(
        "Brightspace",
        frozenset({"orgdefinedid"}),
        {"brightspace.org_defined_id": ("orgdefinedid",), "brightspace.username": ("username",)},
        by_spoken_name,
        by_name=True,
    ),
    RosterFormat(
        "Gradescope",
        frozenset({"sid", "email"}),
        {"gradescope.sid": ("sid",), "gradescope.email": ("email",)},
        first_id,
    ),
    RosterFormat(
        "GitHub Classroom",
        frozenset({"identifier", "github_username"}),
        {"github.login": ("github_username",), "github.id": ("github_id",), "github.identifier": ("identifier",)},
        first_id,
    ),
    RosterFormat(
        "Classroom 50",
        frozenset({"username", "first_name", "last_name"}),
        {"github.login": ("username",), "github.id": ("github_id",)},
        first_id,
    ),
    RosterFormat(
        "Sakai",
        frozenset({"display id", "id", "last name"}),
        {"sakai.eid": ("id",), "sakai.display_id": ("display id",)},
        first_id,
    ),
    RosterFormat(
        "Blackboard",
        frozenset({"last name", "first name", "username", "student id"}),
        {"blackboard.username": ("username",), "blackboard.number": ("student id",)},
        first_id,
    ),
    RosterFormat(
        "Moodle",
        frozenset({"identifier", "full name"}),
        {"moodle.participant": ("identifier",), "moodle.id_number": ("id number",), "moodle.username": ("username",)},
        by_spoken_name,
        by_name=True,
    ),
    RosterFormat(
        "Moodle",
        frozenset({"identifier", "grade", "status"}),
        {"moodle.participant": ("identifier",), "moodle.id_number": ("id number",), "moodle.username": ("username",)},
        by_participant,
    ),
    RosterFormat(
        "Moodle",
        frozenset({"email address"}),
        {"moodle.id_number": ("id number", "idnumber"), "moodle.username": ("username",)},
        by_spoken_name,
        by_name=True,
    ),
)
"""The surest first; what Moodle calls its columns depends on the site's language, and English is read."""


def join_roster(people: People, path: Path, assignment: str) -> str:
    """Join everybody in a roster to the course's people; a sentence on what it was. UsageError when it is none."""
    form, rows = read_roster(path)
    persons = told_apart_by_ids(form, [person_of(form, row, assignment) for row in rows], people.said)
    names = Counter(name_mark(person.name) for person in persons)
    by_name = defaultdict[Sequence[str], list[str]](list)
    for one in people:
        by_name[name_mark(one.name)].append(one.student)
    for person in persons:
        known = people.known(replace(person, student=""))
        if not known and form.by_name and names[name_mark(person.name)] == 1:
            known = namesakes(people, person, by_name[name_mark(person.name)])
        number = person.ids.get("moodle.participant", "")
        if not known and number and person.name and names[name_mark(person.name)] > 1:
            known = [folder_name(f"{person.name}_{number}")]
        people.joined(replace(person, student=known[0]) if known else person)
    return f"{len(persons)} people in the roster, from {form.platform}"


def told_apart_by_ids(form: RosterFormat, persons: Sequence[Person], said: list[str]) -> list[Person]:
    """The persons without ids and addresses that several of them have: an office's, a placeholder.

    The platform's own id, the first of the form, tells who is who; a student may stand in several lines.
    """
    own = next(iter(form.ids))
    owners = defaultdict[tuple[str, str], set[str]](set)
    for person in persons:
        if person.ids.get(own):
            for mark in marks(cleaned(person)):
                owners[mark].add(folded(person.ids[own]))
    shared = {mark for mark, several in owners.items() if len(several) > 1}
    said += [
        f"{value} is of several in the roster, and so tells nobody apart" for value in sorted({v for _, v in shared})
    ]
    return [without_marks(person, shared) for person in persons]


def without_marks(person: Person, shared: Set[tuple[str, str]]) -> Person:
    """The person without these ids and addresses."""
    kept = {key: value for key, value in person.ids.items() if shared.isdisjoint(marks(Person("", ids={key: value})))}
    return replace(person, ids=kept, email="" if ("email", folded(person.email)) in shared else person.email)


def read_roster(path: Path) -> tuple[RosterFormat, list[dict[str, str]]]:
    """The platform and the students' lines; UsageError when no platform's header is in the file."""
    text = roster_text(path)
    for separator in ",;\t":
        lines = table_of(path, text, separator)
        for place, line in enumerate(lines[:HEADER_LINES]):
            header = [cell.strip().casefold() for cell in line]
            form = next((one for one in ROSTERS if one.needs <= set(header)), None)
            if form is not None:
                rows = [dict(zip(header, map(bare_cell, cells), strict=False)) for cells in lines[place + 1 :]]
                return form, [row for row in rows if is_student(form, row)]
    known = ", ".join(dict.fromkeys(form.platform for form in ROSTERS))
    raise UsageError(
        f"{short_name(path.name)} has no header of a roster that is known ({known}). Export the roster or the "
        "gradebook again as CSV, in English, with its first lines as they are."
    )


def roster_text(path: Path) -> str:
    """The text of a roster; UsageError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return decoded(file.read(ROSTER_MAX_BYTES))
    except OSError as error:
        raise UsageError(f"the roster {path} cannot be read ({error}); export it again as CSV") from error


def table_of(path: Path, text: str, separator: str) -> list[list[str]]:
    """The cells of a CSV file; UsageError when it is none."""
    # A worksheet may hold what students wrote, whole.
    csv.field_size_limit(ROSTER_MAX_BYTES)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise UsageError(f"the roster {path} cannot be read ({error}); export it again as CSV") from error


def decoded(data: bytes) -> str:
    """The text in the first encoding that fits; Blackboard writes UTF-16, Excel in Europe its own."""
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and b"\0" in data[:2]:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    for encoding in ENCODINGS:
        if encoding == "utf-16" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def bare_cell(text: str) -> str:
    """A cell without what keeps a spreadsheet from counting with it: Brightspace's #, an apostrophe."""
    return text.strip().removeprefix("#").removeprefix("'").strip()


def is_student(form: RosterFormat, row: RosterLine) -> bool:
    """Whether a line is of a student, and not of the points, of Canvas's test student, or of staff."""
    if STAFF.search(row.get("role", "") or row.get("roles", "")):
        return False
    if form.platform == "Canvas":
        names = (row.get("student", ""), f"{row.get('lastname', '')}, {row.get('firstname', '')}")
        return row.get("id", "").isdigit() and "Student, Test" not in names
    return any(row.get(column) for columns in form.ids.values() for column in columns) or bool(row.get("email address"))


def person_of(form: RosterFormat, row: RosterLine, assignment: str) -> Person:
    """One line of a roster as a person."""
    ids = {key: value for key, columns in form.ids.items() if (value := first_of(row, columns))}
    if "moodle.participant" in ids:
        number = NUMBER_AT_END.search(ids.pop("moodle.participant"))
        numbered = ("moodle.participant", f"moodle.participant.{assignment}")
        ids |= dict.fromkeys(numbered, number[1]) if number else {}
    name, family = spoken(row)
    email = first_of(row, ("email", "email address", "e-mail"))
    group = first_of(row, ("section", "sections", "group", "groups"))
    person = Person("", name, email, group, ids, family)
    return replace(person, student=folder_name(form.student(row, person) or name or email))


def first_of(row: RosterLine, columns: Iterable[str]) -> str:
    """The first of these cells that says something."""
    return next((row[column] for column in columns if row.get(column)), "")


def spoken(row: RosterLine) -> tuple[str, str]:
    """The name in the order in which it is spoken, and the family name if the roster tells which it is."""
    first = first_of(row, ("first name", "first_name", "firstname"))
    family = first_of(row, ("last name", "last_name", "lastname", "surname"))
    if not (first or family):
        whole = first_of(row, ("student", "full name", "name"))
        family, comma, first = (part.strip() for part in whole.partition(","))
        if not comma:
            return whole, ""
    return f"{first} {family}".strip(), family


def namesakes(people: People, person: Person, students: Sequence[str]) -> list[str]:
    """Of the students of this name the one whom no id contradicts; empty when there is none, or several."""
    alike = [one for one in map(people.person, students) if one is not None and agrees(one, person)]
    return [one.student for one in alike] if len(alike) == 1 and person.name else []


def agrees(one: Person, other: Person) -> bool:
    """Whether two may be the same person: no id and no address says otherwise."""
    pairs = [(one.ids.get(key, value), value) for key, value in other.ids.items()]
    addresses = [(one.email, other.email)] if one.email and other.email else []
    return all(folded(first) == folded(second) for first, second in (*pairs, *addresses))


def name_mark(name: str) -> Sequence[str]:
    """A name as it is compared: its words in any order, in any case."""
    return tuple(sorted(unicodedata.normalize("NFKC", name).casefold().replace(",", " ").split()))
