"""Which browser do the tests drive, and what does it notice while it is driven?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-gpu",
    "--no-first-run",
)
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
    found = Watched(context.new_page(), origin)

    def noted(request: Request) -> None:
        found.requests.append(request.url)

    found.page.on("request", noted)
    found.page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    try:
        yield found
    finally:
        context.close()
