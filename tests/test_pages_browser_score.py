"""Can people understand a score, and try what if, in a real browser: by mouse, by keys, on every screen?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book."""
    folder = tmp_path_factory.mktemp("score")
    home = trained_home(folder)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    """A browser at a desk; whatever the test did, nothing left the service and nothing complained."""
    with undisturbed(browser, origin) as found:
        yield found


@pytest.fixture(scope="module")
def invoice(origin: str) -> str:
    """An open invoice with a reason that rests on other invoices, and to which longer terms could be given."""
    for case in data(origin, "/today")["cases"]:
        for each in data(origin, f"/customers/{case['case_id']}")["items"]:
            page = data(origin, f"/invoices/{each['invoice_id']}")
            if page["explained"] and any(reason["to"] for reason in page["reasons"]):
                return str(each["invoice_id"])
    raise AssertionError("no invoice of the list has a reason with invoices behind it")


def pages_of(origin: str, invoice: str) -> list[str]:
    behind = next(each["to"] for each in data(origin, f"/invoices/{invoice}")["reasons"] if each["to"])
    return [f"/invoices/{invoice}", behind, f"/invoices/{invoice}/what-if?longer_terms=30&deposit=30"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_a_score_are_accessible_and_fit(
    browser: Browser, origin: str, invoice: str, size: str, dark: bool
) -> None:
    pictures = os.environ.get("DUECOURSE_PICTURES")
    with watched(browser, origin, size, dark) as found:
        for path in pages_of(origin, invoice):
            page = found.open(path)
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            told = Axe().run(page, options={"runOnly": STANDARDS})
            assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if pictures:
                name = re.sub(r"\W+", "-", path.strip("/"))
                shade = "dark" if dark else "light"
                page.screenshot(path=Path(pictures) / f"{name}-{size}-{shade}.png", full_page=True)
        assert found.strangers == [] and found.complaints == []


def test_understanding_a_score_down_to_its_invoices(desk: Watched, origin: str, invoice: str) -> None:
    page = desk.open(f"/invoices/{invoice}")
    told = data(origin, f"/invoices/{invoice}")
    reason = next(each for each in told["reasons"] if each["to"])
    page.get_by_role("listitem").filter(has_text=reason["sentence"]).first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Which invoices stand behind it?")).to_be_visible()
    rows = data(origin, reason["to"])["rows"]
    expect(page.locator("table.behind tbody tr")).to_have_count(len(rows))
    expect(page.get_by_role("link", name=rows[0]["invoice_id"], exact=True).first).to_be_visible()
    page.get_by_role("link", name="Back to the score").click()
    expect(page).to_have_url(re.compile(f"/invoices/{invoice}#why$"))
    expect(page.get_by_role("heading", name="How did such scores turn out?")).to_be_visible()


def _shows(page: Page, together: dict[str, Any]) -> None:
    panel = page.locator("section").filter(has=page.get_by_role("heading", name="Together"))
    expect(panel.locator(".mark")).to_have_count(len(together["levers"]))
    points = f"{abs(100 * together['change']):.1f} points"
    expect(panel).to_contain_text(points if together["reacts"] else "does not react")


def test_trying_two_levers(desk: Watched, origin: str, invoice: str) -> None:
    page = desk.open(f"/invoices/{invoice}")
    page.get_by_role("link", name="What if we did something otherwise?").click()
    page.get_by_label("Give longer terms").select_option("30")
    page.get_by_label("Take a deposit").select_option("50")
    page.get_by_role("button", name="Score them together").click()
    expect(page).to_have_url(re.compile("longer_terms=30"))
    together = data(origin, f"/v1/invoices/{invoice}/what-if?longer_terms=30&deposit=50", "")["together"]
    _shows(page, together)
    expect(page.get_by_text("Association, not promise")).to_be_visible()
    page.get_by_role("link", name="Leave everything as it is").click()
    expect(page.get_by_text("Choose one lever or several below")).to_be_visible()


def test_trying_a_lever_by_keys_alone(desk: Watched, origin: str, invoice: str) -> None:
    page = desk.open(f"/invoices/{invoice}/what-if")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "longer_terms":
            break
    page.keyboard.press("ArrowDown")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Score them together":
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("longer_terms=15"))
    _shows(page, data(origin, f"/v1/invoices/{invoice}/what-if?longer_terms=15", "")["together"])


def test_levers_work_without_scripts(browser: Browser, origin: str, invoice: str) -> None:
    with watched(browser, origin, scripts=False) as found:
        page = found.open(f"/invoices/{invoice}/what-if")
        page.get_by_label("Give longer terms").select_option("60")
        page.get_by_role("button", name="Score them together").click()
        expect(page.get_by_label("Give longer terms")).to_have_value("60")
        assert found.strangers == []
