"""Can people find their largest debtor, and the month in which the model was furthest off, in a real browser?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, STANDARDS, Watched, data, watched
from tests.commands import runs_in
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose model was trained, promoted and watched by the commands."""
    folder = tmp_path_factory.mktemp("portfolio")
    home = trained_home(folder)
    assert runs_in(home.folder)("monitor", home.ledger).exit_code in (0, 1)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


def whole(page: Page) -> Page:
    """The page once nothing on it is being worked out any more."""
    expect(page.locator("[data-again]")).to_have_count(0, timeout=60_000)
    return page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_are_accessible_and_fit_their_screen(
    browser: Browser, origin: str, size: str, dark: bool
) -> None:
    pictures = os.environ.get("DUECOURSE_PICTURES")
    with watched(browser, origin, size, dark) as found:
        for name, path in {
            "portfolio": "/portfolio?customers=all",
            "portfolio-narrow": "/portfolio?tier=high&age=1-30&by=country",
            "model": "/model",
        }.items():
            page = whole(found.open(path))
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            report = Axe().run(page, options={"runOnly": STANDARDS})
            assert report.violations_count == 0, f"{path}\n{report.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if pictures:
                shade = "dark" if dark else "light"
                page.screenshot(path=Path(pictures) / f"{name}-{size}-{shade}.png", full_page=True)
        assert (found.strangers, found.complaints) == ([], [])


def test_finding_the_largest_customer(sized: Watched, origin: str) -> None:
    page = sized.open("/today")
    page.get_by_role("link", name="Portfolio").click()
    expect(page.locator(".lead").first).to_contain_text("owe four fifths")
    largest = data(origin, "/portfolio")["concentration"]["largest"][0]
    page.locator("[data-row]").first.click()
    expect(page).to_have_url(re.compile(rf"/customers/{largest['customer_id']}$"))
    assert sized.work["clicks"] == 2


def test_finding_the_largest_customer_by_keys_alone(browser: Browser, origin: str) -> None:
    largest = data(origin, "/portfolio")["concentration"]["largest"][0]
    with watched(browser, origin) as found:
        page = whole(found.open("/portfolio"))
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"/customers/{largest['customer_id']}$"))
        assert found.work["keys"] == 2


def test_seeing_who_owes_what_is_oldest(sized: Watched, origin: str) -> None:
    bands = data(origin, "/portfolio")["ageing"][0]["bands"]
    oldest = [band for band in bands if band["invoices"]][-1]
    page = whole(sized.open("/portfolio"))
    page.locator(f'.ageing a[href*="{oldest["to"].split("#")[0].split("&")[-1]}"]').first.click()
    expect(page.get_by_text(f"Only invoices of the age {oldest['name']}.")).to_be_visible()
    named = data(origin, oldest["to"].split("#")[0].replace("/portfolio", "/portfolio.json"), "")
    expect(page.locator("[data-row]")).to_have_count(len(named["concentration"]["largest"]))
    assert sum(float(each["open"]) for each in named["whole"]) == float(oldest["open"])


def test_narrowing_the_portfolio_acts_at_once_and_stays_in_the_address(sized: Watched, origin: str) -> None:
    division = data(origin, "/portfolio")["choices"]["division"][0]
    page = whole(sized.open("/portfolio"))
    before = page.locator(".lead").first.inner_text()
    page.get_by_label("Division").select_option(division)
    expect(page).to_have_url(re.compile(rf"division={division}"))
    expect(page.locator(".lead").first).not_to_have_text(before)
    page.reload()
    expect(page.get_by_label("Division")).to_have_value(division)


def test_finding_the_worst_month_of_the_model(sized: Watched, origin: str) -> None:
    page = sized.open("/today")
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_role("heading", name="The verdict")).to_be_visible()
    told = data(origin, "/model")
    assert told["judged_on"] and told["verdict"] in page.locator(".lead").inner_text()
    worst = told["rehearsal"]["worst_month"]
    if worst:
        expect(page.locator("#months ~ .scroll tr", has_text="furthest off")).to_contain_text(worst)
    else:
        expect(page.locator("#months ~ .scroll .mark")).to_have_count(0)
    assert sized.work["clicks"] == 1


def test_the_pages_work_without_scripts(browser: Browser, origin: str) -> None:
    division = data(origin, "/portfolio")["choices"]["division"][0]
    with watched(browser, origin, scripts=False) as found:
        page = found.open("/portfolio")
        page.get_by_label("Division").select_option(division)
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile(rf"division={division}"))
        expect(page.get_by_role("link", name="Show all").first).to_be_visible()
        found.open("/model").get_by_role("link", name="More than 30 days late").click()
        expect(page).to_have_url(re.compile("of=p_late_30"))
        assert found.strangers == []
