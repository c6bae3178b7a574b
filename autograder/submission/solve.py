"""Find the student's text for every solution cell; where several may be meant, say so instead of choosing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.cells import grade_id, is_code_solution, is_solution
from autograder.submission.match import Matches, out_of_order, solving, wanted
from autograder.submission.read import SubmittedCell
from autograder.submission.syntax import parsed

REMAINDERS_MAX = 8
"""Cut-off cells that are looked at; each is parsed with every solution that it may belong to."""


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
    if not names:
        # An answer in words, or code that defines nothing by name: only its id tells which cell it is.
        return
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
    broken = [cell for cell in cells if cell.kind == "code" and not cell.outline.python]
    if any(names <= cell.outline.names - cell.outline.unsolved for cell in cells if cell.kind != "code"):
        return "its own cell holds no solution, and a cell of text does"
    if free.intersection(solving(source, cells, names)):
        return "its own cell holds no solution, and one that does stands among other exercises"
    if own is None:
        return "a cell that defines it is no valid Python" if any(names <= c.outline.names for c in broken) else ""
    if cells[own].outline.python:
        return ""
    copies = (cell for cell in cells if cell.grade_id == cells[own].grade_id != "" and cell is not cells[own])
    rest = [cells[i] for i in sorted(free) if cells[i] in broken and cells[i].source.strip()][:REMAINDERS_MAX]
    merged = any(wanted(c) and wanted(c) <= cells[own].outline.names for c in unmatched(source, matches))
    elsewhere = merged or next(copies, None) is not None or any(completes(cells[own], cell) for cell in rest)
    return "its cell is no valid Python, and parts of it may stand elsewhere" if elsewhere else ""


def unmatched(source: NotebookNode, matches: Matches) -> list[NotebookNode]:
    """The source's cells that were not found."""
    return [cell for position, cell in enumerate(source.cells) if position not in matches]


def completes(broken: SubmittedCell, other: SubmittedCell) -> bool:
    """Whether a cell that is no Python becomes Python together with another one, in either order."""
    texts = (broken.source, other.source)
    return any(parsed("\n".join(joined)) is not None for joined in (texts, texts[::-1]))


def flag_remainders(
    source: NotebookNode, cells: Sequence[SubmittedCell], matches: Matches, solutions: Solutions
) -> None:
    """Leave to a person what an indented cell without a beginning may have been cut off from.

    That is the solution before it, or where cells were moved any that it would complete.
    """
    taken = set(matches.values())
    cut_off = [i for i, cell in enumerate(cells) if i not in taken and is_remainder(cell)][:REMAINDERS_MAX]
    own = {p: matches[p] for p in solutions.texts if p in matches and is_code_solution(source.cells[p])}
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
