"""Does each role find its work in a real browser, and only that; do odd names stay words; do two hear of each other?"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from serving.desk import Actor, Desk
from serving.pages.paths import customer_path, invoice_path
from serving.users import Users
from tests.browser import STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow
PASSWORD = "seven quiet harbours"
USERS = {"ana": "analyst", "ben": "analyst", "vic": "viewer", "sci": "data_scientist"}
ODD_NAMES = (
    "<img src=x onerror=alert(1)><b>Bold</b> & Sons",
    '=HYPERLINK("http://example.com";"pay here")',
    "شركة المياه العربية <i>",
    "\u202eynapmoc kcab\u202c Ltd",
    "Unabhängigewasserversorgungszweckverbandsverwaltungsgesellschaft" * 2,
)
POSTING = "main form[method=post]"


@pytest.fixture(scope="module")
def origin(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real service whose customers all have odd names, with somebody of each role."""
    folder = tmp_path_factory.mktemp("roles")
    home = trained_home(folder)
    rename(home.ledger / "customers.csv")
    with Desk.open(home.folder) as desk:
        for name, role in USERS.items():
            Users(desk).create(Actor("root", "administrator"), datetime.now(UTC), name, role, PASSWORD)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def rename(customers: Path) -> None:
    """Give every customer one of the odd names."""
    with customers.open(newline="", encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    names = {
        each: ODD_NAMES[n % len(ODD_NAMES)] for n, each in enumerate({row["customer_id"]: 0 for row in rows})
    }
    with customers.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"name": names[row["customer_id"]]} for row in rows)


def enter(found: Watched, name: str, path: str = "/sign-in") -> Page:
    """Sign in on a page that asks for it."""
    page = found.open(path)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=f"{name}, ")).to_be_visible()
    return page


def spoken_with(origin: str) -> list[str]:
    """Cases of the list that are called or written to about money."""
    cases = data(origin, "/today")["cases"]
    return [each["case_id"] for each in cases if each["channel"] != "internal" and each["asks_for_money"]]


def scored_invoice(origin: str, case: str) -> str:
    items = data(origin, customer_path(case))["items"]
    return next(str(each["invoice_id"]) for each in items if each["tier"])


def test_a_viewer_reads_everything_and_finds_nothing_to_fill_in(desk: Watched, origin: str) -> None:
    page = enter(desk, "vic")
    expect(page).to_have_url(re.compile("/today$"))
    page.locator("[data-row]").first.click()
    expect(page.get_by_role("heading", name="How do they pay?")).to_be_visible()
    expect(page.locator(POSTING)).to_have_count(0)
    page.locator("table [data-row]").first.click()
    expect(page.get_by_role("heading", name="Why?")).to_be_visible()
    expect(page.locator(POSTING)).to_have_count(0)
    places = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
    assert {"Today", "Alerts", "Disputes", "Portfolio", "Policy", "Model"} <= set(places)
    assert not {"Users", "Audit"} & set(places)
    for place in ("Alerts", "Disputes", "Portfolio", "Policy", "Model"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(POSTING)).to_have_count(0)
    answer = page.goto(f"{origin}/users")
    assert answer is not None and answer.status == 403


def test_a_data_scientist_begins_where_they_may_and_finds_how_the_model_does(
    desk: Watched, origin: str
) -> None:
    page = enter(desk, "sci")
    expect(page).to_have_url(re.compile("/portfolio$"))
    page.get_by_role("link", name="Model", exact=True).click()
    expect(page.get_by_role("heading", name="The verdict")).to_be_visible()
    assert data(origin, "/model")["verdict"] in page.locator(".lead").inner_text()
    expect(page.get_by_role("link", name="Today", exact=True)).to_have_count(0)
    page.get_by_role("link", name="duecourse").click()
    expect(page).to_have_url(re.compile("/portfolio$"))
    answer = page.goto(origin + customer_path(spoken_with(origin)[0]))
    assert answer is not None and answer.status == 403
    page.get_by_role("link", name="To the first page").click()
    expect(page).to_have_url(re.compile("/portfolio$"))


def test_an_analyst_takes_a_case_from_the_list_to_its_next_step(desk: Watched, origin: str) -> None:
    case = spoken_with(origin)[-1]
    page = enter(desk, "ana")
    desk.work.clear()
    page.locator(f'[data-row][href="{customer_path(case)}"]').click()
    page.get_by_role("link", name="Prepare the conversation").click()
    expect(page.get_by_role("heading", name="What to say")).to_be_visible()
    page.get_by_label("With whom").first.fill("Ms Weber")
    page.get_by_label("the day on which we speak again").check()
    page.locator("[name=next_contact_on]").first.fill(f"{int(data(origin, '/today')['as_of'][:4]) + 1}-02-02")
    page.get_by_role("button", name="Close the conversation").click()
    expect(page.get_by_role("status").first).to_contain_text("The conversation is closed")
    page.get_by_role("link", name="Back to today’s list").click()
    expect(page.locator("h1")).to_have_text("Today")
    event = data(origin, customer_path(case))["timeline"]["events"][0]
    assert (event["by"], event["kind"]) == ("ana", "contacts")


def test_an_analyst_knows_a_customer_and_hands_it_over(desk: Watched, origin: str) -> None:
    page = enter(desk, "ana")
    desk.work.clear()
    page.locator("[data-row]").first.click()
    for question in ("How do they pay?", "What is open?", "How did it move?", "Credit and review"):
        expect(page.get_by_role("heading", name=question)).to_be_visible()
    page.get_by_role("link", name="Hand-over").click()
    expect(page.get_by_role("heading", name="What is to be done")).to_be_visible()
    assert desk.work["clicks"] == 2


def test_changing_the_language_and_back(desk: Watched) -> None:
    page = desk.open("/today")
    for name, button, told in (("Deutsch", "Change the language", "Heute"), ("English", "Sprache", "Today")):
        page.locator("#speech").select_option(label=name)
        page.get_by_role("button", name=button).click()
        expect(page.locator("h1")).to_have_text(told)


def test_two_analysts_close_one_conversation_and_the_second_is_told(browser: Browser, origin: str) -> None:
    case = spoken_with(origin)[0]
    path = f"{customer_path(case)}/conversation"
    with watched(browser, origin) as one, watched(browser, origin) as other:
        for found, name, whom in ((one, "ana", "Ms Weber"), (other, "ben", "Mr Okafor")):
            page = enter(found, name)
            page.goto(origin + path)
            page.get_by_label("With whom").first.fill(whom)
            page.get_by_label("the day on which we speak again").check()
            page.locator("[name=next_contact_on]").first.fill("2030-02-04")
        one.page.get_by_role("button", name="Close the conversation").click()
        expect(one.page.get_by_role("status").first).to_contain_text("The conversation is closed")
        page = other.page
        page.get_by_role("button", name="Close the conversation").click()
        expect(page.get_by_role("alert")).to_contain_text("ana")
        expect(page.get_by_label("With whom").first).to_have_value("Mr Okafor")
        expect(page.locator("[name=next_contact_on]").first).to_have_value("2030-02-04")
        page.get_by_role("button", name="Close the conversation").click()
        expect(page.get_by_role("status").first).to_contain_text("The conversation is closed")
    events = data(origin, customer_path(case))["timeline"]["events"]
    assert {each["by"] for each in events if each["kind"] == "contacts"} >= {"ana", "ben"}


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_odd_names_stay_words_on_every_page(browser: Browser, origin: str, size: str) -> None:
    cases = data(origin, "/today")["cases"]
    cases = {each["name"]: each["case_id"] for each in cases if len(each["customers"]) == 1}
    assert len(cases) >= 4
    with watched(browser, origin, size) as found:
        opened: list[str] = []
        found.page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        for path in ("/today", "/portfolio?customers=all", "/disputes", "/alerts"):
            stays_words(found, path)
        for name, case in cases.items():
            here, invoice = customer_path(case), invoice_path(scored_invoice(origin, case))
            stays_words(found, here)
            shown = re.sub("[\u202a-\u202e\u2066-\u2069]", "", name).strip()
            expect(found.page.locator("h1 bdi")).to_contain_text(shown)
            for path in (f"{here}/conversation", f"{here}/hand-over", invoice, f"{invoice}/what-if"):
                stays_words(found, path)
        assert (opened, found.strangers, found.complaints) == ([], [], [])
        assert [url for url in found.requests if url.endswith("/x")] == []


def stays_words(found: Watched, path: str) -> None:
    """Nothing in a name became a part of the page, and the page fits its screen and is accessible."""
    page = found.open(path)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.locator("main :is(img, b, i)").count() == 0, path
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    told = Axe().run(page, options={"runOnly": STANDARDS})
    assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
