"""Can people do their jobs in a real browser: by mouse or keys alone, on every screen, with or without scripts?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser import SIZES, STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import create_users, served, trained_home

pytestmark = pytest.mark.slow
PASSWORD = "seven quiet harbours"
PLACES = (
    "/today",
    "/alerts",
    "/messages",
    "/portfolio",
    "/portfolio/losses",
    "/portfolio/exits",
    "/policy",
    "/model",
    "/audit",
    "/glossary",
    "/patterns",
    "/sign-in",
)


@pytest.fixture(scope="module")
def origin(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book, where a user may sign in too."""
    folder = tmp_path_factory.mktemp("pages")
    home = trained_home(folder)
    create_users(home, {"ana": "analyst"}, PASSWORD)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    """A browser at a desk; whatever the test did, nothing left the service and nothing complained."""
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def case_with_invoices(origin: str) -> tuple[str, str]:
    """A case of the list, and one of its open invoices that is scored."""
    for case in data(origin, "/today")["cases"]:
        told = data(origin, f"/customers/{case['case_id']}")
        scored = [each for each in told["items"] if each["tier"] and each["p_late"] < 1]
        if scored:
            return case["case_id"], scored[0]["invoice_id"]
    raise AssertionError("no case of the list has an open invoice that is not late yet")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits_its_screen(
    browser: Browser, origin: str, size: str, dark: bool
) -> None:
    case, invoice = case_with_invoices(origin)
    pictures = os.environ.get("DUECOURSE_PICTURES")
    with watched(browser, origin, size, dark) as found:
        for path in (*PLACES, f"/customers/{case}", f"/invoices/{invoice}"):
            page = found.open(path)
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            told = Axe().run(page, options={"runOnly": STANDARDS})
            assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if pictures:
                name = f"{path.strip('/').replace('/', '-')}-{size}-{'dark' if dark else 'light'}.png"
                page.screenshot(path=Path(pictures) / name, full_page=True)
        assert found.strangers == []
        assert found.complaints == []


def test_working_the_list_by_keys_alone(desk: Watched, origin: str) -> None:
    page = desk.open("/today")
    cases = data(origin, "/today")["cases"]
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/customers/{cases[0]['case_id']}$"))
    expect(page.get_by_role("heading", name="Next step")).to_be_visible()
    page.go_back()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type(cases[-1]["case_id"])
    expect(page.locator("li.case")).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"q={cases[-1]['case_id']}"))
    page.reload()
    expect(page.locator("li.case")).to_have_count(1)


def test_understanding_a_score(desk: Watched, origin: str) -> None:
    case, invoice = case_with_invoices(origin)
    page = desk.open(f"/customers/{case}")
    page.get_by_role("link", name=invoice, exact=True).first.click()
    expect(page.get_by_role("heading", name="How likely is it to be late?")).to_be_visible()
    told = data(origin, f"/invoices/{invoice}")
    expect(page.locator(".waterfall.wide rect")).to_have_count(len(told["explained"]["steps"]) - 2)
    for reason in told["score"]["reasons"]:
        expect(page.get_by_text(reason["sentence"]).first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".waterfall.wide")).to_be_hidden()
    expect(page.locator(".waterfall.slim")).to_be_visible()
    assert page.locator(".waterfall.slim").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_recording_a_promise_by_keys_alone(desk: Watched, origin: str) -> None:
    case, invoice = case_with_invoices(origin)
    page = desk.open(f"/customers/{case}")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "A promise to pay":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "invoice_id"
    page.keyboard.type(invoice)
    page.keyboard.press("Tab")
    due = data(origin, "/today")["as_of"]
    page.keyboard.type(f"{int(due[5:7]):02}{int(due[8:]):02}{int(due[:4]) + 1}")
    for _ in range(6):  # past the parts of the day, to the amount
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "amount":
            break
    page.keyboard.press("Tab")
    page.keyboard.type("Ms Weber")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The promise is recorded")
    kept = data(origin, f"/customers/{case}")["promises"][0]
    assert (kept["invoice_id"], kept["person"], kept["status"]) == (invoice, "Ms Weber", "open")
    assert kept["promised_on"][:4] == str(int(due[:4]) + 1)


def test_overriding_with_a_reason(desk: Watched, origin: str) -> None:
    _, invoice = case_with_invoices(origin)
    page = desk.open(f"/invoices/{invoice}")
    told = data(origin, f"/invoices/{invoice}")
    other = next(each for each in told["actions"] if each != told["score"]["action"])
    page.locator("#decision-chosen").select_option(other)
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert")).to_contain_text("say why")
    assert page.evaluate("document.activeElement.matches('.wrong')")
    assert page.locator("#decision-chosen").input_value() == other
    page.locator("#decision-why").fill("They called us first.")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("heading", name="What was decided?")).to_be_visible()
    assert data(origin, f"/invoices/{invoice}")["decisions"][0]["override_reason"] == "They called us first."


def test_a_form_clicked_twice_acts_once(desk: Watched, origin: str) -> None:
    case, _ = case_with_invoices(origin)
    page = desk.open(f"/customers/{case}")
    page.get_by_text("A note", exact=True).click()
    page.get_by_label("Note").last.fill("Clicked twice")
    page.get_by_role("button", name="Record the note").dblclick()
    expect(page.get_by_role("status")).to_contain_text("recorded")
    told = data(origin, f"/customers/{case}")["timeline"]["events"]
    assert sum(each["text"] == "Clicked twice" for each in told) == 1


def test_everything_that_matters_works_without_scripts(browser: Browser, origin: str) -> None:
    case, _ = case_with_invoices(origin)
    with watched(browser, origin, scripts=False) as found:
        page = found.open("/today")
        page.get_by_label("Search").fill(case)
        page.get_by_role("button", name="Show").click()
        expect(page.locator("li.case")).to_have_count(1)
        page.locator("[data-row]").click()
        page.get_by_text("A note", exact=True).click()
        page.get_by_label("Note").last.fill("Without a script")
        page.get_by_role("button", name="Record the note").click()
        expect(page.get_by_role("status")).to_contain_text("The note is recorded")
        expect(page.get_by_text("Without a script")).to_be_visible()
        assert found.strangers == []


def test_signing_in_and_out(desk: Watched) -> None:
    page = desk.open("/sign-in?to=/policy")
    page.get_by_label("Name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/policy$"))
    expect(page.get_by_text("ana, analyst")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    expect(page.get_by_text("not signed in")).to_be_visible()


def test_a_customer_prints_on_one_page(desk: Watched, origin: str) -> None:
    cases = data(origin, "/today")["cases"]
    fullest = max(cases, key=lambda each: each["invoices"])["case_id"]
    page = desk.open(f"/customers/{fullest}")
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
