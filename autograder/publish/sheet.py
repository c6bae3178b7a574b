"""A table that another program wrote and will read again: single cells are changed, every other byte stays.

Python's csv module tells what a cell holds but not how it was written: quoting, byte order mark, line ends and bytes of
no encoding would be lost. So cells are held as they stand in the file.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError
from autograder.text import short_name

MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
SEPARATORS = "\t;,"
QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')
SHEET_MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class RawCell:
    """A cell as it stands in the file, and what ends it: a separator, the end of the line, or nothing."""

    raw: str
    end: str

    @property
    def value(self) -> str:
        """What the cell holds."""
        found = QUOTED.match(self.raw)
        return found[1].replace('""', '"') + self.raw[found.end() :] if found else self.raw


@dataclass
class Sheet:
    """The lines of a file; cells are changed with ``write``, lines are left out of ``data`` with ``leave_out``."""

    path: Path
    mark: bytes
    encoding: str
    separator: str
    lines: list[list[RawCell]]

    @classmethod
    def read(cls, path: Path) -> "Sheet":
        """The table in a file; UsageError when it is none."""
        data = bytes_of(path)
        mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
        encoding = MARKS.get(mark) or ("utf-16-le" if data[1:2] == b"\0" else "utf-8")
        try:
            text = data[len(mark) :].decode(encoding, how(encoding))
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} begins like {encoding} and is cut off or damaged; download it again") from error
        separator = max(SEPARATORS, key=lambda one: len(first_line(path, text, one)))
        return cls(path, mark, encoding, separator, raw_lines(path, text, separator))

    def values(self, line: int) -> list[str]:
        """What the cells of a line hold."""
        return [cell.value for cell in self.lines[line]]

    def value(self, line: int, column: int) -> str:
        """What a cell holds; an empty text where the line is shorter."""
        cells = self.lines[line]
        return cells[column].value if column < len(cells) else ""

    def write(self, line: int, column: int, text: str) -> None:
        """Put another text into a cell, quoted if the old one was or the text needs it."""
        cells = self.lines[line]
        if column >= len(cells):
            raise UsageError(f"line {line + 1} of {self.path} has fewer cells than its first line; download it again")
        old = cells[column]
        quoted = old.raw.startswith('"') or re.search(f'[{self.separator}"\r\n]', text)
        escaped = text.replace('"', '""')
        cells[column] = RawCell(f'"{escaped}"' if quoted else text, old.end)

    def data(self, leave_out: Sequence[int] = ()) -> bytes:
        """The file's bytes, without these lines."""
        gone = set(leave_out)
        kept = [cells for number, cells in enumerate(self.lines) if number not in gone]
        text = "".join(cell.raw + cell.end for cells in kept for cell in cells)
        return self.mark + text.encode(self.encoding, how(self.encoding))


def how(encoding: str) -> str:
    """The error handler with which every byte comes back as it was."""
    return "surrogateescape" if encoding == "utf-8" else "surrogatepass"


def bytes_of(path: Path) -> bytes:
    """The bytes of a file that should be a table."""
    try:
        if path.stat().st_size > SHEET_MAX_BYTES:
            raise UsageError(f"{path} is too large for a table of grades; name the file that the platform exported")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); name the file that the platform exported"
        ) from None
    if data.startswith(b"PK\x03\x04"):
        raise UsageError(f"{path} is an Excel workbook or a zip archive; have the platform export a CSV file")
    if not data.strip():
        raise UsageError(f"{path} is empty; have the platform export it again")
    return data


def cell_pattern(separator: str) -> re.Pattern[str]:
    """A cell, and what ends it."""
    rest = rf"[^{separator}\r\n]*+"
    return re.compile(rf"((?:{QUOTED.pattern})?{rest})({separator}|\r\n|\n|\r|\Z)")


def first_line(path: Path, text: str, separator: str) -> list[RawCell]:
    """The cells of the first line."""
    return next(iter(raw_lines(path, text, separator, most=1)), [])


def raw_lines(path: Path, text: str, separator: str, most: int | None = None) -> list[list[RawCell]]:
    """All cells of a text by line; UsageError when a quotation mark is never closed."""
    pattern = cell_pattern(separator)
    lines: list[list[RawCell]] = []
    cells: list[RawCell] = []
    place = 0
    while (place < len(text) or cells) and len(lines) != most:
        found = pattern.match(text, place)
        if found is None or (found[1].startswith('"') and not QUOTED.match(found[1])):
            start = short_name(text[place : place + 40])
            raise UsageError(f"line {len(lines) + 1} of {path}: a quotation mark is never closed in {start}")
        cells.append(RawCell(found[1], found[3]))
        place = found.end()
        if found[3] != separator:
            lines.append(cells)
            cells = []
    return lines
