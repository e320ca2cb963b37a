"""Can people check the log, find an override, work off alerts and settle a message, in a real browser?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from serving.desk import Actor, Desk
from tests.browser import SIZES, STANDARDS, Watched, watched
from tests.live_service import served, trained_home
from tests.test_pages_desk import ALERT

pytestmark = pytest.mark.slow
NIGHT, DAY = Actor("nightly", "administrator"), "2026-06-30"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with alerts, and a message of which nobody knows whether it arrived, for each size."""
    folder = tmp_path_factory.mktemp("desk")
    home = trained_home(folder)
    with Desk.open(home.folder) as desk:
        _fill(desk)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


def _fill(desk: Desk) -> None:
    now = datetime.now(UTC)
    text: dict[str, Any] = {"customer_id": "C0001", "action": "friendly_reminder"}
    for size in SIZES:
        with desk.writing(NIGHT, now) as writing:
            for severity in ("warning", "notice"):
                writing.add(
                    "alerts", ALERT | {"severity": severity, "assigned_to": size, "customer_id": "C0001"}
                )
            said = {"sent_on": DAY, "channel": "email", "subject": f"For {size}", "body": "Dear all"}
            message = writing.add("messages", text | said | {"recipient": "c@example.com"}).record_id
            moment = {"day": DAY, "next_attempt_at": now.isoformat()}
            ids = {"sending_id": f"S-{size}", "case_id": "C0001", "message_id": message}
            writing.add("sendings", text | moment | ids | {"recipient": "c@example.com"})
        for version, status in enumerate(("sending", "unsure"), 1):
            with desk.writing(NIGHT, now) as writing:
                writing.change("sendings", f"S-{size}", {"status": status}, version)


def size_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["sized"])


def test_the_whole_log_is_checked_by_a_click(sized: Watched) -> None:
    page = sized.open("/audit")
    page.get_by_role("button", name="Check the whole log now").click()
    expect(page.get_by_role("heading", name="It is whole")).to_be_visible(timeout=30_000)
    page.get_by_label("Which").select_option("overrides")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("No entry fits.")).to_be_visible()
    assert "only=overrides" in page.url


def test_an_alert_is_closed_and_the_list_stays_as_it_was_asked_for(
    sized: Watched, request: pytest.FixtureRequest
) -> None:
    size = size_of(request)
    page = sized.open(f"/alerts?severity=warning&assigned_to={size}")
    expect(page.locator("li.alert")).to_have_count(1)
    many = int(page.locator(".top .count").inner_text())
    page.get_by_text("Open: change").click()
    page.get_by_label("Now").select_option("closed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_be_visible()
    assert f"severity=warning&assigned_to={size}" in page.url
    expect(page.locator("li.alert")).to_have_count(0)
    expect(page.get_by_role("link", name=f"Alerts {many - 1} open")).to_be_visible()


def test_what_nobody_knew_is_said_by_keyboard(sized: Watched, request: pytest.FixtureRequest) -> None:
    page = sized.open("/messages?status=unsure")
    row = page.locator("tbody tr", has_text=f"For {size_of(request)}")
    row.get_by_text("Say what became of it").press("Enter")
    row.get_by_label("What became of it").select_option("sent")
    row.get_by_role("button", name="Record").press("Enter")
    expect(page.locator(".toast")).to_be_visible()
    expect(row).to_have_count(0)
    page = sized.open("/customers/C0001")
    expect(page.locator(".timeline", has_text="Left by itself to c@example.com").first).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_for_everybody(browser: Browser, origin: str, dark: bool, tmp_path: Path) -> None:
    for size in SIZES:
        with watched(browser, origin, size, dark) as found:
            for path in ("/audit", "/alerts", "/messages", "/portfolio/losses", "/portfolio/exits"):
                page = found.open(path)
                expect(page.locator("[data-again]")).to_have_count(0, timeout=60_000)
                page.evaluate(
                    "document.querySelectorAll('main details').forEach((each) => { each.open = true; })"
                )
                flaws = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
                assert [(each["id"], each["nodes"][0]["html"]) for each in flaws] == [], (path, size)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, size)
            assert (found.strangers, found.complaints) == ([], [])
