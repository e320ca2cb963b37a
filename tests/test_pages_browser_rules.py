"""Can a credit manager change a threshold and take it back in a real browser, and find out who overrode a decision?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Watched, data, undisturbed, watched
from tests.live_service import create_users, served, trained_home

pytestmark = pytest.mark.slow
PASSWORD = "seven quiet harbours"
USERS = {"mia": "credit_manager", "ana": "analyst"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book, with a manager and an analyst."""
    folder = tmp_path_factory.mktemp("rules")
    home = trained_home(folder)
    create_users(home, USERS, PASSWORD)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def signed_in(desk: Watched, name: str, to: str) -> Page:
    """The page that somebody came for; what it took to sign in is not counted."""
    page = desk.open(f"/sign-in?to={to}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{name}, ")).to_be_visible()
    desk.work.clear()
    return page


def put_in_force(page: Page, why: str) -> None:
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Put it in force now").click()
    expect(page).to_have_url(re.compile("/policy[?]told="))


def test_changing_a_threshold_and_taking_it_back(desk: Watched, origin: str) -> None:
    before = data(origin, "/policy")["policy_version"]
    page = signed_in(desk, "mia", "/policy")
    page.get_by_role("link", name="Change numbers").click()
    page.locator("[name='tier_rules.long_delay_likely.1']").fill("0.01 %")
    page.get_by_role("button", name="Check, keep, and see").click()
    expect(page.get_by_role("heading", name="What would it change today?")).to_be_visible()
    moved = page.locator(".moves tbody tr").first
    expect(moved.get_by_role("link")).to_have_attribute("href", re.compile("^/customers/"))
    expect(page.locator(".grade-move", has_text="long delay likely").first).to_be_visible()
    assert data(origin, "/policy")["policy_version"] == before
    put_in_force(page, "More early calls this month")
    changed = data(origin, "/policy")["policy_version"]
    assert changed != before
    page.get_by_role("link", name=f"Version {before}").click()
    expect(page.get_by_role("heading", name="What would it change today?")).to_be_visible()
    put_in_force(page, "Too many calls")
    assert data(origin, "/policy")["policy_version"] == before
    told = [(each["activated_by"], each["why"]) for each in data(origin, "/policy")["activations"]]
    assert told == [("mia", "Too many calls"), ("mia", "More early calls this month")]


def test_an_analyst_reads_the_policy_and_is_refused_to_change_it(desk: Watched, origin: str) -> None:
    page = signed_in(desk, "ana", "/policy")
    expect(page.get_by_role("link", name="Change numbers")).to_have_count(0)
    answer = page.goto(f"{origin}/policy/numbers")
    assert answer is not None and answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("write:policy")


def test_finding_who_overrode_a_decision(browser: Browser, desk: Watched, origin: str) -> None:
    with watched(browser, origin) as analyst:
        case = data(origin, "/today")["cases"][0]["case_id"]
        invoice = next(each for each in data(origin, f"/customers/{case}")["items"] if each["tier"])
        page = signed_in(analyst, "ana", f"/invoices/{invoice['invoice_id']}")
        told = data(origin, f"/invoices/{invoice['invoice_id']}")
        other = next(each for each in told["actions"] if each != told["score"]["action"])
        page.locator("#decision-chosen").select_option(other)
        page.locator("#decision-why").fill("They called us first.")
        page.get_by_role("button", name="Record the decision").click()
        expect(page.get_by_role("heading", name="What was decided?")).to_be_visible()
        analyst.work.clear()
    page = signed_in(desk, "mia", "/audit")
    page.get_by_label("Of what").select_option("decisions")
    page.get_by_role("button", name="Show", exact=True).click()
    row = page.locator("table.log tbody tr", has_text="ana")
    expect(row).to_contain_text(f"policy {told['score']['policy_version']}")
    row.locator("summary").click()
    expect(row).to_contain_text("They called us first.")
