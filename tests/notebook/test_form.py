"""The notebook keeps its form: identifiers, points, short cells, headings, text alternatives, links."""

import ast
import itertools
import re

import pytest
from runner import NOTEBOOK, REGION, read_cells

from autograder.cells import is_only_shown

CELLS = read_cells()
CODE = [cell for cell in CELLS if cell.cell_type == "code"]
SHOWN = [cell for cell in CODE if "cellView" not in cell.metadata]
TEXT = [cell for cell in CELLS if cell.cell_type == "markdown"]
POINTS = {"todo1": 10, "todo2": 10, "todo3": 15, "todo4": 15, "todo5": 15, "todo6": 15, "todo7": 10, "todo8": 10}
CELLS_MAX = 100
SOLUTIONS = ["solution_todo1", "solution_todo2_3", *(f"solution_todo{k}" for k in range(4, 9))]


def grading(cell):
    """Return a cell's nbgrader metadata, or an empty dictionary."""
    return cell.metadata.get("nbgrader", {})


def test_graded_cells_have_the_agreed_points_and_add_up_to_100():
    points = {cell["id"]: grading(cell)["points"] for cell in CELLS if grading(cell).get("grade")}
    assert points == POINTS
    assert sum(points.values()) == 100


def test_solution_cells_are_the_agreed_ones_each_followed_by_its_check():
    order = [cell["id"] for cell in CELLS if cell["id"] in POINTS or cell["id"] in SOLUTIONS]
    assert [name for name in order if name in SOLUTIONS] == SOLUTIONS
    assert order.index("todo3") == order.index("todo2") + 1 == order.index("solution_todo2_3") + 2
    assert all(order.index(f"todo{k}") == order.index(f"solution_todo{k}") + 1 for k in (1, 4, 5, 6, 7, 8))


def test_the_check_of_todo_2_comes_before_the_hook_of_todo_3_is_tried():
    ids = [cell["id"] for cell in CELLS]
    assert ids.index("todo2") == ids.index("solution_todo2_3") + 1
    assert ids.index("todo2") < ids.index("todo3_try") < ids.index("todo3")


def test_cell_ids_equal_grade_ids_and_are_unique():
    assert all(grading(cell)["grade_id"] == cell["id"] for cell in CELLS if grading(cell))
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)


def test_everything_but_the_solutions_and_four_free_cells_is_locked():
    free = {cell["id"] for cell in CODE if not grading(cell).get("locked")}
    assert free == {*SOLUTIONS, "choose_profile", "ask_models", "rank_sweep", "todo3_own"}


def test_solution_regions_leave_code_that_parses_without_them():
    for cell in CODE:
        if cell["id"] in SOLUTIONS:
            regions = REGION.findall(cell.source)
            assert len(regions) == (2 if cell["id"] == "solution_todo2_3" else 1)
            ast.parse(REGION.sub(r'\1raise NotImplementedError("TODO")', cell.source))


def test_a_solution_has_a_docstring_of_two_lines_with_shapes():
    for cell in CODE:
        if cell["id"] in SOLUTIONS:
            docstring = ast.get_docstring(ast.parse(cell.source).body[0])
            assert len(docstring.splitlines()) == 2
            assert re.search(r"\(\w.*, .*\)", docstring)


def test_outputs_are_cleared():
    assert not any(cell.outputs or cell.execution_count for cell in CODE)


@pytest.mark.parametrize("cell", SHOWN, ids=lambda cell: cell["id"])
def test_a_code_cell_has_at_most_25_lines(cell):
    assert len(cell.source.splitlines()) <= 25


@pytest.mark.parametrize("cell", TEXT, ids=lambda cell: cell["id"])
def test_a_text_cell_has_at_most_120_words_that_are_not_folded_or_in_a_table(cell):
    assert len(re.sub(r"<details>.*?</details>|^\|[^\n]*$", "", cell.source, flags=re.S | re.M).split()) <= 120


def test_headings_descend_one_level_at_a_time_from_a_single_title():
    levels = [len(mark) for cell in TEXT for mark in re.findall(r"^(#+) ", cell.source, re.M)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_folded_hints_are_closed_and_have_a_summary():
    for cell in TEXT:
        opened = cell.source.count("<details>")
        assert opened == cell.source.count("</details>") == cell.source.count("<summary>")


def test_every_todo_has_three_hints_and_help():
    ids = {cell["id"]: cell.source for cell in TEXT}
    for name in ("todo1", "todo23", "todo4", "todo5", "todo6", "todo7", "todo8"):
        hints, _, help_ = ids[f"{name}_hints"].rpartition("</details>")
        assert hints.count("<details>") == 3
        assert help_.count("\n- ") == 3


def test_every_image_has_a_text_alternative():
    text = "\n".join(cell.source for cell in CELLS)
    assert all("alt=" in tag for tag in re.findall(r"<img[^>]*", text))
    assert all(alt for alt in re.findall(r"!\[([^\]]*)\]\(", text))


def test_links_are_https_to_known_places_or_lead_to_a_heading_or_a_companion():
    known = ("arxiv.org", "huggingface.co", "docs.pytorch.org", "aclanthology.org", "github.com/huggingface")
    known += ("jalammar.github.io", "web.stanford.edu")
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(cell.source for cell in TEXT))
    within = [r"#\S+", r"data:image/png;base64,\S+", r"companions/\w+\.ipynb"]
    within += [rf"https://{place}/\S*" for place in known]
    assert links
    assert [link for link in links if not re.fullmatch("|".join(within), link)] == []


def test_every_part_and_every_todo_is_in_a_table_of_contents():
    text = "\n".join(cell.source for cell in TEXT)
    headings = re.findall(r"^#{2,3} (.+)$", text, re.M)
    linked = {heading for heading in headings if f"](#{heading.replace(' ', '-')})" in text}
    parts = {heading for heading in headings if re.match("TODO|Part|Results|Quiz|Setup|The (?!eight)", heading)}
    assert len(parts) > 12
    assert parts <= linked


def test_no_machine_path_is_in_the_notebook():
    assert not re.search(r"/(root|home|work|tmp)/", NOTEBOOK.read_text())


def test_the_notebook_is_short_and_folds_one_cell_alone():
    assert len(CELLS) <= CELLS_MAX
    assert sum(len(cell.source.splitlines()) for cell in SHOWN) <= 450
    assert [cell["id"] for cell in CODE if cell not in SHOWN] == ["tools"]


SCREEN = 1000
"""Pixels from top to bottom."""


def height(cell):
    """Return about how many pixels a cell takes in JupyterLab, 1280 wide, before it is run."""
    folded = re.sub(r"(?s)<summary>(.*?)</summary>.*?</details>", r"\1", cell.source)
    lines = re.sub(r"\]\([^)]*\)", "]", folded).splitlines()
    if cell.cell_type == "code":
        return 22 + 17 * len(lines) if cell in SHOWN else 30
    rows = [{"#": 45, "|": 30, "": 10}.get(line[:1], 20 * (1 + len(line) // 115)) for line in lines]
    return 14 + sum(rows)


def test_todo_1_stands_within_three_screens():
    before = itertools.takewhile(lambda cell: cell["id"] != "todo1_text", CELLS)
    assert sum(map(height, before)) <= 3 * SCREEN


@pytest.mark.parametrize("todo", POINTS)
def test_a_check_is_one_line_that_is_not_run_when_graded(todo):
    (cell,) = [cell for cell in CODE if cell["id"] == todo]
    assert re.fullmatch(rf"check\.{todo}\(\w+\)", cell.source)
    assert is_only_shown(cell)
