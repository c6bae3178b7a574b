"""Which of a student's files in a bulk download are the notebooks that count, by their times, names and functions."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.errors import SubmissionError
from autograder.submission.find import KINDS, bare_name
from autograder.submission.further import given_name
from autograder.submission.platforms import Upload
from autograder.submission.several import defined
from autograder.text import short_name

COPY = re.compile(r"([-_ ]*\(\d+\)|[-_ ]+\d+|[-_ ]*copy\d*)+$", re.IGNORECASE)
"""What browsers, platforms and Jupyter add to the name of a second copy."""


@dataclass(frozen=True)
class Chosen:
    """The file that counts as one notebook of the assignment."""

    upload: Upload
    notes: tuple[str, ...]


def chosen(mine: Sequence[Upload], sources: Mapping[str, NotebookNode], pick: Callable[..., Any]) -> dict[str, Chosen]:
    """Notebook -> the file that counts of a student's; SubmissionError when there is none, or no telling which."""
    if len({(upload.owner, upload.number) for upload in mine}) > 1:
        raise SubmissionError("two students would share this folder; rename one of them in the download")
    books = next((found for kind in KINDS if (found := [u for u in mine if is_kind(u.file, kind)])), [])
    if not books:
        raise SubmissionError(f"there is no notebook, only {upload_names(mine, lambda u: u.file)}; ask for the .ipynb")
    moments = sorted({upload.time for upload in books if upload.time})
    attempt = [upload for upload in books if not moments or upload.time == pick(moments)]
    left_out = [f"{len(moments) - 1} other attempt{'s' * (len(moments) > 2)} left out"] if len(moments) > 1 else []
    meant = {name: of_one_attempt(attempt, sources, name, pick) for name in sources}
    if not any(meant.values()):
        expected = " or ".join(f"{name}.ipynb" for name in sources)
        raise SubmissionError(
            f"none of {upload_names(books, lambda u: u.file)} is {expected}; rename it and collect again"
        )
    return {name: Chosen(u, (*left_out, *notes(u, name, attempt, sources))) for name, u in meant.items() if u}


def notes(upload: Upload, notebook: str, attempt: Sequence[Upload], sources: Mapping[str, NotebookNode]) -> list[str]:
    """What is to be said of a file that counts."""
    older = [u for u in attempt if u is not upload and given_name(u, upload) == given_name(upload, upload)]
    renamed = len(sources) > 1 and not carries_name(upload, notebook)
    return [
        *([f"taken as {notebook}.ipynb"] if renamed else []),
        *([f"not taken: {upload_names(older, lambda u: u.file)}"] if older else []),
        *(["late"] if upload.late else []),
        *([upload.note] if upload.note else []),
    ]


def of_one_attempt(
    attempt: Sequence[Upload], sources: Mapping[str, NotebookNode], notebook: str, pick: Callable[..., Any]
) -> Upload | None:
    """The file of this name in one attempt, of its copies the one uploaded last or first; None when there is none.

    Of those under other names it is the only one that defines a function of the notebook. Where the assignment has no
    other notebook, a single file is it under any name.
    """
    others = [name for name in sources if name != notebook]
    free = [u for u in attempt if not any(carries_name(u, other) for other in others)]
    fitting = [u for u in free if carries_name(u, notebook)] or [u for u in free if fits(u.file, notebook)]
    if not fitting:
        free = [u for u in free if not any(fits(u.file, other) for other in others)]
        told = [u for u in free if (others or len(free) > 1) and defined(sources[notebook], u.entry.read())]
        fitting = told or ([] if others else free)
    if len({upload.order for upload in fitting}) == len(fitting) > 1:
        found: Upload = pick(fitting, key=lambda upload: upload.order)
        return found
    if len(fitting) > 1 and len({upload.entry.read() for upload in fitting}) > 1:
        several = upload_names(fitting, lambda upload: upload.file)
        raise SubmissionError(f"{several} may each be meant; ask which one, remove the others and collect again")
    return fitting[0] if fitting else None


def carries_name(upload: Upload, notebook: str) -> bool:
    """Whether the student gave a file the name of this notebook."""
    return bare_name(last(given_name(upload, upload))) == bare_name(notebook)


def fits(name: str, notebook: str) -> bool:
    """Whether a file is named like a notebook, as a second copy perhaps."""
    stem = last(name).split(".")[0]
    stem = re.sub(r"^copy of ", "", stem, flags=re.IGNORECASE)
    return bare_name(notebook) in (bare_name(stem), bare_name(COPY.sub("", stem)))


def upload_names(found: Sequence[Any], of: Callable[[Any], str]) -> str:
    """The first few names, for a message."""
    return ", ".join(short_name(of(upload)) for upload in found[:3]) + (" and more" if len(found) > 3 else "")


def is_kind(name: str, kind: str) -> bool:
    """Whether a file's own name has this ending, or had it before a browser added another."""
    return kind in last(name).lower()


def last(name: str) -> str:
    """The last part of a name."""
    return name.rsplit("/", 1)[-1]
