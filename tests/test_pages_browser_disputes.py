"""Can people find, assign and settle a dispute in a real browser, by keys too, and close a talk without scripts?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import SIZES, STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book, in which somebody objects to something."""
    folder = tmp_path_factory.mktemp("objections")
    with served(trained_home(folder), folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def owing(origin: str, place: int = 0) -> str:
    """A case of the list whose customer owes something that may be planned."""
    cases = [each["case_id"] for each in data(origin, "/today")["cases"] if len(each["customers"]) == 1]
    found = [each for each in cases if data(origin, f"/customers/{each}/conversation")["plan"]]
    return found[place]


def opened(page: Page, origin: str, case: str) -> str:
    """Open a dispute on the customer's page as an analyst does; its number."""
    page.goto(f"{origin}/customers/{case}?open=dispute")
    page.locator("#dispute-invoice_id").select_option(index=1)
    page.locator("#dispute-cause").select_option("pricing")
    page.locator("#dispute-note").fill("The old price was agreed")
    page.get_by_role("button", name="Open the dispute").click()
    expect(page.get_by_role("status").first).to_contain_text("The dispute is open")
    told = data(origin, "/disputes")["listed"]
    return next(each["record_id"] for each in told if each["customer_id"] == case and each["version"] == 1)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_fit_every_screen(browser: Browser, origin: str, size: str, dark: bool) -> None:
    pictures = os.environ.get("DUECOURSE_PICTURES")
    with watched(browser, origin, size, dark) as found:
        listed = data(origin, "/disputes")["listed"]
        number = listed[0]["record_id"] if listed else opened(found.page, origin, owing(origin))
        talk = f"/customers/{owing(origin)}/conversation"
        for path in ("/disputes", f"/disputes/{number}", talk):
            page = found.open(path)
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            if path == talk:
                page.get_by_label("a plan to pay in parts").check()
                expect(page.locator("[data-told] p").first).to_be_visible()
            told = Axe().run(page, options={"runOnly": STANDARDS})
            assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if pictures:
                name = f"{path.strip('/').replace('/', '-')}-{size}-{'dark' if dark else 'light'}.png"
                page.screenshot(path=Path(pictures) / name, full_page=True)
        assert found.strangers == [] and found.complaints == []


def test_opening_assigning_and_settling_a_dispute(desk: Watched, origin: str) -> None:
    case = owing(origin)
    page = desk.page
    number = opened(page, origin, case)
    page = desk.open("/disputes")
    page.get_by_label("Search").fill(number)
    expect(page.locator("table.objections tbody tr")).to_have_count(1)
    page.locator("[data-row]").click()
    page.get_by_label("Who of ours sees to it").fill("ana")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("status").first).to_contain_text("recorded")
    page.get_by_label(re.compile("^It is")).select_option("resolved")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("alert")).to_contain_text("say how it was settled")
    expect(page.get_by_label("Who of ours sees to it")).to_have_value("ana")
    page.get_by_label("What was found").fill("Credit note sent")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("status").first).to_contain_text("recorded")
    told = data(origin, f"/disputes/{number}")
    assert (told["status"], told["owner"], told["version"]) == ("resolved", "ana", 3)


def test_assigning_a_dispute_by_keys_alone(desk: Watched, origin: str) -> None:
    opened(desk.page, origin, owing(origin, 1))
    page = desk.open("/disputes?cause=pricing")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/disputes/[^?]+"))
    path = page.url.removeprefix(origin)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "owner":
            break
    page.keyboard.type("Tom of sales")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("recorded")
    assert data(origin, path.partition("?")[0])["owner"] == "Tom of sales"


def test_asking_a_colleague_and_hearing_that_it_is_done(desk: Watched, origin: str) -> None:
    page = desk.open(f"/customers/{owing(origin)}")
    page.get_by_text("A task for a colleague").click()
    page.get_by_label("What is to be done").fill("Send the proof of delivery")
    page.get_by_label("Who does it").fill("Tom")
    page.get_by_role("button", name="Record the task").click()
    expect(page.get_by_role("status").first).to_contain_text("The task is recorded")
    page = desk.open("/disputes")
    task = page.locator("li", has_text="Send the proof of delivery")
    task.get_by_text("It is done").click()
    task.get_by_label("What came of it").fill("Sent today")
    task.get_by_role("button", name="Done").click()
    expect(page.get_by_role("status").first).to_contain_text("The task is done")
    expect(page.get_by_text("Send the proof of delivery")).to_have_count(0)


def test_a_plan_is_changed_checked_and_agreed_without_scripts(browser: Browser, origin: str) -> None:
    case = owing(origin, 2)
    with watched(browser, origin, scripts=False) as found:
        page = found.open(f"/customers/{case}/conversation")
        page.get_by_label("With whom").first.fill("Mr Okafor")
        page.get_by_label("a plan to pay in parts").check()
        page.get_by_label("Parts", exact=True).select_option("2")
        page.get_by_role("button", name="Propose").click()
        expect(page.locator("[name=due_3]")).to_have_count(0)
        expect(page.get_by_label("With whom").first).to_have_value("Mr Okafor")
        right = page.locator("[name=amount_1]").input_value()
        page.locator("[name=amount_1]").fill("1.00")
        page.get_by_role("button", name="Check the sums").click()
        expect(page.locator(".ends [data-told]")).to_contain_text("apart")
        page.locator("[name=amount_1]").fill(right)
        page.get_by_role("button", name="Close the conversation").click()
        expect(page.get_by_role("status").first).to_contain_text("The conversation is closed")
        expect(page.get_by_role("heading", name="What was agreed, for the customer")).to_be_visible()
    plan = data(origin, f"/customers/{case}")["plans"][0]
    assert (plan["status"], len(plan["instalments"]), plan["person"]) == ("running", 2, "Mr Okafor")


def test_a_promise_falls_on_a_pay_run_and_prints_as_a_letter(desk: Watched, origin: str) -> None:
    cases = [each["case_id"] for each in data(origin, "/today")["cases"]]
    told = {each: data(origin, f"/customers/{each}/conversation") for each in reversed(cases)}
    case = next(each for each, of in told.items() if of["runs"] and of["about"] and of["asked"])
    page = desk.open(f"/customers/{case}/conversation")
    page.get_by_label("With whom").first.fill("Ms Weber")
    page.get_by_label("a promise").check()
    expect(page.locator(".ends [data-told]")).to_contain_text("promised by")
    run = page.locator("[name=promised_on]").input_value()
    page.get_by_role("button", name="Close the conversation").click()
    expect(page.get_by_role("heading", name="The conversation is closed")).to_be_visible()
    assert run in told[case]["runs"]
    assert data(origin, f"/customers/{case}")["promises"][0]["promised_on"] == run
    page.locator("#summary-body").fill("We noted your payment, thank you.")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("pre.printed")).to_have_text("We noted your payment, thank you.")
    expect(page.locator("pre.printed")).to_be_visible()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="It was sent").click()
    expect(page.get_by_role("status").first).to_contain_text("kept as it was sent")
