"""Feedback on its way to students: Moodle's zip of feedback files, a folder for each, or a table for letters."""

import csv
import io
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from autograder.course import Course
from autograder.errors import UsageError
from autograder.observe.whole import replace_file
from autograder.publish.grade_files import read_grade_file
from autograder.publish.points import FinalPoints, class_points, points_possible, shown_number
from autograder.publish.roll import Roll, doubled
from autograder.publish.sheet import Sheet
from autograder.text import encodable, plain_name, short_name, without_formula

Way = Literal["moodle-zip", "folders", "mail-merge"]
PAGE = ".html"
LETTER_COLUMNS = ("student", "name", "email", "points", "max_points", "file")
UNKNOWN_POINTS = "?"
ANYBODY = "STUDENT"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every entry of the archive: the same feedback is the same archive."""


@dataclass
class HandedBack:
    """Who gets what, and who does not."""

    files: dict[str, list[Path]]
    """Student -> the pages that lie in the course's feedback folder."""
    without_feedback: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Students of whom the way does not know where they are: no participant number, no address."""

    @property
    def complete(self) -> bool:
        """Whether everybody who has points is reached."""
        return not (self.without_feedback or self.unknown)

    def told(self, path: Path) -> list[str]:
        """What the instructor should read."""
        reached = len(self.files) - len(self.unknown)
        lines = [f"{reached} have their feedback in {path}"]
        for people, what in (
            (self.without_feedback, "have points and no page of feedback; write it first"),
            (self.unknown, "cannot be reached: nobody knows their participant number or address"),
        ):
            lines += [f"{len(people)} {what}: {', '.join(map(short_name, people))}"] if people else []
        return lines


def give_back(course: Course, assignment: str, way: Way, target: Path, worksheet: Path | None = None) -> HandedBack:
    """Write the feedback of an assignment for a way to students; UsageError when there is none.

    ``worksheet`` is Moodle's grading worksheet: it tells participant numbers where submissions came another way.
    """
    course.notebooks(assignment)
    points = class_points(course, assignment)
    folders = sorted(course.matching("feedback", "*", assignment).items())
    files = {student: pages for (student, _), folder in folders if (pages := pages_of(folder))}
    if not files:
        folder = course.folder("feedback", ANYBODY, assignment)
        raise UsageError(f"there is no feedback on {assignment} ({folder}/*{PAGE}); write it first, then hand it back")
    done = HandedBack(files, sorted(points.keys() - files.keys()))
    roll = Roll.of(course, assignment)
    try:
        if way == "moodle-zip":
            replace_file(target, moodle_zip(done, roll, numbers_of(roll, worksheet)))
        elif way == "folders":
            write_folders(done, target)
        else:
            replace_file(target, letters_csv(done, roll, points, points_possible(course, assignment)))
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}); name another place with -o") from error
    return done


def pages_of(folder: Path) -> list[Path]:
    """The pages in one student's folder; a link is none, as it may lead to anybody's."""
    return sorted(p for p in folder.glob(f"*{PAGE}") if stat.S_ISREG(p.lstat().st_mode))


def numbers_of(roll: Roll, worksheet: Path | None) -> dict[str, tuple[str, str]]:
    """Student -> Moodle's participant number, and the name beside it: from the worksheet, else from the submissions."""
    numbers = {student: (number, roll.name(student)) for number, student in roll.numbers.items()}
    if worksheet is None:
        return numbers
    file = read_grade_file(Sheet.read(worksheet), "moodle")
    rows = [file.ids(line) for line in file.students]
    matches = roll.matches(rows)
    twice = doubled(matches)
    for row, match in zip(rows, matches, strict=True):
        # Of two rows that one student may be, one is somebody else, who must not read it.
        if len(match) == 1 and not match & twice:
            numbers[next(iter(match))] = (row.get("moodle.participant", ""), row.get("name", ""))
    return numbers


def moodle_zip(done: HandedBack, roll: Roll, numbers: Mapping[str, tuple[str, str]]) -> bytes:
    """Moodle's archive: `Full name_1001_assignsubmission_file_/page.html`."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, files in done.files.items():
            number, name = numbers.get(student, ("", ""))
            if not number:
                done.unknown.append(student)
                continue
            for file in files:
                entry = zipfile.ZipInfo(f"{moodle_folder(name, number)}/{encodable(file.name)}", EARLIEST)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
    return data.getvalue()


def moodle_folder(name: str, number: str) -> str:
    """A student's folder: Moodle takes it apart at its signs "_", and so has none in the name."""
    safe = encodable(plain_name(name)).replace("_", " ").replace("/", " ").replace("\\", " ").strip() or "participant"
    return f"{safe}_{number}_assignsubmission_file_"


def write_folders(done: HandedBack, target: Path) -> None:
    """A folder for each student, with their pages; UsageError when something else lies there."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; name a folder with -o")
    for student, files in done.files.items():
        for file in files:
            replace_file(target / PurePath(student).name / file.name, file.read_bytes())


def letters_csv(done: HandedBack, roll: Roll, points: Mapping[str, FinalPoints], possible: float) -> bytes:
    """One line for each page, for a mail merge; points that wait for a person are a question mark."""
    rows = [LETTER_COLUMNS]
    for student, files in done.files.items():
        email = roll.email(student)
        done.unknown += [] if email else [student]
        total = points[student].total if student in points else None
        number = UNKNOWN_POINTS if total is None else shown_number(total)
        about = (student, roll.name(student), email, number, shown_number(possible))
        rows += [(*about, str(file.resolve())) for file in files]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([without_formula(plain_name(cell)) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
