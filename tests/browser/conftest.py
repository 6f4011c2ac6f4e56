"""A real browser for the tests of pages: the Chromium of the system, driven from outside."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

OpenPage = Callable[..., Page]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; without one on the machine the tests are skipped, in CI they fail.

    It leaves an event loop running as long as it lives, which no other module may find.
    """
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = "no Chromium on this machine: pages are NOT tested (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a file as a reader would; it must load nothing else and complain of nothing until the end."""
    complaints: list[str] = []
    contexts = []

    def open_file(path: Path, width: int = 1280, theme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        address = path.absolute().as_uri()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type != "log" else None)
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda one: complaints.append(one.url) if one.url != address else None)
        page.goto(address)
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []
