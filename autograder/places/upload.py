"""One student's files, as a platform lays them before a grader: taken in as by `collect`, and graded at once.

Nothing of it is written to the course: the platform keeps the score.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from autograder.classrun.grade import grade
from autograder.classrun.settings import Settings, settings_in
from autograder.course import CONFIG_FILE, Course
from autograder.errors import SubmissionError
from autograder.kernel.folders import own_folder
from autograder.models import Graded, Submission
from autograder.places.room import limits_in
from autograder.submission.archive import files
from autograder.submission.collect import take_student
from autograder.submission.platforms import Upload
from autograder.submission.who import folder_name
from autograder.text import short_name

UPLOADED_TO = "upload"
INBOX_CONFIG = "c = get_config()\n"
"""Of the folder that an upload is laid out in: nbgrader's own names of folders, whatever the course calls them."""


@dataclass(frozen=True)
class GradedUpload:
    """What became of one student's files."""

    student: str
    parts: Mapping[str, Graded]
    """Notebook -> its scores; those that were not handed in are missing."""
    notes: tuple[str, ...] = ()
    """What was said of the files when they were taken in."""
    problem: str = ""
    """Why there is nothing to grade, if there is not."""


def grade_upload(
    course: Course, assignment: str, folder: Path, student: str, *, profile: str = "", sandboxed: bool = True
) -> GradedUpload:
    """Grade what lies in this folder, or zip, as one student's submission to the assignment.

    UsageError when the course has no such assignment; SandboxError when the sandbox cannot be had here.
    """
    student = folder_name(student)
    chosen = {name: settings_in(course, assignment, name, profile) for name in course.notebooks(assignment)}
    with own_folder("upload-") as root:
        (root / CONFIG_FILE).write_text(INBOX_CONFIG)
        inbox = Course(root)
        try:
            notes = lay_out(inbox, course, assignment, folder, student)
        except SubmissionError as error:
            return GradedUpload(student, {}, problem=str(error))
        parts = {}
        for name, settings in chosen.items():
            path = inbox.submitted(student, assignment, name)
            if path.exists():
                parts[name] = grade_part(Submission(student, assignment, path), settings, root, sandboxed=sandboxed)
        shutil.rmtree(root / "submitted", ignore_errors=True)
    return GradedUpload(student, parts, notes)


def grade_part(submission: Submission, settings: Settings, root: Path, *, sandboxed: bool) -> Graded:
    """One notebook's scores, within the memory that this place gives."""
    limits = limits_in(settings.limits)
    chosen = replace(settings, sandboxed=sandboxed, jobs=1, limits=limits)
    (graded,) = grade([submission], chosen, root / "records" / settings.notebook)
    return graded


def lay_out(inbox: Course, course: Course, assignment: str, folder: Path, student: str) -> tuple[str, ...]:
    """Copy the notebooks, and what may lie beside them, where nbgrader looks for them; what is to be said of it.

    SubmissionError when there is no notebook of this assignment among the files.
    """
    sources = {n: nbformat.read(course.source(assignment, n), as_version=4) for n in course.notebooks(assignment)}
    entries, refused = files(folder)
    mine = [Upload(student, entry, entry.name, UPLOADED_TO, owner=student) for entry in entries]
    if not mine:
        raise SubmissionError("no file was handed in; hand in the notebook, as an .ipynb file")
    taken = list(take_student(inbox, sources, assignment, student, mine, max, replace=True))
    said = [f"{short_name(one.name)}: {note}" for one in taken for note in one.notes]
    return (*said, *(f"not taken: {short_name(one.name)}, {one.reason}" for one in refused))
