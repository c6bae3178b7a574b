"""What an operator means: which course, which notebook, whose submissions."""

import random
from collections.abc import Sequence
from pathlib import Path

from autograder.classrun.settings import Settings, new_seed
from autograder.course import Course
from autograder.errors import UsageError
from autograder.models import Submission
from autograder.observe import record as records
from autograder.text import plain_name


def nearest(file: Path) -> Path:
    """The working directory if it lies in a course, else the file's folder."""
    try:
        return Course.find(Path.cwd()).root
    except UsageError:
        return file.resolve().parent


def meant_by(course: Course, file: Path) -> tuple[str, str]:
    """The assignment and the notebook that a file belongs to, by its own and its folder's name, or the only one."""
    known = [(assignment, name) for assignment in course.assignments() for name in course.notebooks(assignment)]
    folder = file.resolve().parent.name
    for fits in (
        lambda assignment, name: (assignment, name) == (folder, file.stem),
        lambda assignment, name: name == file.stem,
        lambda assignment, name: assignment == folder,
        lambda assignment, name: True,
    ):
        if len(found := [one for one in known if fits(*one)]) == 1:
            return found[0]
    names = ", ".join(name for _, name in known)
    raise UsageError(f"cannot tell which notebook {plain_name(file.name)} is; rename it to one of: {names}")


def sampled(submissions: Sequence[Submission], sample: str) -> tuple[list[Submission], str]:
    """Some submissions at random, and how to have the same ones again, from a text like ``10`` or ``10:1234``.

    UsageError when it is neither. In the order of the submissions.
    """
    number, _, seed = sample.partition(":")
    try:
        count, drawn = int(number), int(seed) if seed else new_seed()
        if count < 1:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"'{sample}' is no sample: write a number above 0, or a number and a seed as 10:1234"
        ) from None
    positions = random.Random(drawn).sample(range(len(submissions)), min(count, len(submissions)))
    chosen = [submissions[i] for i in sorted(positions)]
    return chosen, f"a random sample of {len(chosen)} of {len(submissions)}; --sample {count}:{drawn} draws it again"


def submissions_of(
    course: Course, settings: Settings, students: Sequence[str] | None, *, recorded: bool = False
) -> list[Submission]:
    """The submissions to grade; UsageError when there is none, or a named student has none."""
    assignment, notebook = settings.assignment.name, settings.notebook
    folder = course.records(assignment, notebook)
    # A folder whose name cannot be written to a gradebook is known under the name that can.
    folders = {plain_name(name): name for name in course.students(assignment)}
    known = records.students(folder) if recorded else [*folders]
    students = [plain_name(student) for student in students or []]
    where = folder if recorded else course.folder("submitted", "STUDENT", assignment)
    for student in students:
        if student not in known:
            raise UsageError(f"nothing of student '{student}' in {where}")
    if not known:
        raise UsageError(f"there are no submissions in {where}")
    paths = {s: course.submitted(folders.get(s, s), assignment, notebook) for s in students or known}
    return [Submission(student, assignment, path) for student, path in paths.items()]
