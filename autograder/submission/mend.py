"""Put cells right before they are matched: join what was split, cut what was merged, forget false ids."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nbformat import NotebookNode

from autograder.cells import grade_id, is_solution
from autograder.submission.match import own_statements, wanted
from autograder.submission.read import SubmittedCell
from autograder.submission.syntax import outline, parsed, source_lines

JOINED_MAX_CHARS = 500_000
"""Parsed in all attempts to join cells together: up to 0.4 s."""
SPLIT_CELLS_MAX = 4
"""Cells that one function may have been split into."""


def mended(source: NotebookNode, cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells to be matched, and a sentence for everything that was done to them."""
    believed, strangers = believable(source, cells)
    locked = {cell.source.strip() for cell in source.cells if not is_solution(cell)}
    joined, splits = rejoined(believed, locked)
    apart, merges = cut_apart(source, [without_stubs(cell) for cell in joined])
    return apart, [*strangers, *splits, *merges]


def without_stubs(cell: SubmittedCell) -> SubmittedCell:
    """The cell without released stubs of functions that it solves as well: the last of them would count."""
    known = cell.outline
    undone = [s for s in known.statements if s.stub and not s.names & known.unsolved]
    if not undone:
        return cell
    lines = source_lines(cell.source)
    for statement in undone:
        lines[statement.start : statement.end] = [""] * (statement.end - statement.start)
    return replace(cell, source="".join(lines))


def rejoined(cells: Sequence[SubmittedCell], locked: set[str]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells, those that were cut inside a statement put together again, and a sentence for each.

    A cell with the text of a locked one is whole, even if what follows it would parse as its rest.
    """
    whole: list[SubmittedCell] = []
    notes: list[str] = []
    rest, chars_left = list(reversed(cells)), JOINED_MAX_CHARS
    while rest:
        cell = rest.pop()
        while chars_left > 0 and cell.source.strip() not in locked:
            count, chars = continued(cell, rest[: -SPLIT_CELLS_MAX - 1 : -1])
            chars_left -= chars
            if not count:
                break
            cell = join(cell, rest[: -count - 1 : -1])
            del rest[-count:]
            notes.append(f"a cell that had been split inside a function was joined ('{cell.grade_id or cell.id}')")
        whole.append(cell)
    return whole, notes


def continued(cell: SubmittedCell, following: Sequence[SubmittedCell]) -> tuple[int, int]:
    """How many of the following cells are the rest of this one, 0 when it stands for itself; and what was parsed."""
    if cell.kind != "code" or not following or following[0].kind != "code" or following[0].outline.python:
        return 0, 0
    if cell.outline.python and following[0].source.lstrip("\n")[:1] not in (" ", "\t"):
        return 0, 0
    text, chars = cell.source, 0
    for count, other in enumerate(following, start=1):
        if other.kind != "code" or other.grade_id not in ("", cell.grade_id or other.grade_id):
            break
        text += f"\n{other.source}"
        chars += len(text)
        if chars > JOINED_MAX_CHARS or parsed(text) is not None:
            return (count if chars <= JOINED_MAX_CHARS else 0), chars
    return 0, chars


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
    strange, misplaced, believed = 0, list[str](), []
    for cell in cells:
        known = cell.grade_id in frame
        credible = not cell.grade_id or (known and is_credible(frame[cell.grade_id], cell, right, asked, locked))
        strange += not credible and not known
        misplaced += [cell.grade_id] if known and not credible else []
        believed.append(cell if credible else nameless(cell))
    doubtful = {wanted(frame[name]) for name in misplaced if is_twin(source, frame[name])}
    if doubtful:
        believed = [nameless(c) if c.grade_id and wanted(frame[c.grade_id]) in doubtful else c for c in believed]
    notes = [f"{strange} cells had nbgrader ids that this assignment does not know"] if strange else []
    return believed, notes + ([f"{len(misplaced)} cells had the nbgrader id of another cell"] if misplaced else [])


def nameless(cell: SubmittedCell) -> SubmittedCell:
    """The cell without its grade id, and without the cell id that mostly repeats it."""
    return replace(cell, grade_id="", claims={}, id="")


def is_twin(source: NotebookNode, cell: NotebookNode) -> bool:
    """Whether other solution cells ask for the same functions: then no text can prove an id right."""
    names = wanted(cell)
    return bool(names) and sum(wanted(other) == names for other in source.cells) > 1


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
