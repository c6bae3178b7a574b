"""One submission on its way from a folder to a kernel: read, compared with what lies beside it, repaired and aligned.

What comes out is plain data that knows no path: it can be made in one process and observed in another.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.classrun.settings import Settings
from autograder.errors import SubmissionError
from autograder.models import HandedIn, Submission
from autograder.submission.align import Aligned, align
from autograder.submission.beside import Beside, asked_for, gathered
from autograder.submission.find import SubmittedBytes, is_handed_in, refuse_links
from autograder.submission.read import SubmittedCell, parse_cells
from autograder.submission.several import compared, read_graded
from autograder.submission.shadow import Reserved, without_shadows


@dataclass(frozen=True)
class Prepared:
    """What is to be observed of one submission."""

    submission_sha256: str
    """Of the notebook's bytes as they were handed in; of nothing when none could be read."""
    aligned: Aligned | None = None
    beside: Beside = field(default_factory=Beside)
    not_run: str = ""
    """Why there is nothing to be observed."""

    @property
    def files(self) -> tuple[HandedIn, ...]:
        """The files beside the notebook by name, size and digest."""
        return tuple(HandedIn(name, len(data), digest(data)) for name, data in self.beside.files)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def prepare(submission: Submission, settings: Settings) -> Prepared:
    """Read and align one submission; one that cannot be read says so in ``not_run``."""
    data = b""
    try:
        if submission.path.parent.name == submission.assignment:
            # One of several notebooks has another name than its folder, and may be read through no link either.
            refuse_links(submission.path)
        data = read_graded(submission.path, settings.source)
        return Prepared(digest(data), *read_submission(submission, settings, data))
    except SubmissionError as error:
        return Prepared(digest(data), not_run=str(error))


def read_submission(submission: Submission, settings: Settings, data: SubmittedBytes) -> tuple[Aligned, Beside]:
    """The aligned notebook and what lies beside it when it runs; SubmissionError when it is no notebook."""
    cells = parse_cells(data)
    others = compared(settings.source, data, cells)
    expected = is_handed_in(submission.path) or submission.path.parent.name == submission.assignment
    beside = handed_in(data, cells, settings.reserved, expected=expected)
    aligned = align(settings.source, cells)
    return Aligned(
        aligned.notebook,
        (*others.notes, *aligned.repairs),
        aligned.ambiguous | others.ambiguous,
        aligned.unread,
    ), beside


def handed_in(graded: SubmittedBytes, cells: Sequence[SubmittedCell], reserved: Reserved, *, expected: bool) -> Beside:
    """The files that lie beside this notebook when it runs.

    In a student's folder (``expected``) that is all that was handed in, elsewhere only what the notebook names.
    """
    if graded.path is None:
        return Beside()
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    beside = gathered(graded.path) if expected else asked_for(graded.path, code)
    return without_shadows(beside, code, reserved)
