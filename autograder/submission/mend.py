"""Put cells right before they are matched: join what was split, cut what was merged, forget false ids."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.submission.match import grade_id, own_statements, wanted
from autograder.submission.read import SubmittedCell
from autograder.submission.syntax import outline, parsed, source_lines

JOINED_MAX = 60
"""Attempts to join; each parses two cells again."""
PARTS_MAX = 4
"""Cells that one function may have been split into."""


def mended(source: NotebookNode, cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells to be matched, and a sentence for everything that was done to them."""
    joined, splits = rejoined(cells)
    believed, strangers = believable(source, joined)
    apart, merges = cut_apart(source, believed)
    return apart, [*splits, *strangers, *merges]


def rejoined(cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells, those that were cut inside a statement put together again, and a sentence for each."""
    whole: list[SubmittedCell] = []
    notes: list[str] = []
    rest, attempts = list(reversed(cells)), JOINED_MAX
    while rest:
        cell = rest.pop()
        while attempts and (count := continued(cell, rest[: -PARTS_MAX - 1 : -1])):
            attempts -= 1
            if not (joined := join(cell, rest[: -count - 1 : -1])):
                break
            del rest[-count:]
            cell = joined
            notes.append(f"a cell that had been split inside a function was joined ('{cell.grade_id or cell.id}')")
        whole.append(cell)
    return whole, notes


def continued(cell: SubmittedCell, following: Sequence[SubmittedCell]) -> int:
    """How many of the following cells complete this one, or are its rest; 0 when it stands for itself."""
    if cell.kind != "code" or not following or following[0].kind != "code" or following[0].outline.python:
        return 0
    text = cell.source
    for count, other in enumerate(following, start=1):
        if other.kind != "code" or other.grade_id not in ("", cell.grade_id or other.grade_id):
            return 0
        text += f"\n{other.source}"
        if parsed(text) is not None:
            return count
    return 0


def join(cell: SubmittedCell, others: Sequence[SubmittedCell]) -> SubmittedCell:
    """One cell with the text of several and the first grade id among them."""
    texts = [cell.source, *(other.source for other in others)]
    named = next((c for c in (cell, *others) if c.grade_id), cell)
    return replace(named, source="\n".join(texts))


def believable(source: NotebookNode, cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells without grade ids that the source does not know, or that stand on another cell's text."""
    frame = {grade_id(cell): cell for cell in source.cells if grade_id(cell)}
    right = {c.grade_id for c in cells if c.grade_id in frame and is_right(frame[c.grade_id], c)}
    asked = {names for names in map(wanted, source.cells) if names}
    locked = {cell.source.strip() for cell in source.cells if not is_solution(cell)}
    strange, misplaced, believed = 0, 0, []
    for cell in cells:
        known = cell.grade_id in frame
        credible = not cell.grade_id or (known and is_credible(frame[cell.grade_id], cell, right, asked, locked))
        strange += not credible and not known
        misplaced += not credible and known
        believed.append(cell if credible else replace(cell, grade_id="", claims={}, id=""))
    notes = [f"{strange} cells had nbgrader ids that this assignment does not know"] if strange else []
    return believed, notes + ([f"{misplaced} cells had the nbgrader id of another cell"] if misplaced else [])


def is_right(meant: NotebookNode, cell: SubmittedCell) -> bool:
    """Whether a cell is beyond doubt what its grade id says."""
    if is_solution(meant):
        return cell.outline.solves(wanted(meant))
    return cell.source.strip() == str(meant.source).strip()


def is_credible(
    meant: NotebookNode, cell: SubmittedCell, right: set[str], asked: set[frozenset[str]], locked: set[str]
) -> bool:
    """Whether a cell may be what its grade id says: not if another one surely is, or if it surely is another."""
    if is_right(meant, cell):
        return True
    solves_another = cell.kind == "code" and any(map(cell.outline.solves, asked))
    return cell.grade_id not in right and not solves_another and cell.source.strip() not in locked


def cut_apart(source: NotebookNode, cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells, those that hold the solutions of several cut before each, and a sentence for each."""
    asked = [(grade_id(cell), wanted(cell)) for cell in source.cells if wanted(cell)]
    solved = {name for name, names in asked if any(c.grade_id == name and c.outline.solves(names) for c in cells)}
    apart: list[SubmittedCell] = []
    notes = []
    for cell in cells:
        needed = [names for name, names in asked if name not in solved and name != cell.grade_id]
        texts = pieces(cell, [names for _, names in asked]) if any(map(cell.outline.solves, needed)) else []
        if len(texts) > 1:
            texts = [without_locked(source, text) for text in texts]
            notes.append(f"a cell that held {len(texts)} solutions was divided")
            apart += owned(cell, texts, dict(asked).get(cell.grade_id, frozenset()))
        else:
            apart.append(cell)
    return apart, notes


def owned(cell: SubmittedCell, texts: Sequence[str], names: frozenset[str]) -> Iterator[SubmittedCell]:
    """A cell for each text; the cell's own ids stay with the first that solves what they stand for."""
    mine = next((i for i, text in enumerate(texts) if outline(text).solves(names)), None)
    for i, text in enumerate(texts):
        yield replace(cell, source=text) if i == mine else replace(cell, source=text, grade_id="", claims={}, id="")


def pieces(cell: SubmittedCell, asked: Sequence[frozenset[str]]) -> list[str]:
    """The text cut before each definition, but the first, of a function that the source asks for."""
    names = frozenset().union(*asked)
    found = [s for s in cell.outline.statements if s.names & names and s.defines]
    lines = source_lines(cell.source)
    edges = [0, *(s.start for s in found[1:]), len(lines)]
    return ["".join(lines[a:b]) for a, b in itertools.pairwise(edges)]


def without_locked(source: NotebookNode, text: str) -> str:
    """The text without statements that stand in the source's locked cells, which run anyway."""
    locked = {statement.text for statement in own_statements(source)}
    lines = source_lines(text)
    return "".join("".join(lines[s.start : s.end]) for s in outline(text).statements if s.text not in locked)
