"""Solution cells: split, merged, moved, copied."""

import copy
import re

from tests.scenarios.damaged.identity import metadata_and_ids_lost
from tests.scenarios.damaged.notebooks import Notebook, cells, code, damages, grades, solutions, text


def solutions_split(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        lines = text(cell).split("\n")
        body = next((i for i, line in enumerate(lines) if line[:1] in (" ", "\t")), None)
        if body is not None and body + 1 < len(lines):
            cell["source"] = "\n".join(lines[: body + 1])
            cells(notebook).insert(position + 1, code("\n".join(lines[body + 1 :])))


def solutions_split_after_the_signature(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        head, colon, rest = text(cell).partition(":\n")
        if colon and head.startswith("def "):
            cell["source"] = head + ":"
            cells(notebook).insert(position + 1, copy.deepcopy(cell) | {"source": rest, "id": "rest"})


def solutions_at_the_end(notebook: Notebook) -> None:
    last = [cells(notebook)[i] for i in solutions(notebook)]
    notebook["cells"] = [c for c in cells(notebook) if c not in last] + last


def cells_reversed(notebook: Notebook) -> None:
    notebook["cells"].reverse()


def solutions_merged_into_the_first(notebook: Notebook) -> None:
    first, *others = solutions(notebook)
    cells(notebook)[first]["source"] = "\n\n".join(text(cells(notebook)[i]) for i in (first, *others))
    notebook["cells"] = [c for i, c in enumerate(cells(notebook)) if i not in others]


def solutions_merged_with_the_check_below(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        below = next(
            (i for i in range(position + 1, len(cells(notebook))) if cells(notebook)[i]["cell_type"] == "code"), 0
        )
        if below and below not in solutions(notebook):
            cells(notebook)[position]["source"] = (
                text(cells(notebook)[position]) + "\n\n" + text(cells(notebook)[below])
            )
            del cells(notebook)[below]


def solutions_merged_into_the_example_above(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        above = next((i for i in range(position - 1, -1, -1) if cells(notebook)[i]["cell_type"] == "code"), None)
        if above is not None and above not in solutions(notebook):
            cells(notebook)[above]["source"] = text(cells(notebook)[above]) + "\n\n" + text(cells(notebook)[position])
            del cells(notebook)[position]


def all_code_in_one_cell(notebook: Notebook) -> None:
    joined = "\n\n".join(text(cell) for cell in cells(notebook) if cell["cell_type"] == "code")
    notebook["cells"] = [code(joined)]


def solutions_as_markdown(notebook: Notebook) -> None:
    for position in solutions(notebook):
        cells(notebook)[position]["cell_type"] = "markdown"
        cells(notebook)[position].pop("outputs", None)


def solutions_as_nameless_markdown(notebook: Notebook) -> None:
    solutions_as_markdown(notebook)
    metadata_and_ids_lost(notebook)


def solution_ids_exchanged(notebook: Notebook) -> None:
    first, *_, last = solutions(notebook)
    a, b = cells(notebook)[first], cells(notebook)[last]
    a["source"], b["source"] = b["source"], a["source"]


def solution_in_a_new_cell_below_the_stub(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        cells(notebook).insert(position + 1, code(text(cell)))
        cell["source"] = stubbed(text(cell))


def stub_kept_below_the_solution(notebook: Notebook) -> None:
    for position in reversed(solutions(notebook)):
        cell = cells(notebook)[position]
        cells(notebook).insert(position + 1, copy.deepcopy(cell) | {"source": stubbed(text(cell)), "id": "again"})


def solution_in_the_grade_cell(notebook: Notebook) -> None:
    for position in solutions(notebook):
        cell = cells(notebook)[position]
        grade = next((i for i in grades(notebook) if i > position), None)
        if grade is not None:
            cells(notebook)[grade]["source"] = text(cell) + "\n\n" + text(cells(notebook)[grade])
            cell["source"] = stubbed(text(cell))


def stubbed(source: str) -> str:
    """Each top-level function with its body replaced by what the release has there."""
    return re.sub(r"^(def .*?:)\n(?:(?:[ \t].*)?\n?)+", r"\1\n    raise NotImplementedError()\n\n", source, flags=re.M)


CASES = damages(
    solutions_split,
    solutions_split_after_the_signature,
    solutions_at_the_end,
    cells_reversed,
    solutions_merged_into_the_first,
    solutions_merged_with_the_check_below,
    solutions_merged_into_the_example_above,
    all_code_in_one_cell,
    solutions_as_markdown,
    solutions_as_nameless_markdown,
    solution_ids_exchanged,
    solution_in_a_new_cell_below_the_stub,
    stub_kept_below_the_solution,
    solution_in_the_grade_cell,
)
