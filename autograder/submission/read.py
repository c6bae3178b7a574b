"""A submitted file, read as hostile bytes: out come cells, or a reason in words."""

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError

FILE_MAX_BYTES = 200_000_000
"""Saved outputs of 100 MB occur; outputs are dropped before anything else happens."""
CELLS_MAX = 5_000
SOURCE_MAX_CHARS = 1_000_000
CLAIMED = ("points", "grade", "solution", "locked", "task")
"""nbgrader's settings that decide what a cell is worth and who may change it."""

BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True)
class SubmittedCell:
    """What is kept of a cell: its text and its claims about itself. Saved outputs never are."""

    kind: str
    """ "code", "markdown" or "raw"."""
    source: str
    id: str
    grade_id: str
    claims: dict[str, object] = field(default_factory=dict)
    """What the cell says of its own points and flags: never believed, only compared."""


def read_cells(path: Path) -> list[SubmittedCell]:
    """The cells of a notebook file; SubmissionError says why when there are none to be had."""
    return parse_cells(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Symbolic links are not followed: they could name anybody's file."""
    if not os.path.lexists(path):
        raise SubmissionError(f"the file {path.name} is missing; the student should submit it under this name")
    if not stat.S_ISREG(path.lstat().st_mode):
        raise SubmissionError(f"{path.name} is not a regular file (a folder or a link?)")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(FILE_MAX_BYTES + 1)
    if len(data) > FILE_MAX_BYTES:
        raise SubmissionError(f"the file is larger than {FILE_MAX_BYTES // 1_000_000} MB; clear its outputs")
    return data


def parse_cells(data: bytes) -> list[SubmittedCell]:
    """The cells in a notebook's bytes, of any nbformat from 3 on."""
    if not data.strip():
        raise SubmissionError("the file is empty; the upload may have been cut off")
    try:
        # Only the first value: a download that was resumed, or a line end too many, leaves bytes behind it.
        notebook, _ = json.JSONDecoder().raw_decode(decode(data).lstrip("\ufeff \t\r\n\0"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"the file is not a Jupyter notebook: {looks_like(data)}") from error
    rows = cell_rows(notebook)
    if len(rows) > CELLS_MAX:
        raise SubmissionError(f"the notebook has {len(rows):,} cells, more than the {CELLS_MAX:,} allowed")
    cells = [to_cell(row) for row in rows if isinstance(row, dict)]
    if not any(cell.kind == "code" for cell in cells):
        raise SubmissionError("the notebook holds no code cell")
    return cells


def decode(data: bytes) -> str:
    """The text in UTF-8 or UTF-16, else Latin-1, which cannot fail."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\0" in data[:2]:
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def looks_like(data: bytes) -> str:
    """The likely cause, for the person who reads the message."""
    head = data.lstrip()[:200].lower()
    if head.startswith((b"<!doctype", b"<html")):
        return "it is a web page; download the notebook with File > Download > .ipynb"
    if head.startswith(b"{"):
        return "its JSON is damaged; the upload may have been cut off"
    return "it is not JSON; it may be an export as .py or .txt"


def cell_rows(notebook: Any) -> list[Any]:
    """The list of cells: at the top since nbformat 4, in worksheets before."""
    if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    if isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [s for s in notebook["worksheets"] if isinstance(s, dict)]
        return [row for sheet in sheets for row in sheet.get("cells") or []]
    raise SubmissionError("the file is JSON but not a Jupyter notebook: it has no list of cells")


def to_cell(row: dict[str, Any]) -> SubmittedCell:
    """One cell; anything of the wrong type becomes empty rather than an error."""
    kind = row.get("cell_type")
    metadata = row.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return SubmittedCell(
        kind=kind if kind in ("code", "markdown", "raw") else "raw",
        source=text(row.get("source", row.get("input")))[:SOURCE_MAX_CHARS],
        id=text(row.get("id")),
        grade_id=text(grade_id),
        claims={key: nbgrader[key] for key in CLAIMED if key in nbgrader} if isinstance(nbgrader, dict) else {},
    )


def text(value: Any) -> str:
    """A string, or the joined list of lines that nbformat also allows.

    Lone surrogates, which JSON can spell and UTF-8 cannot, become question marks.
    """
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
