"""The homework in a real JupyterLab: the solution runs to its end, and the release leads from TODO to TODO."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

from tests.browser.lab import OpenNotebook, errors, jupyterlab
from tests.builders import NAME, ROOT, source_notebook

REGION = re.compile(r"^( *)### BEGIN SOLUTION.*?### END SOLUTION$", re.S | re.M)
TRAINED = pytest.param("tiny", marks=pytest.mark.slow)
"""The profile in which the notebook trains, for a minute, and draws figures; in smoke it does neither."""
drawn = pytest.mark.parametrize("profile", [TRAINED], indirect=True)
SHOWN = ("title", "todo1_text", "todo1", "figure_lora", "table", "figures", "quiz", "remember_run")


def copy_of(step: str, folder: Path) -> Path:
    """A folder of the course (source or release) copied for JupyterLab; the path of its notebook."""
    shutil.copytree(ROOT / step / NAME, folder)
    path = folder / f"{NAME}.ipynb"
    if step == "source":  # with its modules, which it would look for beside the course's folder
        nbformat.write(source_notebook(), path)
    return path


@pytest.fixture(scope="module", params=["smoke", TRAINED])
def profile(request: pytest.FixtureRequest) -> str:
    """The size of the notebook's model and data."""
    return str(request.param)


@pytest.fixture(scope="module")
def solution(page: Page, profile: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenNotebook]:
    """The solution notebook, run from top to bottom."""
    folder = tmp_path_factory.mktemp("solution")
    path = copy_of("source", folder / "course")
    with jupyterlab(path.parent, folder / "home", HW8_PROFILE=profile) as url:
        notebook = OpenNotebook(page, url, path)
        notebook.run_all()
        yield notebook


def test_the_solution_notebook_runs_to_its_end_without_an_error(solution: OpenNotebook) -> None:
    cells = solution.saved_code()
    assert errors(cells) == {}
    assert all(cell.execution_count for cell in cells)


@drawn
def test_the_saved_notebook_holds_no_widget_that_would_be_broken_when_opened_again(solution: OpenNotebook) -> None:
    kinds = {kind for cell in solution.saved_code() for output in cell.outputs for kind in output.get("data", {})}
    assert "text/html" in kinds
    assert not [kind for kind in kinds if "widget" in kind]


@drawn
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_theme_shows_every_figure_with_its_text_alternative(solution: OpenNotebook, theme: str) -> None:
    solution.use_theme(theme)
    for cell_id in SHOWN:
        solution.screenshot(cell_id, f"solution-{theme.split()[-1].lower()}-{cell_id}")
    for cell_id, images in (("figure_lora", 1), ("figures", 2)):
        solution.screenshot(cell_id, f"solution-{theme.split()[-1].lower()}-{cell_id}")
        assert solution.loaded_images(cell_id) == images


def test_a_narrow_window_needs_no_sideways_scrolling(solution: OpenNotebook) -> None:
    solution.page.set_viewport_size({"width": 600, "height": 1000})
    for cell_id in SHOWN:
        solution.screenshot(cell_id, f"solution-narrow-{cell_id}")
        assert solution.overflow(cell_id) <= 1


def test_the_contents_lead_to_headings_and_show_a_finished_run(solution: OpenNotebook) -> None:
    links = solution.look("plan", "[...node.querySelectorAll('a')].map(a => decodeURIComponent(a.hash.slice(1)))")
    headings = "[...node.querySelectorAll('h1, h2, h3')].map(h => h.id || h.dataset.jupyterId)"
    for cell_id in ("part2", "results_text", "results_reading", "equal_text"):
        assert set(solution.look(cell_id, headings)) <= set(links)
    assert solution.loaded_images("plan") == 1


def with_regions(source: str, solved: int, stubs: str) -> str:
    """A solution cell in which the first `solved` regions are filled in and the others are still the stubs."""
    left = iter(re.findall(r"^ *raise NotImplementedError.*$", stubs, re.M))
    answers = [(match[0], next(left)) for match in REGION.finditer(source)]
    for region, stub in answers[solved:]:
        source = source.replace(region, f"{' ' * (len(stub) - len(stub.lstrip()))}# YOUR CODE HERE\n{stub}", 1)
    return source


@pytest.mark.slow
def test_the_release_stops_at_each_todo_by_name_until_it_is_solved(page: Page, tmp_path: Path) -> None:
    path = copy_of("release", tmp_path / "course")
    stubs = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    solved = {cell.id: cell.source for cell in source_notebook().cells}
    cells = [(1, "solution_todo1", 1), (2, "solution_todo2_3", 1), (3, "solution_todo2_3", 2)]
    cells += [(todo, f"solution_todo{todo}", 1) for todo in range(4, 9)]
    page.set_viewport_size({"width": 1280, "height": 1000})
    with jupyterlab(path.parent, tmp_path / "home", HW8_PROFILE="smoke") as url:
        notebook = OpenNotebook(page, url, path)
        for todo, cell_id, regions in cells:
            notebook.run_all()
            found = errors(notebook.saved_code())
            stop = "todo3_try" if todo == 3 else f"todo{todo}"  # the hook is tried before it is checked
            notebook.screenshot(stop, f"release-todo{todo}")
            assert list(found) == [stop]
            assert found[stop].startswith(f"NotImplementedError: TODO {todo}:")
            notebook.write(cell_id, with_regions(solved[cell_id], regions, stubs[cell_id]))
        notebook.run_all()
        assert errors(notebook.saved_code()) == {}
