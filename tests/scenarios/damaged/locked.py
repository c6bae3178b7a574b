"""Locked cells: deleted, edited, moved, copied."""

import copy

from tests.scenarios.damaged.notebooks import Notebook, cells, damages, grades, nbgrader, solutions, text


def grade_cells_deleted(notebook: Notebook) -> None:
    notebook["cells"] = [c for i, c in enumerate(cells(notebook)) if i not in grades(notebook)]


def all_locked_cells_deleted(notebook: Notebook) -> None:
    notebook["cells"] = [cells(notebook)[i] for i in solutions(notebook)]


def grade_cells_edited(notebook: Notebook) -> None:
    for position in grades(notebook):
        cells(notebook)[position]["source"] = "print('all good')"


def grade_cells_as_markdown(notebook: Notebook) -> None:
    for position in grades(notebook):
        cells(notebook)[position]["cell_type"] = "markdown"


def grade_cells_moved_to_the_top(notebook: Notebook) -> None:
    top = [cells(notebook)[i] for i in grades(notebook)]
    notebook["cells"] = top + [c for c in cells(notebook) if c not in top]


def grade_cells_copied(notebook: Notebook) -> None:
    for position in reversed(grades(notebook)):
        cells(notebook).insert(position, copy.deepcopy(cells(notebook)[position]))


def every_cell_copied(notebook: Notebook) -> None:
    notebook["cells"] = [copy.deepcopy(cell) for cell in cells(notebook) for _ in range(2)]


def setup_edited_with_a_mistake(notebook: Notebook) -> None:
    locked = next(c for c in cells(notebook) if c["cell_type"] == "code" and nbgrader(c).get("locked"))
    locked["source"] = "1 / 0\n" + text(locked)


CASES = damages(
    grade_cells_deleted,
    all_locked_cells_deleted,
    grade_cells_edited,
    grade_cells_as_markdown,
    grade_cells_moved_to_the_top,
    grade_cells_copied,
    every_cell_copied,
    setup_edited_with_a_mistake,
)
