"""Is the customer who calls found from any page, and does the list follow what is typed, in a real browser?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import STANDARDS, Watched, data
from tests.live_service import served, trained_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("finding")
    home = trained_home(folder)
    with served(home, folder / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


def left_out(origin: str) -> dict[str, Any]:
    """A customer with something open who is not on today's list."""
    told = data(origin, "/today")
    return next(each for group in told["left_out"] for each in group["cases"] if each["name"])


def test_somebody_who_is_not_on_the_list_is_found_by_keys_from_any_page(sized: Watched, origin: str) -> None:
    wanted = left_out(origin)
    page = sized.open("/portfolio")
    page.keyboard.press("/")
    page.wait_for_url("**/today#f-q")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type(wanted["name"])
    link = page.locator("#list").get_by_role("link", name=wanted["name"], exact=True)
    expect(link.first).to_be_visible()
    expect(page.get_by_label("Search")).to_be_focused()  # the list changed, and not the page
    expect(page.get_by_role("link", name="Show all", exact=True).first).to_be_visible()
    assert "action=" not in page.url and "q=" in page.url
    found = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    while not link.first.evaluate("each => each === document.activeElement"):
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(wanted["name"])


def test_a_case_is_set_aside_and_taken_back(sized: Watched, origin: str) -> None:
    case = data(origin, "/today")["cases"][0]["case_id"]
    page = sized.open(f"/customers/{case}")
    page.get_by_text("Set aside, hand over or move").click()
    page.get_by_label("Set aside until").fill("2030-01-02")
    page.get_by_label("Why", exact=True).first.fill("away until the new year")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("section.next")).to_contain_text("away until the new year")
    assert case not in [each["case_id"] for each in data(origin, "/today")["cases"]]
    page.get_by_text("Change it or take it back").click()
    page.get_by_label("Set aside until").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Change it or take it back")).to_have_count(0)
    assert case in [each["case_id"] for each in data(origin, "/today")["cases"]]
