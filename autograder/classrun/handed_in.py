"""What was handed in with a notebook, on its way into the kernel and the Record, and what its absence costs nobody."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution

from autograder.models import HandedIn, Observation
from autograder.submission.align import grade_id
from autograder.submission.beside import Beside, asked_for, gathered, sentences
from autograder.submission.find import Upload
from autograder.submission.read import SubmittedCell
from autograder.submission.shadow import Reserved, without_shadows

ABSENT = ("FileNotFoundError", "ModuleNotFoundError")
"""What Python raises for a file or module that is not there."""
UNDEFINED = re.compile(r"name '(\w+)' is not defined")


def handed_in(graded: Upload, cells: Sequence[SubmittedCell], reserved: Reserved, *, expected: bool) -> Beside:
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


def wanting(executed: NotebookNode, observations: dict[str, Observation], beside: Beside) -> dict[str, str]:
    """Grade cell -> why nobody can tell what it is worth, where a file or a module was not there.

    These are the TODOs whose function raised for want of it, or of a name that a cell would have bound after it.
    """
    failures: list[tuple[str, str]] = []
    reasons: dict[str, str] = {}
    for cell in executed.cells:
        if cell.cell_type != "code":
            continue
        if is_solution(cell) or not grade_id(cell):
            failures += [(cell.source, why) for why in absences(cell, beside)]
        if is_grade(cell) and grade_id(cell) in observations:
            why = next(causes(errors_in(observations[grade_id(cell)].values), failures, beside), "")
            reasons |= {grade_id(cell): why} if why else {}
    return reasons


def absences(cell: NotebookNode, beside: Beside) -> Iterator[str]:
    """What a cell could not find, in words."""
    where = f"cell '{grade_id(cell)}'" if grade_id(cell) else "an added cell"
    for output in cell.get("outputs", []):
        kind, message = str(output.get("ename", "")), str(output.get("evalue", ""))[:200]
        if kind in ABSENT or (kind == "ImportError" and told(message, beside)):
            what = f"{line_of(cell.source, message)} ({kind}: {message})"
            yield f"{where} needs what is not there when it is graded: {what}{told(message, beside)}"


def line_of(source: str, message: str) -> str:
    """The first line that has a name from the message in it, for a person."""
    named = re.findall(r"'([^']+)'", message)
    lines = (line.strip() for line in source.splitlines())
    return next((f"`{line[:80]}`" for line in lines if any(name in line for name in named)), "a line of it")


def told(message: str, beside: Beside) -> str:
    """Why a file that an error may be about was not taken, if one was not."""
    words = set(re.findall(r"\w+", message))
    refused = [one for one in beside.not_taken if one.name in message or words.intersection(importable(one.name))]
    return f"; not taken: {sentences(refused)[0]}" if refused else ""


def importable(name: str) -> Iterator[str]:
    """The names under which a file could have been imported: its own, and its folders'."""
    yield from name.removesuffix(".py").removesuffix("/__init__").split("/") if name.endswith(".py") else ()


def causes(errors: Iterable[tuple[str, str]], failures: Sequence[tuple[str, str]], beside: Beside) -> Iterator[str]:
    """What was missing, for errors of a probe that come of it."""
    for kind, message in errors:
        name = UNDEFINED.search(message)
        if kind in ABSENT:
            yield f"it needs what is not there when it is graded ({kind}: {message[:200]}){told(message, beside)}"
        elif name:
            yield from (why for source, why in failures if re.search(rf"\b{name[1]}\b|import \*", source))


def errors_in(values: Any) -> Iterator[tuple[str, str]]:
    """(type, message) of every error in a probe's report."""
    if isinstance(values, dict):
        kind, message = values.get("type"), values.get("message")
        if isinstance(kind, str) and isinstance(message, str) and "frames" in values:
            yield kind, message
        values = list(values.values())
    for value in values if isinstance(values, list) else ():
        yield from errors_in(value)
