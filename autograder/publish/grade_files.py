"""A platform's file of grades, understood: which column is meant, which lines are students, and what they are called.

What a platform calls a student exists only there, so its own file is filled in, never written anew.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from autograder.errors import UsageError
from autograder.publish.platform_formats import (
    GRADE_FORMATS,
    PARTICIPANT,
    POINTS_TEXT,
    GradeColumn,
    PlatformName,
    columns_where,
    filled_lines,
    folded_headers,
    id_column,
    is_address,
    may_be_grades,
)
from autograder.publish.sheet import Sheet
from autograder.text import short_name

CHANGEABLE = "grade can be changed"
NOT_ASSIGNED = "n/a"
"""Of Canvas's: who has not been given the assignment, or everybody while anonymous grades are not posted; it passes
over points that stand there."""


@dataclass(frozen=True)
class GradeFile:
    """A platform's file, understood."""

    platform: PlatformName
    sheet: Sheet
    keys: Mapping[int, str]
    """Column -> what the identity table calls its values; "name", "first" and "last" are names."""
    columns: Sequence[GradeColumn]
    students: Sequence[int]
    """Lines with a student."""

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return self.sheet.values(0)

    def ids(self, line: int) -> dict[str, str]:
        """What the platform knows of the student in a line."""
        found = {key: self.sheet.value(line, column).strip() for column, key in self.keys.items()}
        if self.platform == "brightspace":
            # Put there so that spreadsheets leave zeros at the beginning.
            found = {key: value.removeprefix("#") for key, value in found.items()}
        if number := PARTICIPANT.fullmatch(found.get("moodle.participant", "")):
            found["moodle.participant"] = number["number"]
        return {key: value for key, value in found.items() if value}

    def is_locked(self, line: int, column: GradeColumn) -> bool:
        """Whether the platform says that it takes no grade for this student; Moodle says so in the site's language."""
        if self.platform == "canvas":
            return self.sheet.value(line, column.number).strip().casefold() == NOT_ASSIGNED
        headers = folded_headers(self.sheet)
        changeable = headers.index(CHANGEABLE) if self.platform == "moodle" and CHANGEABLE in headers else None
        return changeable is not None and self.sheet.value(line, changeable).strip().casefold() == "no"

    def decimal_comma(self, column: GradeColumn) -> bool:
        """Whether the file writes numbers with a comma."""
        texts = [self.sheet.value(line, column.number).strip() for line in self.students]
        return any("," in text and POINTS_TEXT.fullmatch(text) for text in [*texts, column.most_text.strip()])


def read_grade_file(sheet: Sheet, platform: PlatformName | None = None) -> GradeFile:
    """The file as a platform's; UsageError when no platform, or not the one that was named, writes such files."""
    found = [name for name in get_args(PlatformName) if GRADE_FORMATS[name].is_one(sheet)]
    if platform is None and len(found) != 1:
        wanted = "; ".join(f"{name}: {one.export}" for name, one in GRADE_FORMATS.items())
        raise UsageError(
            f"{sheet.path} is no file of grades that is known by its first line "
            f"({first_headers(sheet)}). Name its platform with --platform, or export it again ({wanted})"
        )
    name = platform or found[0]
    if name not in found:
        raise UsageError(f"{sheet.path} is no file of {name}'s ({first_headers(sheet)}); {GRADE_FORMATS[name].export}")
    return GradeFile(name, sheet, keys_of(sheet, name), GRADE_FORMATS[name].columns(sheet), student_lines(sheet, name))


def first_headers(sheet: Sheet) -> str:
    """The beginning of the first line, for a message."""
    return "it begins with " + ", ".join(short_name(header)[:40] for header in sheet.values(0)[:6])


def keys_of(sheet: Sheet, platform: PlatformName) -> dict[int, str]:
    """Column -> key; Moodle's columns are known by what they hold, as their names are in the site's language."""
    known = GRADE_FORMATS[platform].keys
    found = {number: known[name] for number, name in enumerate(folded_headers(sheet)) if name in known}
    if platform == "moodle" and "moodle.participant" not in found.values():
        found = {0: "moodle.participant", 1: "name"} | dict.fromkeys(columns_where(sheet, is_address), "email")
    return found


def student_lines(sheet: Sheet, platform: PlatformName) -> list[int]:
    """Lines with a student: Canvas has lines of its own above them, which have no id."""
    lines = filled_lines(sheet)
    return [n for n in lines if sheet.value(n, id_column(sheet)).strip()] if platform == "canvas" else lines


def chosen_column(file: GradeFile, assignment: str, wanted: str = "") -> GradeColumn:
    """The column that was named by its header, title or id, else the assignment's, else the only one; UsageError."""
    names = {one.number: {one.header.casefold(), one.title.casefold(), one.id} - {""} for one in file.columns}
    if wanted:
        found = [one for one in file.columns if wanted.strip().casefold() in names[one.number]]
        if not found and file.platform == "moodle":
            found = [named_column(file, wanted)]
    else:
        same = [one for one in file.columns if letters(one.title) == letters(assignment)]
        found = same or list(file.columns)
    if len(found) == 1 and found[0].unfit:
        raise UsageError(f"{short_name(found[0].header)} of {file.sheet.path} takes no points: {found[0].unfit}")
    if len(found) == 1:
        return found[0]
    there = ", ".join(short_name(one.header) for one in file.columns) or "none"
    problem = f"no column of points {short_name(wanted)!r}" if wanted else f"not one column for {assignment}"
    raise UsageError(f"{file.sheet.path} has {problem}; name one of these with --column: {there}")


def named_column(file: GradeFile, wanted: str) -> GradeColumn:
    """Any column of Moodle's by its header: the site's language decides what it is called."""
    numbers = [n for n, header in enumerate(folded_headers(file.sheet)) if header == wanted.strip().casefold()]
    if len(numbers) != 1 or numbers[0] in file.keys or not may_be_grades(file.sheet, numbers[0]):
        headers = ", ".join(short_name(header) for header in file.header)
        raise UsageError(f"{file.sheet.path} has no column of points {short_name(wanted)!r}; it has: {headers}")
    beside = file.sheet.value(file.students[0], numbers[0] + 1) if file.students else ""
    beside = beside if POINTS_TEXT.fullmatch(beside.strip()) else ""
    return GradeColumn(numbers[0], file.header[numbers[0]], file.header[numbers[0]], "", beside)


def letters(text: str) -> str:
    """Letters and digits of a name, which platforms and folders write with other signs between them."""
    return re.sub(r"[\W_]+", "", text.casefold())
