"""Put a submission's cells back into the source notebook's frame.

Locked cells always come from the source. A solution cell is recognised by its grade id, else by its cell id,
else by the function that it defines. Cells that students added run where they stand. What cannot be told for
sure is not guessed: the grade cells concerned are named in ``Aligned.ambiguous``, for a person.
"""

import copy
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import is_grade, is_solution

from autograder.submission.match import Matches, grade_id, match, out_of_order, solving, wanted
from autograder.submission.mend import mended
from autograder.submission.portable import portable
from autograder.submission.read import CLAIMED, SubmittedCell, SubmittedCells
from autograder.submission.syntax import Outline, functions, outline, parsed

REMAINDERS_MAX = 8

__all__ = ["Aligned", "align", "grade_id"]


@dataclass(frozen=True)
class Aligned:
    """A notebook that is safe to run cell by cell, and what had to be mended."""

    notebook: NotebookNode
    repairs: tuple[str, ...]
    ambiguous: dict[str, str] = field(default_factory=dict)
    """Grade cell -> why no machine can tell which solution the student meant for it."""


@dataclass
class Solutions:
    """The text for each solution cell, by its position in the source, and how it was found."""

    texts: dict[int, str] = field(default_factory=dict)
    given: dict[frozenset[str], set[int]] = field(default_factory=lambda: defaultdict(set))
    """Submitted cells that a solution was taken from, by its functions: no two of the same name share one."""
    replaced: set[int] = field(default_factory=set)
    """Submitted cells that must not run where they stand: a stub would undo a solution, a moved one is placed."""
    notes: list[str] = field(default_factory=list)
    ambiguous: dict[int, str] = field(default_factory=dict)


def align(source: NotebookNode, submitted: Sequence[SubmittedCell]) -> Aligned:
    """The source notebook with the student's solution cells and added cells in it, outputs empty."""
    cells, notes = mended(source, submitted)
    matches = match(source, cells)
    solutions = solve(source, cells, matches)
    added = added_cells(cells, matches, solutions.replaced)
    notebook, elsewhere = copy.deepcopy(source), list[str]()
    notebook.cells = [c for i in added.get(-1, []) for c in student_cells(cells[i], elsewhere)]
    for position, cell in enumerate(source.cells):
        notebook.cells += framed(cell, solutions.texts.get(position), elsewhere)
        notebook.cells += [c for i in added.get(position, []) for c in student_cells(cells[i], elsewhere)]
    found = submitted.notes if isinstance(submitted, SubmittedCells) else ()
    repaired = (*found, *notes, *repairs(source, cells, matches, set(solutions.texts)), *solutions.notes, *elsewhere)
    return Aligned(notebook, tuple(together(repaired)), unclear(source, solutions.ambiguous))


def together(notes: Iterable[str]) -> Iterator[str]:
    """The notes, those that differ in the cell alone as one: a hundred sentences are read by nobody."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for note in notes:
        found = re.search(r"'([^']*)'", note)
        groups[note.replace(found[0], "''", 1) if found else note][found[0] if found else ""] = note
    for alike in groups.values():
        (_, first), *others = alike.items()
        yield f"{first}; likewise {', '.join(name for name, _ in others)}" if others else first


def solve(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches) -> Solutions:
    """The student's text for every solution cell that has one."""
    solutions = Solutions()
    for position, cell in enumerate(source.cells):
        if is_solution(cell):
            solve_cell(source, cells, matches, position, solutions)
    flag_remainders(source, cells, matches, solutions)
    solutions.replaced |= stubs(source, cells, matches)
    return solutions


def stubs(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches) -> set[int]:
    """Further copies of what was released for a solution cell: they would undo the solution above them."""
    names = frozenset().union(*map(wanted, source.cells))
    others = set(range(len(cells))) - set(matches.values())
    return {i for i in others if any(s.stub and s.names & names for s in cells[i].outline.statements)}


def solve_cell(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, position: int, solutions: Solutions
) -> None:
    """Take a cell's own text, or when that holds no solution, the only other cell that does."""
    own = matches.get(position)
    if own is not None:
        solutions.texts[position] = cells[own].source
    names = wanted(source.cells[position])
    if own is not None and cells[own].outline.solves(names):
        if differing_copies(cells, own, names):
            solutions.ambiguous[position] = "several cells with its id hold different solutions"
        return
    others = [i for i in rivals(source, cells, matches, position) if i not in solutions.given[names]]
    texts = {cells[i].source.strip() for i in others}
    if len(texts) == 1:
        take(source, cells, matches, position, others, solutions)
    elif len(texts) > 1:
        solutions.ambiguous[position] = "its own cell holds no solution, and several other cells do"
    elif why := half_lost(source, cells, matches, position, solutions):
        solutions.ambiguous[position] = why


def half_lost(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, position: int, solutions: Solutions
) -> str:
    """Why a solution that was not found may be there all the same, or an empty text."""
    names, own = wanted(source.cells[position]), matches.get(position)
    free = set(range(len(cells))) - set(matches.values()) - solutions.given[names]
    broken = [cell for cell in cells if not cell.outline.python]
    if any(cell.kind != "code" and names <= cell.outline.names - cell.outline.unsolved for cell in cells):
        return "its own cell holds no solution, and a cell of text does"
    if free.intersection(solving(source, cells, names)):
        return "its own cell holds no solution, and one that does stands among other TODOs"
    if own is None:
        return "a cell that defines it is no valid Python" if any(names <= c.outline.names for c in broken) else ""
    if cells[own].outline.python:
        return ""
    copies = (cell for cell in broken if cell.grade_id == cells[own].grade_id != "" and cell is not cells[own])
    several = sum(wanted(cell) <= cells[own].outline.names for cell in source.cells if wanted(cell)) > 1
    lost = several or next(copies, None) is not None
    return "its cell is no valid Python, and parts of it may stand elsewhere" if lost else ""


def flag_remainders(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, solutions: Solutions
) -> None:
    """Leave to a person what an indented cell without a beginning may have been cut off from.

    That is the solution before it, or where cells were moved any that it would complete.
    """
    taken = set(matches.values())
    cut_off = [i for i, cell in enumerate(cells) if i not in taken and is_remainder(cell)][:REMAINDERS_MAX]
    own = {position: matches[position] for position in solutions.texts if position in matches}
    for i in cut_off:
        before = max((o for o in own.values() if o < i), default=None)
        for position, o in own.items():
            may_be = out_of_order(matches) or o == before
            if may_be and parsed(f"{cells[o].source}\n{cells[i].source}") is not None:
                solutions.ambiguous[position] = "a cell that may be its rest stands elsewhere"


def is_remainder(cell: SubmittedCell) -> bool:
    """Whether a code cell can only be the rest of another one."""
    return cell.kind == "code" and cell.source.startswith((" ", "\t")) and not cell.outline.python


def differing_copies(cells: Sequence[SubmittedCell], own: int, names: frozenset[str]) -> bool:
    """Whether another cell with the same grade id holds another solution."""
    copies = (c for c in cells if c.grade_id == cells[own].grade_id != "" and c.outline.solves(names))
    return any(c.source.strip() != cells[own].source.strip() for c in copies)


def rivals(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, position: int) -> list[int]:
    """Other submitted cells that solve a source cell; not those that belong to a solution of the same name."""
    names = wanted(source.cells[position])
    before, after = neighbours(source, matches, position)
    frame = {
        i for p, i in matches.items() if is_untouched(source.cells[p], cells[i]) or wanted(source.cells[p]) == names
    }
    return [i for i in solving(source, cells, names) if i not in frame and before < i < after]


def is_untouched(cell: NotebookNode, submitted: SubmittedCell) -> bool:
    """Whether a cell that nobody was to change still has the source's text."""
    return not is_solution(cell) and cell.source.strip() == submitted.source.strip()


def neighbours(source: NotebookNode, matches: Matches, position: int) -> tuple[int, int]:
    """Submitted positions between which a cell can only mean this one of several solutions of the same name."""
    if out_of_order(matches):
        return -1, 10**9
    same = [p for p in matches if p != position and is_solution(source.cells[p])]
    twins = [p for p in same if wanted(source.cells[p]) == wanted(source.cells[position])]
    before = max((matches[p] for p in twins if p < position), default=-1)
    after = min((matches[p] for p in twins if p > position), default=10**9)
    return before, after


def take(
    source: NotebookNode,
    cells: Sequence[SubmittedCell],
    matches: Matches,
    position: int,
    others: list[int],
    solutions: Solutions,
) -> None:
    """Put another cell's text in place of a stub or a missing cell, and say so."""
    name = grade_id(source.cells[position])
    solutions.texts[position] = cells[others[0]].source
    solutions.given[wanted(source.cells[position])] |= set(others)
    solutions.replaced |= set(others) - set(matches.values())
    solutions.notes.append(f"the solution of '{name}' stood in another cell and was put in its place")


def unclear(source: NotebookNode, ambiguous: dict[int, str]) -> dict[str, str]:
    """Grade cells between an ambiguous solution cell and the next solution cell -> the reason."""
    reasons: dict[str, str] = {}
    for position, why in ambiguous.items():
        following = itertools.takewhile(lambda cell: not is_solution(cell), source.cells[position + 1 :])
        message = f"it is unclear which cell is '{grade_id(source.cells[position])}': {why}"
        reasons |= {grade_id(cell): message for cell in following if is_grade(cell)}
    return reasons


def added_cells(cells: Sequence[SubmittedCell], matches: Matches, replaced: set[int]) -> dict[int, list[int]]:
    """Position of the source cell before it (-1 for the start) -> the added cells that follow it."""
    positions = {submitted: position for position, submitted in matches.items()}
    added: dict[int, list[int]] = {}
    anchor = -1
    for i, cell in enumerate(cells):
        if i in positions:
            anchor = positions[i]
        elif cell.source.strip() and i not in replaced:
            added.setdefault(anchor, []).append(i)
    return added


def framed(cell: NotebookNode, solution: str | None, notes: list[str]) -> Iterator[NotebookNode]:
    """The source's cell, holding the student's text if it is a solution cell; what must run apart stands around it."""
    if not is_solution(cell):
        yield copy.deepcopy(cell)
        return
    name = " and ".join(sorted(functions(cell.source)))
    missing = f'raise NotImplementedError("the cell with {name} is missing from this submission")'
    pieces = adapted(missing if solution is None else solution, f"cell '{grade_id(cell)}'", notes)
    own = max((i for i, piece in enumerate(pieces) if outline(piece).names & wanted(cell)), default=len(pieces) - 1)
    for i, piece in enumerate(pieces):
        yield NotebookNode(copy.deepcopy(cell) | {"source": piece}) if i == own else new_code_cell(piece)


def adapted(text: str, where: str, notes: list[str], known: Outline | None = None) -> tuple[str, ...]:
    """The pieces in which a student's code is run here; what was done to it is added to the notes."""
    result = portable(text, known)
    notes += [f"{where}: {note}" for note in result.notes]
    return result.pieces


def student_cells(cell: SubmittedCell, notes: list[str]) -> list[Any]:
    """A cell that the student added; its text is shown, never rendered."""
    if cell.kind == "code":
        return [new_code_cell(piece) for piece in adapted(cell.source, "an added cell", notes, cell.outline)]
    fence = "`" * (longest_run(cell.source, "`") + 3)
    return [new_markdown_cell(f"{fence}text\n{cell.source}\n{fence}")]


def longest_run(source: str, character: str) -> int:
    """Length of the longest run of one character."""
    longest = run = 0
    for found in source:
        run = run + 1 if found == character else 0
        longest = max(longest, run)
    return longest


def repairs(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, solved: set[int]
) -> tuple[str, ...]:
    """One sentence per cell that was missing, copied, found by other means than its id, or changed although locked."""
    notes = []
    count = Counter(submitted.grade_id for submitted in cells)
    for position, cell in enumerate(source.cells):
        if not is_solution(cell) and not is_grade(cell):
            continue
        name = grade_id(cell)
        if position not in matches:
            if position not in solved:
                notes.append(f"cell '{name}' is missing" + ("" if is_solution(cell) else " and was restored"))
            continue
        notes += changes(cell, cells[matches[position]])
        if count[name] > 1:
            notes.append(f"there are several cells with the id '{name}'")
    if out_of_order(matches):
        notes.append("cells had been moved and were put back in order")
    return tuple(notes)


def changes(cell: NotebookNode, submitted: SubmittedCell) -> list[str]:
    """One sentence per thing that a student's editor, or the student, did to a cell of the frame."""
    name, notes = grade_id(cell), []
    if submitted.grade_id != name:
        notes.append(f"cell '{name}' had lost its id and was recognised by its content")
    elif submitted.claims and submitted.claims != claims(cell):
        notes.append(f"nbgrader's settings of cell '{name}' had been changed and were ignored")
    if submitted.kind != cell.cell_type:
        notes.append(f"cell '{name}' had been turned into {submitted.kind}")
    if is_grade(cell) and submitted.source.strip() != cell.source.strip():
        notes.append(f"locked cell '{name}' had been changed and was restored")
    return notes


def claims(cell: NotebookNode) -> dict[str, object]:
    """What the source says of a cell, as far as submissions repeat it."""
    settings = cell.metadata.get("nbgrader", {})
    return {key: settings.get(key) for key in CLAIMED if key in settings}
