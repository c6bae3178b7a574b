"""What nbgrader finds beside an autograded notebook: the time, the submission's secret, the student's other files.

`nbgrader autograde` puts them there, and `generate_feedback` and `release_feedback` go on from them: without the time a
newer submission is passed over, and without the secret the release of a whole class ends.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

from autograder.course import Course
from autograder.models import Submission
from autograder.observe.whole import replace_file
from autograder.submission.beside import gathered
from autograder.submission.find import walked
from autograder.submission.times import STAMP_FILE, canonical, stamp_of

SECRET = "submission_secret.txt"
"""What `nbgrader submit` makes up; the feedback's file name in the exchange is a digest of it."""


def write_companions(course: Course, submission: Submission) -> None:
    """Bring the files beside an autograded notebook up to date with what was handed in."""
    if not submission.path.parent.is_dir():
        return
    folder = course.folder("autograded", submission.student, submission.assignment)
    wanted = dict(gathered(submission.path).files)
    moment, _ = stamp_of(course, submission.path.parent)
    wanted[STAMP_FILE] = f"{canonical(moment)}\n".encode() if moment else b""
    if SECRET not in wanted:
        wanted[SECRET] = kept_secret(folder)
    for name, data in wanted.items():
        if not lies_there(folder / name, data):
            replace_file(folder / name, data)
    for stale in no_longer_handed_in(folder, set(wanted)):
        stale.unlink(missing_ok=True)


def kept_secret(folder: Path) -> bytes:
    """A secret of ours for who has none of nbgrader's exchange, the same one every time."""
    try:
        return (folder / SECRET).read_bytes()
    except OSError:
        return secrets.token_hex(64).encode()


def no_longer_handed_in(folder: Path, wanted: set[str]) -> Iterator[Path]:
    """Files of an earlier submission; notebooks are not among them."""
    for found in walked(folder):
        path = Path(found.path)
        if path.suffix != ".ipynb" and path.relative_to(folder).as_posix() not in wanted:
            yield path


def lies_there(path: Path, data: bytes) -> bool:
    """Whether a file is there with these bytes."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
