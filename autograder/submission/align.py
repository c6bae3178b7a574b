"""Put a submission's cells back into the source notebook's frame.

Locked cells always come from the source. A solution cell is recognised by its grade id, else by its cell id,
else by the function that it defines. Cells that students added run where they stand.
"""

import ast
import copy
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import is_grade, is_solution

from autograder.submission.read import SubmittedCell


@dataclass(frozen=True)
class Aligned:
    """A notebook that is safe to run cell by cell, and what had to be mended."""

    notebook: NotebookNode
    repairs: tuple[str, ...]


def align(source: NotebookNode, cells: list[SubmittedCell]) -> Aligned:
    """The source notebook with the student's solution cells and added cells in it, outputs empty."""
    matches = match(source, cells)
    added = added_cells(source, cells, matches)
    notebook = copy.deepcopy(source)
    notebook.cells = [student_cell(cells[i]) for i in added.get(-1, [])]
    for position, cell in enumerate(source.cells):
        notebook.cells.append(framed(cell, cells, matches.get(position)))
        notebook.cells += [student_cell(cells[i]) for i in added.get(position, [])]
    return Aligned(notebook, repairs(source, cells, matches))


def match(source: NotebookNode, cells: list[SubmittedCell]) -> dict[int, int]:
    """Position in the source -> position in the submission, each used once."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for claims in (by_grade_id, by_cell_id, by_function, by_text):
        for position, cell in enumerate(source.cells):
            if position in found:
                continue
            for i, submitted in enumerate(cells):
                if i not in taken and claims(cell, submitted):
                    found[position] = i
                    taken.add(i)
                    break
    return found


def grade_id(cell: NotebookNode) -> str:
    """The cell's nbgrader grade id, or an empty text."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def by_grade_id(cell: NotebookNode, submitted: SubmittedCell) -> bool:
    """The same nbgrader id and kind of cell."""
    return bool(grade_id(cell)) and grade_id(cell) == submitted.grade_id and cell.cell_type == submitted.kind


def by_cell_id(cell: NotebookNode, submitted: SubmittedCell) -> bool:
    """The same nbformat 4.5 id, on a cell that does not claim another grade id."""
    return cell.get("id") == submitted.id and submitted.grade_id in ("", grade_id(cell))


def by_function(cell: NotebookNode, submitted: SubmittedCell) -> bool:
    """For solution cells: the same top-level functions are defined."""
    if not is_solution(cell) or submitted.kind != "code" or submitted.grade_id:
        return False
    wanted = functions(cell.source)
    return bool(wanted) and wanted <= functions(submitted.source)


def by_text(cell: NotebookNode, submitted: SubmittedCell) -> bool:
    """For everything else: the same text, so that it does not count as added."""
    return not is_solution(cell) and cell.source.strip() == submitted.source.strip()


def functions(source: str) -> set[str]:
    """Names of the top-level functions, or none when the text is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def added_cells(source: NotebookNode, cells: list[SubmittedCell], matches: dict[int, int]) -> dict[int, list[int]]:
    """Position of the source cell before it (-1 for the start) -> the added cells that follow it."""
    positions = {submitted: position for position, submitted in matches.items()}
    added: dict[int, list[int]] = {}
    anchor = -1
    for i, cell in enumerate(cells):
        if i in positions:
            anchor = positions[i]
        elif cell.source.strip():
            added.setdefault(anchor, []).append(i)
    return added


def framed(cell: NotebookNode, cells: list[SubmittedCell], matched: int | None) -> NotebookNode:
    """The source's cell, holding the student's text if it is a solution cell."""
    cell = copy.deepcopy(cell)
    if is_solution(cell):
        name = " and ".join(sorted(functions(cell.source)))
        missing = f'raise NotImplementedError("the cell with {name} is missing from this submission")'
        cell.source = missing if matched is None else cells[matched].source
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


def repairs(source: NotebookNode, cells: list[SubmittedCell], matches: dict[int, int]) -> tuple[str, ...]:
    """One sentence per cell that was missing, found by other means than its id, or changed although locked."""
    notes = []
    for position, cell in enumerate(source.cells):
        if not is_solution(cell) and not is_grade(cell):
            continue
        if position not in matches:
            notes.append(f"cell '{grade_id(cell)}' is missing" + ("" if is_solution(cell) else " and was restored"))
            continue
        submitted = cells[matches[position]]
        if submitted.grade_id != grade_id(cell):
            notes.append(f"cell '{grade_id(cell)}' had lost its id and was recognised by its content")
        if is_grade(cell) and submitted.source.strip() != cell.source.strip():
            notes.append(f"locked cell '{grade_id(cell)}' had been changed and was restored")
    return tuple(notes)
