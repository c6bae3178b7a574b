"""The release opens in Colab from the repository that the course names, and has no badge without one."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets import TraitError
from traitlets.config import Config

from autograder.authoring.badge import ColabBadge
from autograder.course import CONFIG_FILE, Course
from autograder.publish.register import generate
from tests.builders import NAME, ROOT

NAMES = {"nbgrader": {"assignment": NAME, "notebook": NAME}}


def first_cell(**settings: str) -> str:
    notebook = new_notebook(cells=[new_markdown_cell("# HW 8\n\nWelcome.")])
    badge = ColabBadge(config=Config({"ColabBadge": settings}))
    source: str = badge.preprocess(notebook, NAMES)[0].cells[0].source
    return source


def test_a_course_with_a_repository_gets_a_badge_under_the_title() -> None:
    heading, _, badge, *rest = first_cell(repository="dept/lora", branch="autumn").split("\n")
    assert (heading, rest) == ("# HW 8", ["", "Welcome."])
    assert badge.startswith("[![Open in Colab](https://")
    assert badge.endswith(
        "(https://colab.research.google.com/github/dept/lora/blob/autumn/release/hw8_lora/hw8_lora.ipynb)"
    )


def test_a_course_without_a_repository_gets_none() -> None:
    assert first_cell() == "# HW 8\n\nWelcome."


def test_a_notebook_that_begins_with_code_is_left_alone() -> None:
    notebook = new_notebook(cells=[new_code_cell("1")])
    assert ColabBadge(repository="dept/lora").preprocess(notebook, NAMES)[0].cells[0].source == "1"


@pytest.mark.parametrize("value", ["https://github.com/dept/lora", "lora", "dept/lora/tree"])
def test_an_address_instead_of_owner_and_name_is_refused_with_what_to_write(value: str) -> None:
    with pytest.raises(TraitError, match="write owner/name"):
        ColabBadge(repository=value)


@pytest.mark.parametrize("repository", ["", "dept/lora"])
def test_the_course_configuration_decides_about_the_badge_of_the_release(tmp_path: Path, repository: str) -> None:
    for name in ("source", "grading"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    configuration = (ROOT / CONFIG_FILE).read_text()
    unset = 'c.ColabBadge.repository = ""'
    assert unset in configuration
    (tmp_path / CONFIG_FILE).write_text(configuration.replace(unset, f'c.ColabBadge.repository = "{repository}"'))
    released = nbformat.read(generate(Course(tmp_path), NAME) / f"{NAME}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    assert text.count("colab.research.google.com") == 2 * bool(repository)
