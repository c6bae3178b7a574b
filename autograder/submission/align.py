"""Put a submission's cells back into the source notebook's frame.

Locked cells always come from the source. A solution cell is recognised by its grade id, else by its cell id,
else by the function that it defines. Cells that students added run where they stand. What cannot be told for
sure is not guessed: the grade cells concerned are named in ``Aligned.ambiguous``, for a person.
"""

import copy
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.cells import grade_id, is_grade, is_solution, judged_by
from autograder.submission.match import Matches, match, out_of_order
from autograder.submission.mend import mended
from autograder.submission.portable import portable
from autograder.submission.read import CLAIMED, SubmittedCell, SubmittedCells
from autograder.submission.sanitize import as_typed
from autograder.submission.solve import solve
from autograder.submission.syntax import assigned, functions

LIKEWISE_MAX = 20
NO_ANSWER = "(the answer is missing from this submission)"


@dataclass(frozen=True)
class Aligned:
    """A notebook that is safe to run cell by cell, and what had to be mended."""

    notebook: NotebookNode
    repairs: tuple[str, ...]
    ambiguous: dict[str, str] = field(default_factory=dict)
    """Grade cell -> why no machine can tell which solution the student meant for it."""
    unread: dict[str, str] = field(default_factory=dict)
    """Name -> why what the student wrote to bind it is not run."""


def align(source: NotebookNode, submitted: Sequence[SubmittedCell]) -> Aligned:
    """The source notebook with the student's solution cells and added cells in it, outputs empty."""
    cells, notes = mended(source, submitted)
    matches = match(source, cells)
    solutions = solve(source, cells, matches)
    added = added_cells(cells, matches, solutions.replaced)
    notebook, elsewhere = copy.deepcopy(NotebookNode(source | {"cells": []})), list[str]()
    notebook.cells = [student_cell(cells[i], elsewhere) for i in added.get(-1, [])]
    for position, cell in enumerate(source.cells):
        notebook.cells.append(framed(cell, solutions.texts.get(position), elsewhere))
        notebook.cells += [student_cell(cells[i], elsewhere) for i in added.get(position, [])]
    found = submitted.notes if isinstance(submitted, SubmittedCells) else ()
    repaired = (*found, *notes, *repairs(source, cells, matches, set(solutions.texts)), *solutions.notes, *elsewhere)
    return Aligned(
        notebook, tuple(together(repaired)), unclear(source, solutions.ambiguous), overwritten(source, cells, matches)
    )


def overwritten(source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches) -> dict[str, str]:
    """Names that a student added to locked cells, which come from the source again, and where that was."""
    names: dict[str, str] = {}
    for position, i in matches.items():
        cell, text = source.cells[position], cells[i].source
        if cell.cell_type == "code" and not is_solution(cell) and text.strip() != cell.source.strip():
            told = f"it was bound in the locked cell '{grade_id(cell)}', which had been changed and was restored"
            names |= dict.fromkeys(assigned(text) - assigned(cell.source), told)
    return names


def together(notes: Iterable[str]) -> Iterator[str]:
    """The notes, those that differ in the cell alone as one: a hundred sentences are read by nobody."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for note in notes:
        found = re.search(r"'([\w-]+)'", note)
        groups[note.replace(found[0], "''", 1) if found else note][found[0] if found else ""] = note
    for alike in groups.values():
        (_, first), *others = alike.items()
        names = ", ".join(name for name, _ in others[:LIKEWISE_MAX]) + " and more" * (len(others) > LIKEWISE_MAX)
        yield f"{first}; likewise {names}" if others else first


def unclear(source: NotebookNode, ambiguous: dict[int, str]) -> dict[str, str]:
    """Grade cells between an ambiguous solution cell and the next solution cell -> the reason."""
    reasons: dict[str, str] = {}
    for position, why in ambiguous.items():
        message = f"it is unclear which cell is '{grade_id(source.cells[position])}': {why}"
        reasons |= dict.fromkeys(judged_by(source.cells)[grade_id(source.cells[position])], message)
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


def framed(cell: NotebookNode, solution: str | None, notes: list[str]) -> NotebookNode:
    """The source's cell, holding the student's text if it is a solution cell."""
    if not is_solution(cell):
        # A cell of its own, which gets outputs; what is in it is shared and only read.
        return NotebookNode(cell)
    if cell.cell_type != "code":
        # Only a student's own words: what stands in the source is the instructor's answer.
        return NotebookNode(cell | {"source": NO_ANSWER if solution is None else as_typed(solution)})
    name = " and ".join(sorted(functions(cell.source))) or f"'{grade_id(cell)}'"
    missing = f'raise NotImplementedError("the cell with {name} is missing from this submission")'
    text = missing if solution is None else adapted(solution, f"cell '{grade_id(cell)}'", notes)
    return NotebookNode(cell | {"source": text})


def adapted(text: str, where: str, notes: list[str]) -> str:
    """The text in which a student's code is run here; what was done to it is added to the notes."""
    result = portable(text)
    notes += [f"{where}: {note}" for note in result.notes]
    return result.text


def student_cell(cell: SubmittedCell, notes: list[str]) -> Any:
    """A cell that the student added; its text is shown, never rendered."""
    if cell.kind == "code":
        return new_code_cell(adapted(cell.source, "an added cell", notes))
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
    count = Counter(submitted.grade_id for submitted in cells)
    for position, cell in enumerate(source.cells):
        name = grade_id(cell)
        if not name:
            continue
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
    if not is_solution(cell) and submitted.source.strip() != cell.source.strip():
        notes.append(f"locked cell '{name}' had been changed and was restored")
    if not is_solution(cell) and not is_grade(cell):
        return notes
    if submitted.grade_id != name:
        notes.append(f"cell '{name}' had lost its id and was recognised by its content")
    elif submitted.claims and submitted.claims != claims(cell):
        notes.append(f"nbgrader's settings of cell '{name}' had been changed and were ignored")
    if submitted.kind != cell.cell_type:
        notes.append(f"cell '{name}' had been turned into {submitted.kind}")
    return notes


def claims(cell: NotebookNode) -> dict[str, object]:
    """What the source says of a cell, as far as submissions repeat it."""
    settings = cell.metadata.get("nbgrader", {})
    return {key: settings.get(key) for key in CLAIMED if key in settings}
