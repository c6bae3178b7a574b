"""Is a source notebook fit to be released? Each check gives a list of sentences; an empty list is good."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from autograder.assignment import Assignment
from autograder.cells import by_hand, grade_id, is_answer, max_scores

REGION = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)### END \1", re.DOTALL)
POINTS = re.compile(r"@pytest\.mark\.points\(\s*[\"'](\w+)[\"'],\s*([\d.]+)\s*\)")
TELLING_CHARS = 12
"""Shorter lines ("return", ")", "else:") stand in every program and give nothing away."""
UNMISTAKABLE_CHARS = 40


def problems(sources: Sequence[NotebookNode], assignment: Assignment) -> list[str]:
    """Everything that is wrong with an assignment's source notebooks themselves."""
    checks = (duplicate_ids, missing_solutions, saved_outputs)
    found = [problem for source in sources for check in checks for problem in check(source)]
    cells = [cell for source in sources for cell in source.cells]
    return [*found, *shared_ids(sources), *wrong_points(cells, assignment)]


def shared_ids(sources: Sequence[NotebookNode]) -> list[str]:
    """No two notebooks of an assignment have a judged cell of the same id: hidden tests know it by its id alone."""
    counts = Counter(name for source in sources for name in max_scores(source.cells))
    return [f"'{name}' is a grade cell of {count} notebooks" for name, count in counts.items() if count > 1]


def duplicate_ids(source: NotebookNode) -> list[str]:
    """Grade ids and cell ids must be unique: scores hang on them."""
    counts = Counter(name for cell in source.cells if (name := grade_id(cell)))
    counts += Counter(f"cell id {cell.id}" for cell in source.cells if "id" in cell)
    return [f"'{name}' is used {count} times" for name, count in counts.items() if count > 1]


def missing_solutions(source: NotebookNode) -> list[str]:
    """Every solution cell that hidden tests judge has a region; of one for a person nbgrader may clear everything."""
    cells = [cell for cell in source.cells if is_solution(cell) and not is_answer(cell)]
    return [f"solution cell '{grade_id(c)}' has no solution region" for c in cells if not REGION.search(c.source)]


def wrong_points(source: Sequence[NotebookNode], assignment: Assignment) -> list[str]:
    """The hidden tests of each grade cell are worth exactly the cell's points; those of a person's cells nothing."""
    worth: Counter[str] = Counter()
    for path in assignment.hidden_test_files():
        for name, points in POINTS.findall(path.read_text(encoding="utf-8")):
            worth[name] += float(points)  # type: ignore[assignment]
    cells = max_scores(source)
    people = worth.keys() & by_hand(source).keys()
    names = sorted(cells.keys() | worth.keys() - people)
    return [f"'{name}' is graded by a person, and hidden tests give points to it" for name in sorted(people)] + [
        f"'{name}' has {cells.get(name, 0):g} points in the notebook and {worth[name]:g} in its hidden tests"
        for name in names
        if cells.get(name, 0) != worth[name]
    ]


def saved_outputs(source: NotebookNode) -> list[str]:
    """A source notebook is kept without outputs."""
    cells = [c for c in source.cells if c.cell_type == "code" and (c.outputs or c.execution_count)]
    return [f"{len(cells)} cells have saved outputs"] if cells else []


def leaks(sources: Sequence[NotebookNode], assignment: Assignment, release: Iterable[Path]) -> list[str]:
    """Lines of a solution or a hidden test that stand in a released file although no visible cell has them."""
    cells = [cell for source in sources for cell in source.cells]
    public = {line for cell in cells for line in telling_lines(REGION.sub("", cell.source))}
    public |= telling_lines("\n".join(assignment.shipped.values()))
    secret = {line for cell in cells for _, body in REGION.findall(cell.source) for line in telling_lines(body)}
    for path in assignment.hidden_test_files():
        secret |= telling_lines(path.read_text(encoding="utf-8"))
    found = []
    for path in release:
        text = released_text(path)
        lines = {line.strip() for line in text.splitlines()}
        # A short line may be part of an innocent one; a long one is a leak wherever it stands.
        leaked = (s for s in sorted(secret - public) if s in lines or (len(s) >= UNMISTAKABLE_CHARS and s in text))
        found += [f"{path.name} holds the line: {line}" for line in leaked]
    return found


def released_text(path: Path) -> str:
    """Everything in a released file that can be read: of a notebook, its cells' sources and its raw JSON."""
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".ipynb":
        text = "\n".join([*(cell.source for cell in nbformat.reads(text, as_version=4).cells), text])
    return text


def telling_lines(text: str) -> set[str]:
    """Stripped lines that are long enough to give something away; comments and imports do not count."""
    lines = (line.strip() for line in text.splitlines())
    return {line for line in lines if len(line) >= TELLING_CHARS and not line.startswith(("#", "import ", "from "))}
