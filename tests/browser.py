"""Which browser do the tests drive, and what does it notice while it is driven?"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests import jobs

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-gpu",
    "--no-first-run",
)
COUNTING = """
let pressed = 0;
addEventListener("keydown", () => { pressed += 1; counted("keys", 1); }, true);
addEventListener("input", (event) => {
    if (pressed) pressed -= 1;
    else counted(event.data ? "keys" : "clicks", event.data ? event.data.length : 1);
}, true);
addEventListener("click", (event) => { if (event.detail) counted("clicks", 1); }, true);
"""
"""Text that a test fills in at once counts as its keys, and a choice from a list as a click."""
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""What axe holds a page against."""
SIZES = {"desk": (1440, 900), "laptop": (1024, 768), "phone": (390, 844)}


def program() -> str:
    """Where the browser lies; without one the test is skipped, but never in CI."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        missing = f"no browser is installed ({', '.join(PROGRAMS)}): apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page of a browser, and all that it asked for or complained about."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    work: Counter[str] = field(default_factory=Counter)
    """Clicks and keys so far."""

    @property
    def strangers(self) -> list[str]:
        """Requests that left the service's own address."""
        own = urlsplit(self.origin).netloc
        return [url for url in self.requests if urlsplit(url).netloc != own]

    def open(self, path: str) -> Page:
        """Go to an address of the service, which has to answer well."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None and answer.ok, (path, answer and answer.status)
        return self.page


@contextmanager
def watched(
    browser: Browser, origin: str, size: str = "desk", dark: bool = False, scripts: bool = True
) -> Iterator[Watched]:
    """A window of its own, with cookies of its own."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
    )
    work: Counter[str] = Counter()
    context.expose_function("counted", lambda kind, count: work.update({kind: count}))
    context.add_init_script(COUNTING)
    found = Watched(context.new_page(), origin, work=work)

    def noted(request: Request) -> None:
        found.requests.append(request.url)

    found.page.on("request", noted)
    found.page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    try:
        yield found
    finally:
        context.close()
        _told(work)


@contextmanager
def undisturbed(
    browser: Browser, origin: str, size: str = "desk", refusals: bool = False
) -> Iterator[Watched]:
    """The same; whatever is done in it, nothing leaves the service and nothing complains.

    `refusals`: answers of 4xx, of which the browser complains, are part of what is tried.
    """
    with watched(browser, origin, size) as found:
        yield found
        assert found.strangers == []
        assert [each for each in found.complaints if not refusals or "status of 4" not in each] == []


def data(origin: str, path: str, ending: str = ".json") -> Any:
    """The twin of a page as the local caller sees it, or what another address answers as data."""
    with urllib.request.urlopen(f"{origin}{path}{ending}", timeout=60) as answer:
        return json.load(answer)


def _told(work: Counter[str]) -> None:
    """A line where pictures are kept: what this window of a test took."""
    folder = jobs.pictures()
    if folder and work:
        jobs.note(folder, os.environ.get("PYTEST_CURRENT_TEST", ""), work)
