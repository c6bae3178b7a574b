"""A real JupyterLab with a real browser in front of it: open a notebook, edit cells, run all of them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import urllib3
from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses its own sandbox to root, as which CI containers run
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 900_000
"""For what takes seconds on an idle machine: nothing here is about time, and Playwright's own 30 s were too few."""
SETTLED = """async () => {
    const {content, sessionContext} = window.jupyterapp.shell.currentWidget;
    await sessionContext.session.kernel.requestKernelInfo();
    const code = content.widgets.filter(cell => cell.model.type === 'code');
    const failed = code.findIndex(cell => cell.model.outputs.toJSON().some(out => out.output_type === 'error'));
    const run = failed < 0 ? code : code.slice(0, failed + 1);
    return run.every(cell => cell.model.executionCount) && code.every(cell => cell.model.executionState === 'idle');
}"""
"""Whether every cell has been run up to the first that failed, and no result is on its way: the kernel answers in the
order in which it was asked, so what it was asked before has arrived with the answer to this."""
# JupyterLab asks the network for news and new versions unless it is told not to.
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


@contextmanager
def jupyterlab(folder: Path, home: Path, **variables: str) -> Iterator[str]:
    """Address of a JupyterLab that serves `folder`; it keeps its settings in `home` and is stopped afterwards."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(NO_NEWS))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--LabApp.news_url=None"]
    places = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    places |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    environment = os.environ | places | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | variables
    log = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True) as lab:
        try:
            yield address(lab)
        finally:
            lab.terminate()
            lab.communicate()


def address(lab: "subprocess.Popen[str]") -> str:
    """The address that the server prints, once it answers there; RuntimeError with its log if it ends first."""
    seen = []
    for line in lab.stdout or []:
        seen.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", line):
            # The server prints its address a moment before it listens.
            retries = urllib3.Retry(600, backoff_factor=0.05, backoff_max=1)
            urllib3.PoolManager(retries=retries).request("GET", found[0].replace("/lab?", "/api/status?"))
            return found[0]
    raise RuntimeError("JupyterLab did not start:\n" + "".join(seen))


class OpenNotebook:
    """A notebook in a JupyterLab tab. Cells are named by their ids, as in the file."""

    def __init__(self, page: Page, url: str, path: Path) -> None:
        self.page, self.path = page, path
        page.set_default_timeout(WAIT_MS)
        page.goto(url.replace("/lab?", f"/lab/tree/{path.name}?"))
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        page.wait_for_function("window.jupyterapp.shell.currentWidget?.sessionContext?.isReady")
        page.evaluate("() => window.jupyterapp.shell.collapseLeft?.()")

    def run_all(self) -> None:
        """Run All Cells, as the menu does, wait until the last one is done or one has failed, and save.

        What an earlier run has left is removed first. JupyterLab says that it is done as soon as one cell has failed,
        while it is still being told that the others were not run.
        """
        self.command("notebook:clear-all-cell-outputs")
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(SETTLED)
        self.command("docmanager:save")

    def saved_code(self) -> list[Any]:
        """The code cells of the notebook as it was saved last; AssertionError unless they are those on the screen."""
        shown = self.page.evaluate("JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON())")
        saved = code_cells(self.path.read_text(encoding="utf-8"))
        assert [results(cell) for cell in saved] == [results(cell) for cell in code_cells(shown)]
        return saved

    def command(self, name: str, **arguments: str) -> None:
        """Carry out one of JupyterLab's commands and wait for it."""
        call = "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments).then(() => null)"
        self.page.evaluate(call, [name, arguments])

    def use_theme(self, name: str) -> None:
        """Change JupyterLab's theme and wait until it is drawn."""
        self.command("apputils:change-theme", theme=name)
        light = str("Light" in name).lower()
        self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def look(self, cell_id: str, expression: str) -> Any:
        """Scroll to a cell; what a JavaScript expression of `node`, its element, gives."""
        script = """async id => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(cell => cell.model.id === id);
            await notebook.scrollToItem(index, 'start');
            const node = notebook.widgets[index].node;
            return EXPRESSION;
        }"""
        return self.page.evaluate(script.replace("EXPRESSION", expression), cell_id)

    def loaded_images(self, cell_id: str) -> Any:
        """How many images of a cell's output have a text alternative and were drawn."""
        drawn = "image => image.alt.length > 20 && image.naturalWidth > 0"
        return self.look(cell_id, f"[...node.querySelectorAll('img')].filter({drawn}).length")

    def overflow(self, cell_id: str) -> Any:
        """By how many pixels a cell's text or output is wider than the window shows."""
        parts = "node.querySelectorAll('.jp-RenderedHTMLCommon, .jp-OutputArea-output')"
        return self.look(cell_id, f"Math.max(0, ...[...{parts}].map(part => part.scrollWidth - part.clientWidth))")

    def write(self, cell_id: str, source: str) -> None:
        """Replace the source of one cell, as a student who types does."""
        self.page.evaluate(
            """([id, source]) => [...window.jupyterapp.shell.currentWidget.content.model.cells]
                .find(cell => cell.id === id).sharedModel.setSource(source)""",
            [cell_id, source],
        )

    def screenshot(self, cell_id: str, name: str) -> None:
        """Scroll to a cell and keep what is on the screen as build/screenshots/<name>.png."""
        self.look(cell_id, "null")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def code_cells(text: str) -> list[Any]:
    """The code cells of a notebook's JSON."""
    return [cell for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]


def results(cell: Any) -> tuple[str, int | None, list[Any]]:
    """What running a cell left."""
    return cell.id, cell.execution_count, cell.outputs


def errors(cells: list[Any]) -> dict[str, str]:
    """Cell id -> "ErrorName: message" of the cells whose output is an error."""
    return {
        cell.id: f"{output.ename}: {output.evalue}"
        for cell in cells
        for output in cell.outputs
        if output.output_type == "error"
    }
