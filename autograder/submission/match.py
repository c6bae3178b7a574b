"""Which submitted cell is which cell of the source: by id, by what it defines, at last by its text."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from nbformat import NotebookNode
from rapidfuzz import fuzz

from autograder.cells import SOLUTION_REGION, grade_id, is_code_solution, is_grade, is_solution
from autograder.submission.read import SubmittedCell
from autograder.submission.syntax import Statement, functions, outline

Matches = dict[int, int]
"""Position in the source -> position in the submission, each used once."""
Key = tuple[str, str]

SIMILARITY_MIN = 85.0
"""Of 100. A locked cell with a changed line stays above it; two different checks stay below 70."""
SIMILARITY_MARGIN = 5.0
COMPARED_MAX_CHARS = 4_000
COMPARED_MAX_CELLS = 300


def match(source: NotebookNode, cells: Sequence[SubmittedCell]) -> Matches:
    """The submitted cell for as many source cells as can be told for sure."""
    found: Matches = {}
    for claimed, claim in CLAIMS:
        match_by(source, cells, found, claimed, claim)
    match_by_function(source, cells, found)
    match_by_similarity(source, cells, found)
    return found


def wanted(cell: NotebookNode) -> frozenset[str]:
    """The functions that a solution cell's frame asks for; helpers of the instructor's are not among them."""
    return functions(SOLUTION_REGION.sub("pass", cell.source)) if is_code_solution(cell) else frozenset()


def own_statements(source: NotebookNode) -> Iterator[Statement]:
    """The statements of the instructor's locked cells, which run anyway and are no student's solution."""
    locked = (cell for cell in source.cells if cell.cell_type == "code" and not is_solution(cell))
    return (statement for cell in locked for statement in outline(cell.source).statements)


def solving(source: NotebookNode, cells: Sequence[SubmittedCell], names: frozenset[str]) -> list[int]:
    """Positions of the code cells in which a student defined all of these functions."""
    found = [i for i, cell in enumerate(cells) if cell.kind == "code" and cell.outline.solves(names)]
    given = {s.text for s in own_statements(source) if s.names & names} if found else set()
    return [i for i in found if not any(s.text in given for s in cells[i].outline.statements if s.names & names)]


def by_grade_id(cell: NotebookNode) -> set[Key]:
    """The same nbgrader id and kind of cell."""
    return {(grade_id(cell), cell.cell_type)} if grade_id(cell) else set()


def by_cell_id(cell: NotebookNode) -> set[Key]:
    """The same nbformat 4.5 id or, for a cell of another kind, grade id; it must not claim another grade id."""
    return {("grade_id", grade_id(cell)), ("id", cell.get("id", ""))} - {("grade_id", ""), ("id", "")}


def by_text(cell: NotebookNode) -> set[Key]:
    """For all but solution cells: the same text, so that it does not count as added."""
    return set() if is_solution(cell) else {("text", cell.source.strip())}


CLAIMS: tuple[tuple[Callable[[NotebookNode], set[Key]], Callable[[SubmittedCell], Key]], ...] = (
    (by_grade_id, lambda submitted: (submitted.grade_id, submitted.kind)),
    (by_cell_id, lambda submitted: ("grade_id", submitted.grade_id) if submitted.grade_id else ("id", submitted.id)),
    (by_text, lambda submitted: ("text", submitted.source.strip())),
)
"""What a source cell may be claimed by, and what a submitted cell claims; the surest first."""


def match_by(
    source: NotebookNode,
    cells: Sequence[SubmittedCell],
    found: Matches,
    claimed: Callable[[NotebookNode], set[Key]],
    claim: Callable[[SubmittedCell], Key],
) -> None:
    """Add the first cell that claims each source cell; for a solution cell, the first that solves it."""
    taken = set(found.values())
    by_key: dict[Key, list[int]] = defaultdict(list)
    for i, submitted in enumerate(cells):
        if i not in taken:
            by_key[claim(submitted)].append(i)
    for position, cell in enumerate(source.cells):
        keys = claimed(cell) if position not in found else set()
        claiming = sorted(i for key in keys for i in by_key.get(key, []) if i not in taken)
        if claiming:
            found[position] = preferred(cell, cells, claiming)
            taken.add(found[position])


def preferred(cell: NotebookNode, cells: Sequence[SubmittedCell], claiming: list[int]) -> int:
    """The first that solves a solution cell, else the first."""
    names = wanted(cell)
    return next((i for i in claiming if cells[i].outline.solves(names)), claiming[0])


def match_by_function(source: NotebookNode, cells: Sequence[SubmittedCell], found: Matches) -> None:
    """Add solution cells that are still missing, by what cells without a grade id define.

    Two solution cells may define the same function: then the submission must have as many cells for it, in a
    notebook whose order can be trusted, or one that stands where only one of them can be meant.
    """
    for positions in same_functions(source, found):
        names = wanted(source.cells[positions[0]])
        mine = set(unclaimed(cells, found))
        solved = [i for i in solving(source, cells, names) if i in mine]
        defining = [i for i in sorted(mine) if cells[i].kind == "code" and names <= cells[i].outline.names]
        defining = solved if len(solved) == len(positions) else defining
        if len(defining) == len(positions) and (len(positions) == 1 or not out_of_order(found)):
            found.update(zip(positions, defining, strict=True))
        elif len(defining) == 1 and (meant := standing(positions, defining[0], found)) is not None:
            found[meant] = defining[0]


def out_of_order(found: Matches) -> bool:
    """Whether the recognised cells stand in another order than in the source."""
    order = [found[position] for position in sorted(found)]
    return order != sorted(order)


def same_functions(source: NotebookNode, found: Matches) -> list[list[int]]:
    """Positions of the unmatched solution cells, grouped by the functions that they define."""
    groups: dict[frozenset[str], list[int]] = defaultdict(list)
    for position, cell in enumerate(source.cells):
        names = frozenset(wanted(cell)) if position not in found else frozenset()
        if names:
            groups[names].append(position)
    return list(groups.values())


def standing(positions: list[int], submitted: int, found: Matches) -> int | None:
    """The only position between the recognised cells before and after a submitted one, if there is just one."""
    after = max((p for p, i in found.items() if i < submitted), default=-1)
    before = min((p for p, i in found.items() if i > submitted), default=10**9)
    possible = [p for p in positions if after < p < before]
    return possible[0] if len(possible) == 1 else None


def unclaimed(cells: Sequence[SubmittedCell], found: Matches) -> list[int]:
    """Submitted cells that are not matched and claim no grade id."""
    taken = set(found.values())
    return [i for i, cell in enumerate(cells) if i not in taken and not cell.grade_id and cell.source.strip()]


def match_by_similarity(source: NotebookNode, cells: Sequence[SubmittedCell], found: Matches) -> None:
    """Add locked cells that lost their ids and were changed: their text is close to one source cell's only."""
    open_positions = [p for p, c in enumerate(source.cells) if p not in found and is_locked(c)]
    for position in open_positions:
        text = source.cells[position].source[:COMPARED_MAX_CHARS]
        rated = sorted(similar(text, cells, unclaimed(cells, found)[:COMPARED_MAX_CELLS]), reverse=True)
        if rated and (len(rated) == 1 or rated[0][0] - rated[1][0] > SIMILARITY_MARGIN):
            found[position] = rated[0][1]


def similar(text: str, cells: Sequence[SubmittedCell], candidates: Iterable[int]) -> list[tuple[float, int]]:
    """(similarity, position) of the candidates above the threshold."""
    cutoff = SIMILARITY_MIN - SIMILARITY_MARGIN
    rated = [(fuzz.ratio(text, cells[i].source[:COMPARED_MAX_CHARS], score_cutoff=cutoff), i) for i in candidates]
    above = [(score, i) for score, i in rated if score > 0]
    return above if any(score >= SIMILARITY_MIN for score, _ in above) else []


def is_locked(cell: NotebookNode) -> bool:
    """Whether nobody but the instructor writes this cell."""
    return not is_solution(cell) and (is_grade(cell) or bool(grade_id(cell)))
