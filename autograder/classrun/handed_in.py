"""What was handed in with a notebook, on its way into the kernel and the Record."""

import hashlib
from collections.abc import Sequence

from autograder.models import HandedIn
from autograder.submission.beside import Beside, asked_for, gathered
from autograder.submission.find import SubmittedBytes
from autograder.submission.read import SubmittedCell
from autograder.submission.shadow import Reserved, without_shadows


def handed_in(graded: SubmittedBytes, cells: Sequence[SubmittedCell], reserved: Reserved, *, expected: bool) -> Beside:
    """The files that lie beside this notebook when it runs.

    In a student's folder (``expected``) that is all that was handed in, elsewhere only what the notebook names.
    """
    if graded.path is None:
        return Beside()
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    beside = gathered(graded.path) if expected else asked_for(graded.path, code)
    return without_shadows(beside, code, reserved)


def rows(beside: Beside) -> tuple[HandedIn, ...]:
    """The files by name, size and digest."""
    return tuple(HandedIn(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in beside.files)
