"""The homework's page, as nbconvert renders it: axe finds nothing serious in its texts, tables and pictures."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from playwright.sync_api import Page

from tests.builders import source_notebook

OURS = {"include": [[".jp-RenderedHTMLCommon"]], "exclude": [[".highlight"]]}
"""Texts and outputs. Jupyter's theme gives the colours of prompts and code."""
# The theme shows links by colour alone; no notebook can change that.
OF_THE_THEME = {"rules": {"link-in-text-block": {"enabled": False}}}


def serious(page: Page, folder: Path, notebook: NotebookNode, theme: str) -> dict[str, list[str]]:
    """What axe calls serious or critical on a notebook's page: rule -> the elements."""
    # Formulas stay text: MathJax would come from the network.
    html, _ = HTMLExporter(theme=theme, mathjax_url="", require_js_url="").from_notebook_node(notebook)
    path = folder / "page.html"
    path.write_text(html, encoding="utf-8")
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    found: list[Any] = Axe().run(page, context=OURS, options=OF_THE_THEME).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return {one["id"]: [node["html"] for node in one["nodes"]] for one in grave}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_homework(page: Page, tmp_path: Path, theme: str) -> None:
    assert serious(page, tmp_path, source_notebook(), theme) == {}


def test_a_pale_text_and_a_link_without_words_would_be_found(page: Page, tmp_path: Path) -> None:
    notebook = source_notebook()
    pale = '<p style="color: #aaaaaa">pale</p>\n\n<a href="https://arxiv.org/"></a>'
    notebook.cells.insert(1, new_markdown_cell(pale))
    assert serious(page, tmp_path, notebook, "light").keys() == {"color-contrast", "link-name"}
