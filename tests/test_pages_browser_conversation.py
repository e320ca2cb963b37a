"""Can people prepare, hold and close a conversation in a real browser, and change the policy after its trial?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser import SIZES, STANDARDS, Watched, data, undisturbed, watched
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service of a small simulated book."""
    folder = tmp_path_factory.mktemp("talks")
    with served(trained_home(folder), folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Watched]:
    with undisturbed(browser, origin, refusals=True) as found:
        yield found


def spoken_with(origin: str) -> list[str]:
    """Cases of the list whose customers are called or written to today, and owe something."""
    cases = data(origin, "/today")["cases"]
    return [each["case_id"] for each in cases if each["channel"] != "internal" and each["asks_for_money"]]


@pytest.mark.parametrize("size", SIZES)
def test_a_conversation_and_the_policy_fit_every_screen(browser: Browser, origin: str, size: str) -> None:
    case, pictures = spoken_with(origin)[-1], os.environ.get("DUECOURSE_PICTURES")
    with watched(browser, origin, size) as found:
        for path in (f"/customers/{case}/conversation", "/policy/edit", "/policy/numbers"):
            page = found.open(path)
            told = Axe().run(page, options={"runOnly": STANDARDS})
            assert told.violations_count == 0, f"{path}\n{told.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            if pictures:
                name = f"{path.strip('/').replace('/', '-')}-{size}.png"
                page.screenshot(path=Path(pictures) / name, full_page=True)
        assert found.strangers == [] and found.complaints == []


def test_closing_a_call_with_a_promise_by_keys_alone(desk: Watched, origin: str) -> None:
    case = spoken_with(origin)[0]
    page = desk.open(f"/customers/{case}/conversation")
    page.get_by_label("With whom").focus()
    page.keyboard.type("Ms Weber")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "ends":
            break
    page.keyboard.press("Space")
    if not data(origin, f"/customers/{case}/conversation")["runs"]:
        page.keyboard.press("Tab")
        page.keyboard.type("01022030")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("The conversation is closed")
    expect(page.get_by_label("Text (needed)")).to_have_value(re.compile("We noted a payment"))
    promises = data(origin, f"/customers/{case}")["promises"]
    assert promises[0]["person"] == "Ms Weber" and promises[0]["status"] == "open"


def test_agreeing_a_plan(desk: Watched, origin: str) -> None:
    case = next(
        each for each in spoken_with(origin)[1:] if data(origin, f"/customers/{each}/conversation")["plan"]
    )
    page = desk.open(f"/customers/{case}/conversation")
    page.get_by_label("With whom").first.fill("Mr Okafor")
    page.get_by_label("a plan to pay in parts").check()
    page.locator("#plan-parts").select_option("2")
    page.get_by_role("button", name="Propose").click()
    expect(page.locator("#plan [name=due_3]")).to_have_count(0)
    expect(page.get_by_label("With whom").first).to_have_value("Mr Okafor")
    expect(page.locator(".ends [data-told]")).to_contain_text("to the cent")
    page.get_by_role("button", name="Close the conversation").click()
    expect(page.get_by_role("status").first).to_contain_text("The conversation is closed")
    plan = data(origin, f"/customers/{case}")["plans"][0]
    assert (plan["status"], len(plan["instalments"]), plan["person"]) == ("running", 2, "Mr Okafor")


def test_mending_a_text_that_no_customer_should_read(desk: Watched, origin: str) -> None:
    case = next(
        each
        for each in reversed(spoken_with(origin))
        if data(origin, f"/customers/{each}/conversation")["draft"]["text"]
    )
    page = desk.open(f"/customers/{case}/conversation")
    text = page.locator("#message-body")
    kind = text.input_value()
    text.fill(f"{kind}\nThis is our final warning.")
    expect(page.get_by_text("Not to a customer")).to_be_visible()
    page.get_by_role("button", name="It was sent").click()
    expect(page.get_by_role("alert")).to_contain_text("final warning")
    page.locator("#message-body").fill(kind)
    expect(page.get_by_text("Nothing in it that a customer should not read.")).to_be_visible()
    page.get_by_role("button", name="It was sent").click()
    expect(page.get_by_role("status").first).to_contain_text("kept as it was sent")


def test_changing_the_policy_after_its_trial_and_going_back(desk: Watched, origin: str) -> None:
    before = data(origin, "/policy")["policy_version"]
    page = desk.open("/policy")
    page.get_by_role("link", name="Change numbers").click()
    page.locator("[name='tier_rules.long_delay_likely.1']").fill("1")
    page.get_by_role("button", name="Check, keep").click()
    expect(page.get_by_role("heading", name="What would it change today?")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("customers get more attention")
    page.get_by_label("Why").fill("We want to call earlier")
    page.get_by_role("button", name="Put it in force now").click()
    expect(page.get_by_role("status").first).to_contain_text("in force from now on")
    assert data(origin, "/policy")["policy_version"] != before
    page.get_by_role("link", name=f"Version {before}").click()
    page.get_by_label("Why").fill("Too many calls")
    page.get_by_role("button", name="Put it in force now").click()
    expect(page.get_by_role("status").first).to_contain_text("in force from now on")
    assert data(origin, "/policy")["policy_version"] == before
