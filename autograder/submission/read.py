"""A submitted file, read as hostile bytes: out come cells, or a reason in words."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError
from autograder.submission.find import SubmittedBytes, read_bytes
from autograder.submission.saved import without_saved
from autograder.submission.script import looks_like_script, script_rows
from autograder.submission.syntax import Outline, outline

__all__ = ["CLAIMED", "SubmittedCell", "SubmittedCells", "parse_cells", "read_bytes", "read_cells"]

CHARS_MAX = 10_000_000
"""Without outputs. Parsing takes up to 26 bytes of memory per character: 0.3 GB for a file made for it."""
CELLS_MAX = 5_000
CODE_MAX_CHARS = 500_000
"""Of all code cells. So that what was made to be slow does not hold up the class."""
PARSED_TEXT_MAX_CHARS = 100_000
ID_MAX_CHARS = 200
CLAIMED = ("points", "grade", "solution", "locked", "task")
"""nbgrader's settings that decide what a cell is worth and who may change it."""

BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
OTHER_FILES = {
    b"PK\x03\x04": "it is a zip archive; unpack it, or take it in with `autograder collect`",
    b"\x1f\x8b": "it is compressed with gzip; unpack it",
    b"%PDF": "it is a PDF; ask for the notebook, File > Download > .ipynb",
    b"version https://git-lfs": "it is a pointer of Git LFS; the content was never uploaded",
    b"<!doctype": "it is a web page; download the notebook with File > Download > .ipynb",
    b"<html": "it is a web page; download the notebook with File > Download > .ipynb",
}


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

    parsable: bool = True
    """Whether there is time to look into it; of the text of a notebook there may be too much."""

    @cached_property
    def outline(self) -> Outline:
        """What the text defines; computed once, because alignment asks for it again and again."""
        return outline(self.source) if self.parsable else Outline(python=False)


class SubmittedCells(tuple[SubmittedCell, ...]):
    """The cells of a submission, and a sentence for everything odd about the file that held them."""

    notes: tuple[str, ...] = ()


def read_cells(path: Path) -> SubmittedCells:
    """The cells of a notebook file; SubmissionError says why when there are none to be had."""
    return parse_cells(read_bytes(path))


def parse_cells(data: bytes) -> SubmittedCells:
    """The cells in a notebook's bytes, of any nbformat from 3 on, or in those of a script made from one."""
    if not data.strip(b"\0 \t\r\n\x0c"):
        raise SubmissionError("the file is empty; the upload may have been cut off. Ask the student to submit it again")
    text, encoding = decode(data)
    notes = [f"the file was in {encoding}"] if encoding != "UTF-8" else []
    notebook = parse(text, data)
    rows = cell_rows(notebook)
    if len(rows) > CELLS_MAX:
        raise SubmissionError(f"the notebook has {len(rows):,} cells, more than the {CELLS_MAX:,} allowed")
    cells = SubmittedCells(in_time([to_cell(row) for row in rows if isinstance(row, dict)]))
    refuse_unreadable(cells)
    found = data.notes if isinstance(data, SubmittedBytes) else ()
    cells.notes = (*found, *notes, *about(notebook))
    return cells


def parse(text: str, data: bytes) -> Any:
    """The notebook's JSON values, or the cells of a script as such values; SubmissionError for anything else."""
    text = without_saved(text.lstrip("\ufeff \t\r\n\0"))
    if len(text) > CHARS_MAX:
        raise SubmissionError(
            f"the notebook has more than {CHARS_MAX:,} characters besides its outputs; remove what is pasted in"
        )
    if text[:1] not in ("{", "[") and MARIMO.search(text):
        raise SubmissionError(
            "the file is a marimo notebook, whose cells run in another order than a Jupyter notebook's; ask for the "
            ".ipynb, as `marimo export ipynb FILE.py -o FILE.ipynb` writes it"
        )
    try:
        # Only the first value: a download that was resumed, or a line end too many, leaves bytes behind it.
        notebook, _ = DECODER.raw_decode(text)
    except RecursionError as error:
        raise SubmissionError("the file is not a Jupyter notebook: its values are nested too deeply") from error
    except ValueError as error:
        if is_script(text):
            return {"cells": script_rows(text), "nbformat": SCRIPT}
        raise SubmissionError(f"the file is not a Jupyter notebook: {looks_like(data, text)}") from error
    if isinstance(notebook, str) and notebook[:1] == "{":
        # Some systems store an upload as a JSON text within JSON.
        return parse(notebook, b"")
    # A script may begin like JSON, with a string for example.
    scripted = not isinstance(notebook, dict) and is_script(text)
    return {"cells": script_rows(text), "nbformat": SCRIPT} if scripted else notebook


def is_script(text: str) -> bool:
    """Whether a text that is no notebook may be Python."""
    return text[:1] not in ("{", "[", "<") and "\0" not in text[:1_000] and looks_like_script(text)


SCRIPT = "script"
MARIMO = re.compile(r"^(?:import marimo\b|from marimo import|\w+ = marimo\.App\(|@app\.cell\b)", re.MULTILINE)
"""The lines that no script but marimo's has."""
DECODER = json.JSONDecoder(strict=False, parse_int=float)
"""Line ends within strings are let through; an integer of 5,000 digits is an error only for ``int``."""


def decode(data: bytes) -> tuple[str, str]:
    """The text and its encoding: UTF-8 or UTF-16, else Latin-1, which cannot fail."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
    head = data.lstrip(b" \r\n\t")[:2] if data[:1] != b"\0" else data[:2]
    if b"\0" in head:
        return data.decode("utf-16-be" if head[:1] == b"\0" else "utf-16-le", errors="replace"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1"


def about(notebook: dict[str, Any]) -> list[str]:
    """Sentences on the format and the language that a notebook claims, when they are not the expected ones."""
    notes = []
    version = notebook.get("nbformat")
    if version == SCRIPT:
        notes.append("the file is a Python script; its cells were recovered")
    elif isinstance(version, float) and version != 4:
        notes.append(f"the notebook has nbformat {version:g} and was read as far as it resembles nbformat 4")
    if language := other_language(notebook.get("metadata")):
        notes.append(f"the notebook names {language} as its language; it was run as Python 3")
    return notes


def other_language(metadata: Any) -> str:
    """The language or kernel in a notebook's metadata if it is not Python 3, else an empty text."""
    sections = metadata if isinstance(metadata, dict) else {}
    spec, info = (s if isinstance(s, dict) else {} for s in map(sections.get, ("kernelspec", "language_info")))
    language, kernel = text(spec.get("language")) or text(info.get("name")), text(spec.get("name"))
    if language and not language.lower().startswith(("python", "ipython")):
        return language[:40]
    return kernel[:40] if re.match(r"python2|ir$|julia|xcpp", kernel, re.IGNORECASE) else ""


def in_time(cells: list[SubmittedCell]) -> Iterator[SubmittedCell]:
    """The cells; of those that are no code, the first are parsable, for solutions that were turned into text."""
    chars_left = PARSED_TEXT_MAX_CHARS
    for cell in cells:
        if cell.kind != "code":
            chars_left -= len(cell.source)
        yield cell if cell.kind == "code" or chars_left > 0 else replace(cell, parsable=False)


def refuse_unreadable(cells: SubmittedCells) -> None:
    """SubmissionError when there is no code, or more than can be read in time."""
    code = [len(cell.source) for cell in cells if cell.kind == "code"]
    if not code:
        raise SubmissionError("the notebook holds no code cell; ask the student whether it is the right file")
    if sum(code) > CODE_MAX_CHARS:
        raise SubmissionError(
            f"the code cells have {sum(code):,} characters, more than the {CODE_MAX_CHARS:,} allowed; "
            "ask the student to remove the data that is pasted into a cell"
        )


def looks_like(data: bytes, text: str) -> str:
    """The likely cause, for the person who reads the message."""
    head = data.lstrip()[:200].lower()
    for start, reason in OTHER_FILES.items():
        if head.startswith(start.lower()):
            return reason
    if re.search(r"^(?:<{7}|>{7}) ", text[:CHARS_MAX], re.MULTILINE):
        return "it holds the conflict markers of a Git merge; ask for the file as it was before"
    if text.startswith("{"):
        return "its JSON is damaged; the upload may have been cut off"
    return "it is not JSON, and no export as .py either; ask for the notebook, File > Download > .ipynb"


def cell_rows(notebook: Any) -> list[Any]:
    """The list of cells: at the top since nbformat 4, in worksheets before."""
    if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    if isinstance(notebook, dict) and isinstance(notebook.get("cells"), dict):
        return list(notebook["cells"].values())
    if isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        lists = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        return [row for rows in lists if isinstance(rows, list) for row in rows]
    raise SubmissionError("the file is JSON but not a Jupyter notebook: it has no list of cells")


def to_cell(row: dict[str, Any]) -> SubmittedCell:
    """One cell; anything of the wrong type becomes empty rather than an error."""
    metadata = row.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    nbgrader = metadata.get("nbgrader")
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return SubmittedCell(
        kind=kind_of(row),
        source=unix_lines(text(row.get("source", row.get("input")), ends="\n")),
        # Colab keeps the id of a cell in its metadata and nowhere else.
        id=(text(row.get("id")) or text(metadata.get("id")))[:ID_MAX_CHARS],
        grade_id=text(grade_id)[:ID_MAX_CHARS],
        claims={key: nbgrader[key] for key in CLAIMED if key in nbgrader} if isinstance(nbgrader, dict) else {},
    )


def kind_of(row: dict[str, Any]) -> str:
    """The kind of a cell; one that does not say is code when it has what only code cells have."""
    kind = text(row.get("cell_type")).lower()
    if kind in ("code", "markdown", "raw"):
        return kind
    return "code" if not kind and any(key in row for key in ("outputs", "execution_count", "input")) else "raw"


def text(value: Any, *, ends: str = "") -> str:
    """A string, or the joined list of lines that nbformat also allows; ``ends`` is what lines without an end get.

    Lone surrogates, which JSON can spell and UTF-8 cannot, become question marks.
    """
    if isinstance(value, list):
        lines = [line for line in value if isinstance(line, str)]
        value = ("" if any("\n" in line for line in lines) else ends).join(lines)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def unix_lines(source: str) -> str:
    """The text with line ends as Python's parser sees them."""
    return source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source
