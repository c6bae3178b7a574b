"""One submission on its way from a folder to a kernel: read, compared with what lies beside it, repaired and aligned.

This is what runs in a worker. What comes out is plain data that knows no
path and holds none of the instructor's cells, only where in the source they stand.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.errors import SubmissionError
from autograder.frames import Message
from autograder.submission.align import Aligned, align
from autograder.submission.beside import Beside, asked_for, gathered
from autograder.submission.find import SubmittedBytes, is_handed_in, refuse_links
from autograder.submission.read import SubmittedCell, parse_cells
from autograder.submission.several import compared, read_graded
from autograder.submission.shadow import Reserved, without_shadows
from autograder.submission.syntax import outline
from autograder.worker import Handler


@dataclass(frozen=True)
class Homework:
    """What reading a submission needs to know of the homework."""

    source: NotebookNode
    reserved: Reserved


def packed_homework(homework: Homework) -> Message:
    """What a worker is told first."""
    known = homework.reserved
    reserved = {
        "path": list(known.path),
        "modules": sorted(known.modules),
        "folders": {name: str(path) for name, path in known.folders.items()},
        "named": sorted(known.named),
    }
    return Message({"source": homework.source, "reserved": reserved})


def unpacked_homework(values: dict[str, Any]) -> Homework:
    """What a worker was told."""
    known = values["reserved"]
    folders = {name: Path(path) for name, path in known["folders"].items()}
    reserved = Reserved(tuple(known["path"]), frozenset(known["modules"]), folders, frozenset(known["named"]))
    return Homework(nbformat.from_dict(values["source"]), reserved)


def handler(hello: Message) -> Handler:
    """The function that reads one submission."""
    homework = unpacked_homework(hello.values)
    return lambda request: prepared(Path(request.values["path"]), request.values["assignment"], homework)


def prepared(path: Path, assignment: str, homework: Homework) -> Message:
    """What is to be observed of one submission, as plain data; ``not_run`` says why there is nothing."""
    data = b""
    try:
        if is_handed_in(path, assignment):
            # One of several notebooks has another name than its folder, and may be read through no link either.
            refuse_links(path)
        data = read_graded(path, homework.source)
        return packed(data, *read_submission(path, assignment, homework, data), homework.source)
    except SubmissionError as error:
        return Message({"submission_sha256": hashlib.sha256(data).hexdigest(), "not_run": str(error)})


def read_submission(path: Path, assignment: str, homework: Homework, data: SubmittedBytes) -> tuple[Aligned, Beside]:
    """The aligned notebook and what lies beside it when it runs; SubmissionError when it is no notebook."""
    cells = parse_cells(data)
    others = compared(homework.source, data, cells)
    expected = is_handed_in(path, assignment)
    given = frozenset(cell.source for cell in homework.source.cells)
    beside = handed_in(data, cells, homework.reserved, given, expected=expected)
    aligned = align(homework.source, cells)
    return Aligned(
        aligned.notebook,
        (*others.notes, *aligned.repairs),
        aligned.ambiguous | others.ambiguous,
        aligned.unread,
    ), beside


def handed_in(
    graded: SubmittedBytes,
    cells: Sequence[SubmittedCell],
    reserved: Reserved,
    given: frozenset[str],
    *,
    expected: bool,
) -> Beside:
    """The files that lie beside this notebook when it runs.

    In a student's folder (``expected``) that is all that was handed in, elsewhere only what the notebook names outside
    the homework's own cells, whose texts are ``given``.
    """
    if graded.path is None:
        return Beside()
    sources = [cell.source for cell in cells if cell.kind == "code"]
    own = "\n".join(source for source in sources if source not in given)
    beside, code = gathered(graded.path) if expected else asked_for(graded.path, own), "\n".join(sources)
    return without_shadows(beside, code, reserved)


def packed(data: bytes, aligned: Aligned, beside: Beside, source: NotebookNode) -> Message:
    """An aligned submission as plain data."""
    return Message(
        {
            "submission_sha256": hashlib.sha256(data).hexdigest(),
            "cells": list(packed_cells(aligned.notebook, source)),
            "repairs": list(aligned.repairs),
            "ambiguous": aligned.ambiguous,
            "unread": aligned.unread,
            "names": [name for name, _ in beside.files],
            "newer": newer_syntax(beside),
            "not_taken": [[refused.name, refused.reason] for refused in beside.not_taken],
        },
        tuple(content for _, content in beside.files),
    )


def packed_cells(notebook: NotebookNode, source: NotebookNode) -> list[dict[str, Any]]:
    """The cells: of those of the source the position, and the text if a student may write there."""
    rows: list[dict[str, Any]] = []
    position = 0
    for cell in notebook.cells:
        # The aligned notebook holds all cells of the source, in order, each with the source's own metadata.
        if position < len(source.cells) and cell.metadata is source.cells[position].metadata:
            own = cell.source == source.cells[position].source
            rows.append({"at": position} if own else {"at": position, "source": cell.source})
            position += 1
        else:
            rows.append({"kind": cell.cell_type, "source": cell.source})
    return rows


def newer_syntax(beside: Beside) -> dict[str, str]:
    """Module -> the line in it that keeps this Python from running it, and the version that it needs."""
    texts = {name: data.decode("utf-8", "replace") for name, data in beside.files if name.endswith(".py")}
    newer = {name: outline(text).newer for name, text in texts.items()}
    return {name: why for name, why in newer.items() if why}
