"""The feedback of a hostile submission, opened in a browser, is only text."""

from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.models import Graded, Score, Submission
from autograder.publish.feedback import autograded_notebook
from autograder.publish.page import QuietPage, quiet
from tests.builders import NAME, record
from tests.scenarios.browser import chromium, visit
from tests.scenarios.hostile.showing import SCRIPT

ACT = "window.__pwned = 1; console.log('pwned'); alert('pwned')"
VECTORS = {
    "text/html": f"<script>{ACT}</script><img src=x onerror=\"{ACT}\"><iframe srcdoc='<script>{ACT}</script>'>",
    "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'><script>{ACT}</script><a onload=\"{ACT}\"/></svg>",
    "application/javascript": ACT,
    "text/markdown": f'<script>{ACT}</script> [x](javascript:a) <details open ontoggle="{ACT}">x</details>',
    "text/latex": f"$\\href{{javascript:window.__pwned=1}}{{x}}$ <script>{ACT}</script>",
    "text/plain": SCRIPT,
    "image/png": f'x" onerror="{ACT}',
    "image/jpeg": "https://images.example/x.jpg",
    "application/vnd.jupyter.widget-view+json": {"model_id": "m"},
}


def notebook() -> nbformat.NotebookNode:
    """Something active in every place that a page shows."""
    shown = [new_output("display_data", {mime: value}) for mime, value in VECTORS.items()]
    error = new_output("error", ename=SCRIPT, evalue=SCRIPT, traceback=[f"\x1b[31m{SCRIPT}\x1b]8;;javascript:1\x07"])
    printed = new_output("stream", name="stdout", text=f"\x1b[31m{SCRIPT}\x1b[0m")
    code = new_code_cell(f"# {SCRIPT}", outputs=[*shown, error, printed], id="a")
    code.metadata.tags = [f"x' onmouseover='{ACT}"]
    note = new_markdown_cell(
        f"{SCRIPT}\n\n[x](javascript:window.__pwned=1)\n\n<style>@import url(https://a.example)</style>"
    )
    made = new_notebook(cells=[note, code])
    made.metadata |= {"title": SCRIPT, "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"m": {}}}}}
    return made


@pytest.fixture
def graded() -> Graded:
    """A verdict whose reasons repeat a script."""
    return Graded(Submission(SCRIPT, NAME, Path()), record(SCRIPT), (Score("todo1", 10, 0, (SCRIPT,)),))


def test_SECURITY_the_page_of_a_hostile_notebook_runs_nothing_and_fetches_nothing(
    tmp_path: Path, graded: Graded
) -> None:
    page, _ = QuietPage().from_notebook_node(autograded_notebook(graded, notebook()))
    (tmp_path / "page.html").write_text(page)
    with chromium() as browser:
        seen = visit(browser, tmp_path / "page.html")
    assert (seen.acts, seen.requests) == ([], [])
    assert "<script>window.__pwned=1</script>" in seen.text


def test_SECURITY_the_page_alone_is_wall_enough(tmp_path: Path) -> None:
    page, _ = QuietPage().from_notebook_node(notebook())
    (tmp_path / "page.html").write_text(page)
    with chromium() as browser:
        seen = visit(browser, tmp_path / "page.html")
    assert (seen.acts, seen.requests) == ([], [])


def test_twin_stock_nbconvert_runs_the_scripts_and_fetches_things(tmp_path: Path) -> None:
    page, _ = HTMLExporter().from_notebook_node(notebook())
    (tmp_path / "page.html").write_text(page)
    with chromium() as browser:
        seen = visit(browser, tmp_path / "page.html")
    assert "__pwned" in seen.acts
    assert seen.requests


@pytest.mark.parametrize(
    "html",
    [SCRIPT, "<a href='javascript:x'>", "<a href=' java\nscript:x'>", "<img src='https://x.example/p.png'>",
     "<p style='background:url(https://x.example)'>", "<base href='https://x.example'>", "<form action='/x'><input>",
     "<img src='data:image/svg+xml;base64,PHN2Zz4='>", "<meta http-equiv=refresh content='0;url=https://x.example'>",
     "<svg><style><img src=x onerror=x></style></svg>", "<math><mtext><script>x</script></mtext></math>"],
)  # fmt: skip
def test_nothing_active_is_left_of(html: str) -> None:
    body = quiet(f"<head></head><body>{html}").partition("<body>")[2]
    for sign in ("script", "onerror", "onload", "x.example", "style=", "<form", "<input", "svg", "<meta"):
        assert sign not in body


def test_texts_tables_links_and_bitmaps_are_kept() -> None:
    html = '<h2 class="x">a</h2><table><tr><td>1</td></tr></table><img src="data:image/png;base64,aGk=" alt="b">'
    assert html.replace("<table><tr>", "<table><tbody><tr>").replace("</tr></table>", "</tr></tbody></table>") in quiet(
        f"<head><title>t</title><style>p{{}}</style></head><body>{html}"
    )
