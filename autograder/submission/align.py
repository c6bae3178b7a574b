"""Put a submission's cells back into the source notebook's frame.

Locked cells always come from the source. A solution cell is recognised by its grade id, else by its cell id,
else by the function that it defines. Cells that students added run where they stand. What cannot be told for
sure is not guessed: the grade cells concerned are named in ``Aligned.ambiguous``, for a person.
"""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import is_grade, is_solution

from autograder.submission.match import Matches, grade_id, match, wanted
from autograder.submission.read import CLAIMED, SubmittedCell
from autograder.submission.syntax import continues, functions, parts, solves

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
    replaced: set[int] = field(default_factory=set)
    """Submitted cells that must not run where they stand: a stub would undo a solution, a moved one is placed."""
    notes: list[str] = field(default_factory=list)
    ambiguous: dict[int, str] = field(default_factory=dict)


def align(source: NotebookNode, cells: Sequence[SubmittedCell]) -> Aligned:
    """The source notebook with the student's solution cells and added cells in it, outputs empty."""
    cells, notes = rejoined(cells)
    matches = match(source, cells)
    solutions = solve(source, cells, matches)
    added = added_cells(cells, matches, solutions.replaced)
    notebook = copy.deepcopy(source)
    notebook.cells = [student_cell(cells[i]) for i in added.get(-1, [])]
    for position, cell in enumerate(source.cells):
        notebook.cells.append(framed(cell, solutions.texts.get(position)))
        notebook.cells += [student_cell(cells[i]) for i in added.get(position, [])]
    repaired = (*notes, *repairs(source, cells, matches, set(solutions.texts)), *solutions.notes)
    return Aligned(notebook, repaired, unclear(source, solutions.ambiguous))


def rejoined(cells: Sequence[SubmittedCell]) -> tuple[list[SubmittedCell], list[str]]:
    """The cells, those that were cut inside a function put together again, and a sentence for each."""
    whole: list[SubmittedCell] = []
    notes = []
    for cell in cells:
        last = whole[-1] if whole else None
        if last and last.kind == cell.kind == "code" and continues(last.source, cell.source):
            whole[-1] = replace(last, source=f"{last.source}\n{cell.source}")
            notes.append(f"a cell that had been split inside a function was joined ('{last.grade_id or last.id}')")
        else:
            whole.append(cell)
    return whole, notes


def solve(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches) -> Solutions:
    """The student's text for every solution cell that has one."""
    solutions = Solutions()
    for position, cell in enumerate(source.cells):
        if is_solution(cell):
            solve_cell(source, cells, matches, position, solutions)
    divide(source, solutions)
    return solutions


def solve_cell(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, position: int, solutions: Solutions
) -> None:
    """Take a cell's own text, or when that holds no solution, the only other cell that does."""
    own = matches.get(position)
    if own is not None:
        solutions.texts[position] = cells[own].source
    names = wanted(source.cells[position])
    others = rivals(source, cells, matches, position)
    texts = {cells[i].source.strip() for i in others}
    if own is not None and solves(cells[own].source, names):
        copies = [i for i in others if cells[i].grade_id == cells[own].grade_id != ""]
        if {cells[i].source.strip() for i in copies} - {cells[own].source.strip()}:
            solutions.ambiguous[position] = "several cells with its id hold different solutions"
    elif len(texts) == 1 and not keeps_running(own, cells, others):
        take(source, cells, matches, position, others, solutions)
    elif len(texts) > 1:
        solutions.ambiguous[position] = "its own cell holds no solution, and several other cells do"


def keeps_running(own: int | None, cells: Sequence[SubmittedCell], others: list[int]) -> bool:
    """Whether a function that was only begun in its own cell is the student's last word, however wrong."""
    return own is not None and bool(cells[own].grade_id) and not others


def rivals(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, position: int) -> list[int]:
    """Other submitted cells that solve a source cell; not those that belong to a solution of the same name."""
    names = wanted(source.cells[position])
    before, after = neighbours(source, matches, position)
    frame = {i for p, i in matches.items() if not is_solution(source.cells[p]) or wanted(source.cells[p]) == names}
    return [
        i
        for i, cell in enumerate(cells)
        if i not in frame and before < i < after and cell.kind == "code" and solves(cell.source, names)
    ]


def neighbours(source: NotebookNode, matches: Matches, position: int) -> tuple[int, int]:
    """Submitted positions between which a cell can only mean this one of several solutions of the same name."""
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
    solutions.replaced |= set(others) - set(matches.values())
    solutions.notes.append(f"the solution of '{name}' stood in another cell and was put in its place")


def divide(source: NotebookNode, solutions: Solutions) -> None:
    """Give each of several solutions of the same name its own definition, when one cell holds them all."""
    groups = itertools.groupby(sorted((sorted(wanted(c)), p) for p, c in enumerate(source.cells) if is_solution(c)))
    by_name: dict[tuple[str, ...], list[int]] = {}
    for (names, position), _ in groups:
        by_name.setdefault(tuple(names), []).append(position)
    for names_, positions in by_name.items():
        held = [p for p in positions if p in solutions.texts]
        pieces = parts(solutions.texts[held[0]], names_[0]) if len(held) == 1 and len(names_) == 1 else []
        if len(positions) > 1 and len(pieces) == len(positions):
            solutions.texts |= dict(zip(positions, pieces, strict=True))
            solutions.notes.append(f"a cell with {len(pieces)} definitions of {names_[0]} was divided")


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


def framed(cell: NotebookNode, solution: str | None) -> NotebookNode:
    """The source's cell, holding the student's text if it is a solution cell."""
    cell = copy.deepcopy(cell)
    if is_solution(cell):
        name = " and ".join(sorted(functions(cell.source)))
        missing = f'raise NotImplementedError("the cell with {name} is missing from this submission")'
        cell.source = missing if solution is None else solution
    return cell


def student_cell(cell: SubmittedCell) -> Any:
    """A cell that the student added; its text is shown, never rendered."""
    if cell.kind == "code":
        return new_code_cell(cell.source, id=new_code_cell().id)
    fence = "`" * (longest_run(cell.source, "`") + 3)
    return new_markdown_cell(f"{fence}text\n{cell.source}\n{fence}")


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
    for position, cell in enumerate(source.cells):
        if not is_solution(cell) and not is_grade(cell):
            continue
        name = grade_id(cell)
        if position not in matches:
            if position not in solved:
                notes.append(f"cell '{name}' is missing" + ("" if is_solution(cell) else " and was restored"))
            continue
        notes += changes(cell, cells[matches[position]])
        if sum(submitted.grade_id == name for submitted in cells) > 1:
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


def out_of_order(matches: Matches) -> bool:
    """Whether the recognised cells stand in another order than in the source."""
    order = [matches[position] for position in sorted(matches)]
    return order != sorted(order)
