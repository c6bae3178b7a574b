"""A headless Chromium that notes what a page tries to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOOK = "window.__acts = []; for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => __acts.push(name);"


@dataclass
class Visit:
    """What a page did while it was open."""

    acts: list[str] = field(default_factory=list)
    """Dialogs, texts on the console, ``__pwned`` and scripts that are left in the page."""
    requests: list[str] = field(default_factory=list)
    """Addresses of everything that it wanted to fetch, itself left out."""
    text: str = ""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def visit(browser: Browser, path: Path) -> Visit:
    """Open a file, move over everything in it and click on its links."""
    seen, address = Visit(), path.resolve().as_uri()

    def note(route: Route) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            seen.requests.append(route.request.url)
            route.abort()

    page = browser.new_page()
    page.route("**/*", note)
    page.add_init_script(HOOK)
    page.on("dialog", lambda dialog: (seen.acts.append("dialog"), dialog.dismiss()))
    page.on("console", lambda message: seen.acts.extend(["console"] if message.type == "log" else []))
    page.goto(address, wait_until="load")
    provoke(page)
    seen.acts += page.evaluate("[...window.__acts, ...(window.__pwned ? ['__pwned'] : [])]")
    seen.acts += page.evaluate("[...document.scripts].map(script => 'script')")
    seen.text = page.inner_text("body")
    page.close()
    return seen


def provoke(page: Any) -> None:
    """Fire the events that handlers wait for."""
    page.evaluate("""() => {
        for (const element of document.querySelectorAll('*'))
            for (const name of ['mouseover', 'click', 'focus', 'load', 'error', 'toggle'])
                if (name != 'click' || !/^http/.test(element.href || ''))
                    element.dispatchEvent(new Event(name));
    }""")
