"""Several notebooks in one submission: which is graded, and where another one leaves that to a person.

The rule, for each solution cell. What a notebook has there are its statements, less the released ones and stubs.

1. The notebook of the expected name is graded; without one, that which has most of the homework.
2. A notebook is a rival where it has a statement of its own, that is one which the graded notebook lacks. A copy, an
   earlier state and the untouched release are no rivals: they have nothing of their own.
3. The TODOs of a cell with a rival wait for a person, who is told both names. All others are judged.
4. Where the graded notebook has something, only a notebook of this homework can be a rival: one with at least half of
   the solution cells. Where it has nothing, any file that defines the function can, a script too.

So a companion notebook, another homework or an empty ``Untitled.ipynb`` costs nothing, and no exercise is a zero while
a solution of it lies beside the notebook that was read.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograder.cells import SOLUTION_REGION, grade_id, is_code_solution, judged_by
from autograder.errors import SubmissionError
from autograder.submission.archive import printable
from autograder.submission.find import (
    SeveralMeant,
    SubmittedBytes,
    bare_name,
    contents,
    first_names,
    read_bytes,
    renamed,
)
from autograder.submission.match import match, wanted
from autograder.submission.mend import mended
from autograder.submission.read import SubmittedCell, decode, parse_cells
from autograder.submission.solve import solve
from autograder.submission.syntax import Outline, outline

COMPARED_MAX = 12
"""Files that define a function of the homework; further ones count as rivals that nobody has read."""
COMPARED_MAX_BYTES = 100_000_000
DEFINED = re.compile(r"\bdef[ \t]+(\w+)")
UNREAD = frozenset(("something that could not be read",))

Work = dict[int, frozenset[str]]
"""Position of a solution cell in the source -> the statements that a notebook has there."""


@dataclass(frozen=True)
class Version:
    """One file of a submission, by what it has in the solution cells."""

    path: Path
    work: Work
    cells: frozenset[int] = frozenset()
    """Solution cells that it has, with or without work in them."""

    @property
    def amount(self) -> int:
        """How many solution cells hold something."""
        return sum(map(bool, self.work.values()))


@dataclass(frozen=True)
class Compared:
    """What the other files of a submission mean for the one that is graded."""

    ambiguous: dict[str, str] = field(default_factory=dict)
    """Grade cell -> why a person decides."""
    notes: tuple[str, ...] = ()


def read_graded(path: Path, source: NotebookNode) -> SubmittedBytes:
    """The bytes of the notebook to be graded; SubmissionError says why when there are none to be had."""
    try:
        return read_bytes(path)
    except SeveralMeant as error:
        found = [version(source, file, contents(file)) for file in error.files[:COMPARED_MAX]]
        alike = sorted(
            found, key=lambda v: (-v.amount, -len(v.cells), bare_name(v.path.name) != bare_name(path.name), v.path)
        )
        if not alike[0].cells:
            raise
        data = contents(alike[0].path)
        data.notes = (renamed(alike[0].path, path),)
        data.others = tuple(file for file in error.files if file != alike[0].path)
        return data


def compared(source: NotebookNode, graded: SubmittedBytes, cells: Sequence[SubmittedCell]) -> Compared:
    """Where other files of the submission hold something else than the graded one."""
    books = [path for path in graded.others if path.suffix.lower() == ".ipynb"]
    if graded.path is None or not graded.others:
        return Compared()
    mine = version_of(source, graded.path, cells)
    found = list(other_versions(source, graded.others, mine))
    reasons: dict[str, str] = {}
    for position in (p for p, cell in enumerate(source.cells) if is_code_solution(cell)):
        rivals = [other for other in found if is_rival(source, mine, other, position)]
        if rivals:
            why = sentence(grade_id(source.cells[position]), mine, rivals, position)
            reasons |= dict.fromkeys(judged_by(source.cells)[grade_id(source.cells[position])], why)
    note = f"other notebooks beside it were not graded: {first_names([printable(path.name) for path in books])}"
    return Compared(reasons, (note,) if books else ())


def is_rival(source: NotebookNode, mine: Version, other: Version, position: int) -> bool:
    """Whether another file has a statement of its own for a solution cell."""
    own = other.work.get(position, frozenset()) - mine.work.get(position, frozenset())
    half = sum(bool(wanted(cell)) for cell in source.cells) / 2
    belongs = other.path.suffix.lower() == ".ipynb" and len(other.cells) >= half
    return bool(own) and (belongs or not mine.work.get(position))


def sentence(name: str, mine: Version, rivals: Sequence[Version], position: int) -> str:
    """Why a person decides, with the names of the files."""
    graded = printable(mine.path.name)
    others = first_names([seen_from(rival.path, mine.path) for rival in rivals])
    if mine.work.get(position):
        return f"{graded} and {others} hold different solutions of '{name}'; a person decides which one counts"
    return f"{graded} holds nothing for '{name}' and {others} does; a person decides which one counts"


def seen_from(path: Path, beside: Path) -> str:
    """A file's name as seen from another one."""
    below = path.is_relative_to(beside.parent)
    return printable(path.relative_to(beside.parent).as_posix() if below else path.name)


def other_versions(source: NotebookNode, paths: Sequence[Path], mine: Version) -> Iterator[Version]:
    """The other files that define a function of the homework; those that cannot be read count as holding it all."""
    left, left_bytes = COMPARED_MAX, COMPARED_MAX_BYTES
    complete = all(mine.work.get(p) for p, cell in enumerate(source.cells) if wanted(cell))
    # Scripts count only where the graded notebook has nothing.
    for path in (p for p in paths if not complete or p.suffix.lower() == ".ipynb"):
        size = path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
        data = readable(path) if left and size <= left_bytes else None
        if data is None:
            yield unread(source, path)
            continue
        left_bytes -= size
        if defined(source, data):
            left -= 1
            yield version(source, path, data)


def readable(path: Path) -> bytes | None:
    """A file's bytes, none for a link or a pipe, which are nobody's notebook; None when it may not be read."""
    if path.is_symlink() or not path.is_file():
        return b""
    try:
        return contents(path)
    except SubmissionError:
        return None


def defined(source: NotebookNode, data: bytes) -> bool:
    """Whether a function of the homework is named anywhere in a file."""
    text = decode(data)[0]
    return any(name in text for cell in source.cells for name in wanted(cell))


def version(source: NotebookNode, path: Path, data: bytes) -> Version:
    """What a file has in the solution cells; of one that cannot be read, the functions that its text defines."""
    try:
        return version_of(source, path, parse_cells(data))
    except SubmissionError:
        text = decode(data)[0].replace("\\n", "\n")
        return unread(source, path, frozenset(DEFINED.findall(text)))


def unread(source: NotebookNode, path: Path, only: frozenset[str] | None = None) -> Version:
    """A file that may hold anything, or some functions, for all that is known."""
    positions = (p for p, c in enumerate(source.cells) if is_code_solution(c) and (only is None or wanted(c) & only))
    return Version(path, dict.fromkeys(positions, UNREAD))


def version_of(source: NotebookNode, path: Path, submitted: Sequence[SubmittedCell]) -> Version:
    """What these cells have in the solution cells."""
    cells, _ = mended(source, submitted)
    solutions = solve(source, cells, match(source, cells))
    found = {p: outline(text) for p, text in solutions.texts.items() if outline(text).names & wanted(source.cells[p])}
    work = {p: statements(source.cells[p], known, solutions.texts[p]) for p, known in found.items()}
    return Version(path, work | dict.fromkeys(solutions.ambiguous, UNREAD), frozenset(found))


def statements(cell: NotebookNode, known: Outline, text: str) -> frozenset[str]:
    """The statements of a solution cell that the student wrote, without comments and spacing."""
    if not known.python:
        return frozenset((text.strip(),))
    released = {normal(s.text) for s in outline(SOLUTION_REGION.sub("pass", cell.source)).statements if not s.names}
    return frozenset(normal(s.text) for s in known.statements if not s.stub) - released


def normal(text: str) -> str:
    """A statement as Python writes it."""
    try:
        return ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return text.strip()
