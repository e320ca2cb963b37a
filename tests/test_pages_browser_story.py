"""Can an analyst work the list, tell a customer's story and hand it over, in a real browser, by keys, beside others?"""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book."""
    folder = tmp_path_factory.mktemp("story")
    home = trained_home(folder)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    """A browser at a desk; whatever the test did, nothing left the service and nothing complained."""
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def add(origin: str, path: str, content: dict[str, Any]) -> None:
    """Record something over the API."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    request = urllib.request.Request(f"{origin}/v1/{path}", json.dumps(content).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


def focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.tagName"))


def typed_day(page: Page, day: str) -> None:
    """Write a day into the field one is in, as its parts are asked for."""
    page.keyboard.type(f"{day[5:7]}{day[8:10]}{day[:4]}")


def test_setting_a_case_aside_by_keys_alone(desk: Watched, origin: str) -> None:
    page = desk.open("/today")
    before = data(origin, "/today")
    first, until = before["cases"][0]["case_id"], f"{int(before['as_of'][:4]) + 1}-03-02"
    page.keyboard.press("j")
    page.keyboard.press("s")
    assert focus(page) == "snoozed_until"
    typed_day(page, until)
    for _ in range(8):
        page.keyboard.press("Tab")
        if focus(page) == "reason":
            break
    page.keyboard.type("waits for a credit note")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is recorded, and today’s list")
    told = data(origin, "/today")
    assert first not in [each["case_id"] for each in told["cases"]]
    aside = next(each for each in told["left_out"] if each["reason"] == "snoozed")
    assert first in [each["case_id"] for each in aside["cases"]]


@pytest.mark.parametrize(("key", "name"), [("a", "assigned_to"), ("m", "position")])
def test_each_key_opens_its_field_and_escape_leads_back(desk: Watched, key: str, name: str) -> None:
    page = desk.open("/today")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press(key)
    assert focus(page) == name
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.hasAttribute('data-row')")


def test_the_keys_are_shown_over_the_page_and_as_one(desk: Watched, browser: Browser, origin: str) -> None:
    page = desk.open("/today")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "Close"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    with watched(browser, origin, scripts=False) as bare:
        plain = bare.open("/today")
        plain.get_by_role("link", name="All keys").click()
        expect(plain.get_by_role("heading", name="Keys")).to_be_visible()


def test_two_analysts_hand_over_one_case_and_the_second_is_told(browser: Browser, origin: str) -> None:
    case = data(origin, "/today")["cases"][1]["case_id"]
    with watched(browser, origin) as one, watched(browser, origin) as other:
        pages = [each.open(f"/today?q={case}") for each in (one, other)]
        for page, name in zip(pages, ("ana", "ben"), strict=True):
            page.keyboard.press("j")
            page.keyboard.press("a")
            page.keyboard.type(name)
            page.keyboard.press("Enter")
            if name == "ana":
                expect(page.get_by_role("status")).to_contain_text("It is recorded")
                expect(page).to_have_url(re.compile(rf"q={case}"))
        expect(pages[1].get_by_role("alert")).to_contain_text("changed it meanwhile")
        form = pages[1].locator(f'form[action="/today/{case}"]')
        assert form.locator('[name="assigned_to"]').input_value() == "ben"
        told = next(each for each in data(origin, "/today")["cases"] if each["case_id"] == case)
        assert told["assigned_to"] == "ana"
        form.get_by_role("button", name="Save").click()
        expect(pages[1].get_by_role("status")).to_contain_text("It is recorded")
        told = next(each for each in data(origin, "/today")["cases"] if each["case_id"] == case)
        assert told["assigned_to"] == "ben"


def alone(origin: str) -> str:
    """A listed customer that belongs to no group."""
    for case in data(origin, "/today")["cases"]:
        if len(data(origin, f"/customers/{case['case_id']}")["members"]) == 1:
            return str(case["case_id"])
    raise AssertionError("every listed case is a group")


def test_recording_a_review(desk: Watched, origin: str) -> None:
    case = alone(origin)
    page = desk.open(f"/customers/{case}")
    page.get_by_text("Record the review", exact=True).first.click()
    page.locator("#review-outcome").select_option("keep")
    page.locator("#review-why").fill("They pay late and they pay.")
    page.get_by_role("button", name="Record the review").click()
    expect(page.get_by_role("status")).to_contain_text("The review is recorded")
    told = data(origin, f"/customers/{case}")
    assert told["accounts"][0]["review"]["last_reviewed_on"] == told["as_of"]
    assert told["decided"][0]["why"] == "They pay late and they pay."


def test_deciding_on_credit_as_recommended_or_with_a_reason(desk: Watched, origin: str) -> None:
    case = alone(origin)
    page = desk.open(f"/customers/{case}")
    credit = data(origin, f"/customers/{case}")["accounts"][0]["credit"]
    page.get_by_text("Decide on credit", exact=True).click()
    assert page.locator("#credit-chosen").input_value() == credit["decision"]
    other = "open_terms" if credit["decision"] != "open_terms" else "reduced_limit"
    page.locator("#credit-chosen").select_option(other)
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert")).to_contain_text("say why")
    assert page.locator("#credit-chosen").input_value() == other
    page.locator("#credit-why").fill("Their bank vouches for them.")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("status")).to_contain_text("The decision on credit is recorded")
    kept = data(origin, f"/customers/{case}")["decided"][0]
    assert (kept["chosen"], kept["override_reason"]) == (other, "Their bank vouches for them.")


def test_what_holds_of_a_customer_is_recorded_and_taken_away(desk: Watched, origin: str) -> None:
    case = alone(origin)
    page = desk.open(f"/customers/{case}")
    page.get_by_text("Record what holds", exact=True).click()
    page.locator("#flag-flag").select_option("pay_run")
    page.locator("#flag-value").fill("Thursday")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_text("as they told us").first).to_be_visible()
    page.get_by_role("button", name="It no longer holds").click()
    expect(page.get_by_role("status")).to_contain_text("It no longer holds")
    assert data(origin, f"/customers/{case}")["flags"] == []


def sheets(page: Page) -> int:
    """On how many sheets a page prints."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


def test_a_hand_over_prints_on_one_sheet_whatever_the_history(desk: Watched, origin: str) -> None:
    cases = data(origin, "/today")["cases"]
    fullest = max(cases, key=lambda each: each["invoices"])["case_id"]
    page = desk.open(f"/customers/{fullest}")
    page.get_by_role("link", name="Hand-over").click()
    expect(page.get_by_role("heading", name="What is to be done")).to_be_visible()
    assert sheets(page) == 1
    told = data(origin, f"/customers/{fullest}")
    whose, day = told["members"][0]["customer_id"], told["as_of"]
    for n in range(12):
        text = f"{n}: " + "Spoke at length about deliveries, prices and people. " * 20
        add(origin, "notes", {"customer_id": whose, "noted_on": day, "text": text})
        parts = [{"due_on": f"2030-{month:02}-15", "amount": "100.00"} for month in range(1, 13)]
        plan = {"customer_id": whose, "agreed_on": day, "currency": "EUR", "instalments": parts}
        add(origin, "payment-plans", plan)
        invoice = told["items"][n % len(told["items"])]["invoice_id"]
        promise = {"invoice_id": invoice, "made_on": day, "promised_on": "2030-01-15", "amount": "10.00"}
        add(origin, "promises", promise | {"person": "Ms Maximiliane von Weber-Kestrinlow"})
        dispute = {"invoice_id": invoice, "opened_on": day, "cause": "pricing", "owner": "sales office north"}
        add(origin, "disputes", dispute)
    page = desk.open(f"/customers/{fullest}/hand-over")
    assert sheets(page) == 1
    assert data(origin, f"/customers/{fullest}/hand-over")["more_promises"] > 0


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_story_is_accessible_and_fits_its_screen(
    browser: Browser, origin: str, size: str, dark: bool
) -> None:
    cases = data(origin, "/today")["cases"]
    group = max(cases, key=lambda each: len(data(origin, f"/customers/{each['case_id']}")["members"]))[
        "case_id"
    ]
    with watched(browser, origin, size, dark) as found:
        for path in (
            "/today",
            f"/customers/{alone(origin)}",
            f"/customers/{group}",
            f"/customers/{group}/hand-over",
        ):
            page = found.open(path)
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            told = Axe().run(page, options={"runOnly": STANDARDS})
            assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert found.strangers == [] and found.complaints == []
