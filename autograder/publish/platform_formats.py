"""How learning platforms write their files of grades: by what they are known, and where points may stand.

A new platform is a row of ``GRADE_FORMATS``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from autograder.publish.sheet import Sheet

PlatformName = Literal["canvas", "moodle", "brightspace", "blackboard"]
POINTS_TEXT = re.compile(r"\d+(?:\.\d+|,\d\d?)?")
"""Not "1,000", of which nobody knows what it means."""
PARTICIPANT = re.compile(r"(?P<word>(?:.*\D)?)(?P<number>\d+)")
CANVAS_COLUMN = re.compile(r"(?P<title>.*\S)\s*\((?P<id>\d+)\)")
BRIGHTSPACE_POINTS = " Points Grade"
BRIGHTSPACE_MOST = re.compile(r"MaxPoints:\s*+(?P<most>[\d.,]++)")
WORDS_OR_SUMS = frozenset({"pass/fail", "selectbox", "text", "calculated", "formula"})
"""Of Brightspace's kinds of items, those whose grade is a word or is made of others: no points go in."""
BLACKBOARD_COLUMN = re.compile(
    r"(?P<title>(?:.*\S)?)\s*\[Total Pts: (?P<most>[\d.,]++)(?P<shown>[^\[\]]*+)\]\s*+\|(?P<id>\d+)"
)
"""Not a calculated column, whose points are "up to" something."""
SCORE = "score"
READ_ONLY_WORDS = "(read only)"
POINTS_POSSIBLE = "points possible"


@dataclass(frozen=True)
class GradeColumn:
    """One column that the platform would read points from."""

    number: int
    header: str
    title: str
    id: str = ""
    most_text: str = ""
    """Points that the platform allows, as the file writes them."""
    unfit: str = ""
    """Why the platform would not read points from it after all, and what to do."""

    @property
    def most(self) -> float | None:
        """Points that the platform allows; None when the file does not say, or says zero, which limits nothing."""
        found = POINTS_TEXT.fullmatch(self.most_text.strip())
        return (float(found[0].replace(",", ".")) or None) if found else None

    @property
    def has_unread_maximum(self) -> bool:
        """Whether the file says something of the points allowed that can be read in no way, or in two: 1,000."""
        return bool(self.most_text.strip()) and POINTS_TEXT.fullmatch(self.most_text.strip()) is None


@dataclass(frozen=True)
class PlatformFormat:
    """How one platform writes its file."""

    keys: Mapping[str, str]
    """Header in lower case -> key."""
    is_one: Callable[[Sheet], bool]
    columns: Callable[[Sheet], list[GradeColumn]]
    export: str
    """What to ask the platform for."""


def folded_headers(sheet: Sheet) -> list[str]:
    """Names of the columns as they are compared."""
    return [header.strip().casefold() for header in sheet.values(0)]


def is_address(texts: list[str]) -> bool:
    """Whether these are e-mail addresses."""
    return all(re.fullmatch(r"[^@\s]+@[^@\s]+", text.strip()) for text in texts)


def columns_where(sheet: Sheet, holds: Callable[[list[str]], bool]) -> list[int]:
    """Columns of which all cells that are not empty, and there are some, hold this."""
    lines = filled_lines(sheet)
    found = []
    for column in range(len(sheet.lines[0])):
        texts = [text for line in lines if (text := sheet.value(line, column).strip())]
        found += [column] if texts and holds(texts) else []
    return found


def filled_lines(sheet: Sheet) -> list[int]:
    """Lines below the first in which something stands."""
    return [n for n in range(1, len(sheet.lines)) if any(cell.raw.strip() for cell in sheet.lines[n])]


def id_column(sheet: Sheet) -> int:
    """Canvas's own column of ids."""
    return folded_headers(sheet).index("id")


def is_canvas(sheet: Sheet) -> bool:
    """Whether the first line is that of Canvas's gradebook."""
    headers = set(folded_headers(sheet))
    return {"id", "section"} <= headers and ("student" in headers or {"lastname", "firstname"} <= headers)


def canvas_columns(sheet: Sheet) -> list[GradeColumn]:
    """Assignments stand behind the section; those that Canvas calculates are read only."""
    headers = folded_headers(sheet)
    above = [n for n in filled_lines(sheet) if not sheet.value(n, id_column(sheet)).strip()]
    points = next((n for n in above if sheet.value(n, 0).strip().casefold() == POINTS_POSSIBLE), None)
    columns = []
    for number in range(headers.index("section") + 1, len(headers)):
        header = sheet.value(0, number).strip()
        found = CANVAS_COLUMN.fullmatch(header)
        if found and not any(READ_ONLY_WORDS in sheet.value(n, number).casefold() for n in above):
            most = sheet.value(points, number) if points is not None else ""
            columns.append(GradeColumn(number, header, found["title"], found["id"], most))
    return columns


def is_moodle(sheet: Sheet) -> bool:
    """Whether the first column holds "Participant 1001" in some language, one word for everybody."""
    found = [PARTICIPANT.fullmatch(sheet.value(line, 0).strip()) for line in filled_lines(sheet)]
    words = {one["word"] if one else "" for one in found}
    others = is_canvas(sheet) or is_brightspace(sheet) or is_blackboard(sheet)
    return len(words) == 1 and any(letter.isalpha() for letter in words.pop()) and not others


def moodle_columns(sheet: Sheet) -> list[GradeColumn]:
    """The grade: by its English name, else the column before the maximum, which is one number for everybody.

    None where the grade is a word of a scale.
    """
    headers = folded_headers(sheet)
    if "grade" in headers and "scale" in headers:
        return []
    if "grade" in headers:
        named = [headers.index("grade")]
        beside = [headers.index("maximum grade")] if "maximum grade" in headers else []
    else:
        beside = [n for n in columns_where(sheet, is_one_number) if n > 1 and may_be_grades(sheet, n - 1)]
        named = [n - 1 for n in beside]
    most = sheet.value(filled_lines(sheet)[0], beside[0]) if len(beside) == 1 else ""
    return [GradeColumn(n, sheet.value(0, n).strip(), sheet.value(0, n).strip(), "", most) for n in named]


def is_one_number(texts: list[str]) -> bool:
    """Whether these are one and the same number."""
    return len(set(texts)) == 1 and POINTS_TEXT.fullmatch(texts[0]) is not None


def may_be_grades(sheet: Sheet, column: int) -> bool:
    """Whether a column holds numbers, or nothing yet."""
    texts = [sheet.value(line, column).strip() for line in filled_lines(sheet)]
    return all(text in ("", "-") or POINTS_TEXT.fullmatch(text) for text in texts)


def is_brightspace(sheet: Sheet) -> bool:
    """Whether the first line has a key of Brightspace's and its mark at the end."""
    headers = set(folded_headers(sheet))
    return bool(headers & {"orgdefinedid", "username"}) and "end-of-line indicator" in headers


def brightspace_columns(sheet: Sheet) -> list[GradeColumn]:
    """Columns of points; symbols and weights are not taken back."""
    found = [brightspace_column(n, header.strip()) for n, header in enumerate(sheet.values(0))]
    return [column for column in found if column is not None]


def brightspace_column(place: int, header: str) -> GradeColumn | None:
    """The column with a header like "Quiz Points Grade <Numeric MaxPoints:10>"; None when it is no column of points."""
    title, named, about = header.rpartition(BRIGHTSPACE_POINTS)
    about = about.strip()
    if not named or (about and not (about.startswith("<") and about.endswith(">"))):
        return None
    kind, most = about[1:-1].split(maxsplit=1)[:1], BRIGHTSPACE_MOST.search(about)
    return GradeColumn(place, header, title.strip(), "", most["most"] if most else "", unlike_numbers("".join(kind)))


def unlike_numbers(kind: str) -> str:
    """Why an item of Brightspace's of this kind takes no points."""
    return f"its kind is {kind}; name or make an item of the kind Numeric" if kind.casefold() in WORDS_OR_SUMS else ""


def is_blackboard(sheet: Sheet) -> bool:
    """Whether a column ends in its id, as Blackboard writes it."""
    headers = sheet.values(0)
    return "username" in folded_headers(sheet) and any(re.search(r"\|\d+$", header.strip()) for header in headers)


def blackboard_columns(sheet: Sheet) -> list[GradeColumn]:
    """Columns with points of their own; a calculated one may have "up to" so many."""
    matches = [(n, BLACKBOARD_COLUMN.fullmatch(header.strip())) for n, header in enumerate(sheet.values(0))]
    return [GradeColumn(n, m[0], m["title"], m["id"], m["most"], unlike_points(m["shown"])) for n, m in matches if m]


def unlike_points(shown: str) -> str:
    """Why a column of Blackboard's that shows this takes no points: it reads what is uploaded as what it shows."""
    word = shown.strip()
    if word.casefold() in ("", SCORE):
        return ""
    return (
        f"it shows {word}, and Blackboard reads a number in it as such; set its primary display to Score, and download "
        "the file again"
    )


GRADE_FORMATS: Mapping[PlatformName, PlatformFormat] = {
    "canvas": PlatformFormat(
        {
            "student": "name",
            "firstname": "first",
            "lastname": "last",
            "id": "canvas.id",
            "sis user id": "canvas.sis",
            "sis login id": "canvas.login",
        },
        is_canvas,
        canvas_columns,
        "in Grades, Export, with the language set to English",
    ),
    "moodle": PlatformFormat(
        {
            "identifier": "moodle.participant",
            "full name": "name",
            "email address": "email",
            "id number": "moodle.id_number",
            "username": "moodle.username",
        },
        is_moodle,
        moodle_columns,
        "in the assignment, Download grading worksheet",
    ),
    "brightspace": PlatformFormat(
        {
            "orgdefinedid": "brightspace.org_defined_id",
            "username": "brightspace.username",
            "email": "email",
            "first name": "first",
            "last name": "last",
        },
        is_brightspace,
        brightspace_columns,
        "in Grades, Export, with both key fields and points grades, as CSV",
    ),
    "blackboard": PlatformFormat(
        {
            "username": "blackboard.username",
            "student id": "blackboard.number",
            "first name": "first",
            "last name": "last",
        },
        is_blackboard,
        blackboard_columns,
        "in the Grade Center, Work Offline, Download",
    ),
}
