"""Chromium, or the reason why it cannot be had."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.lab import ARGUMENTS, SCREENSHOTS


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A tab of a headless Chromium with an empty profile."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium: `apt-get install chromium`, as .ci/run does")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    profile: Path = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=ARGUMENTS, headless=True, viewport={"width": 1280, "height": 1000}
        )
        yield browser.pages[0]
        browser.close()
