"""Do people come in, in a real browser, by password and by a provider, and is nothing lost when a session ends?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.routing import Route

from serving.api.app import create_app
from serving.api.readiness import Readiness
from serving.desk import Desk
from serving.desk import engine as engines
from serving.desk.tables import sessions
from serving.pages.paths import is_page
from serving.tokens import create_token
from serving.users import Users
from tests.browser import SIZES, Watched, chromium, watched
from tests.live_service import trained_home
from tests.openid_provider import OpenIdProvider, openid_provider
from tests.test_service_process import ROOT, bentoml_serve, environment, free_port, running, wait_for

pytestmark = pytest.mark.slow
PASSWORD, OTHER = "seven quiet harbours", "another quiet harbour"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PEOPLE = {
    "ana": {"sub": "7", "preferred_username": "ana", "groups": ["credit"]},
    "guest": {"sub": "9", "preferred_username": "guest", "groups": ["all"]},
}
USERS = {"aaa": "viewer", "boss": "credit_manager", "vice": "credit_manager", "root": "administrator"}
USERS |= {"other": "administrator"}
OUTSIDE = ("/sign-", "/language")
"""Forms that need no session."""
NEED_MORE = {
    "/alerts/{alert_id:path}": "a night that raised alerts",
    "/messages/{sending_id:path}": "a message of which nobody knows whether it arrived",
    "/policy/versions/{version}": "an earlier policy to go back to",
    "/disputes/tasks/{task_id}": "a task that somebody recorded",
    "/policy/check": "the script, which asks while somebody types",
    "/customers/{case_id:path}/wording": "the same",
    "/customers/{case_id:path}/conversation/check": "the same",
    "/customers/{case_id:path}/conversation/again": "a second button of the form that closes a conversation",
}
"""Forms that stand on no page of a book on its first day, and what they wait for."""


@dataclass(frozen=True)
class Service:
    """A running service where everybody signs in, and who may say who they are."""

    origin: str
    home: Path
    provider: OpenIdProvider

    def end_sessions(self) -> None:
        """What two idle hours do."""
        with Desk.open(self.home) as desk, engines.writing(desk.engine) as connection:
            connection.execute(sa.delete(sessions))

    def begin_session(self, name: str) -> None:
        """Somebody signs in elsewhere too."""
        with Desk.open(self.home) as desk:
            Users(desk).begin_session(name, datetime.now(UTC))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("sso")
    home = trained_home(folder)
    for name, role in USERS.items():
        command = [sys.executable, "-m", "serving.cli", "users", "create", name, "--role", role]
        told = environment(home.folder, home.ledger)
        subprocess.run(
            command, input=PASSWORD, env=told, cwd=ROOT, text=True, check=True, capture_output=True
        )
    create_token(home.folder, "erp", date(2026, 1, 1))
    port, log = free_port(), folder / "log"
    origin, command = f"http://127.0.0.1:{port}", bentoml_serve("serving.service:Duecourse", port)
    with openid_provider(origin, PEOPLE) as provider:
        more = provider.settings(origin, LABEL="Northwind", ROLES="credit=analyst") | {
            "DUECOURSE_AUTH": "required"
        }
        with running(command, port, home.folder, home.ledger, log, more) as server:
            assert wait_for(server, "/readyz", (200, 503), log) == 200, log.read_text()
            yield Service(origin, home.folder, provider)


@contextmanager
def signed_in(
    browser: Browser, service: Service, name: str, size: str = "desk", dark: bool = False
) -> Iterator[Watched]:
    with watched(browser, service.origin, size, dark) as found:
        enter(found.open("/sign-in"), name)
        expect(found.page).to_have_url(re.compile("/today$"))
        yield found


def enter(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")


def check(found: Watched, name: str) -> None:
    """The page as it is now is accessible and fits; its picture is kept where pictures are."""
    told = Axe().run(found.page, options={"runOnly": STANDARDS})
    assert told.violations_count == 0, f"{name}\n{told.generate_report()}"
    assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if pictures := os.environ.get("DUECOURSE_PICTURES"):
        found.page.screenshot(path=Path(pictures) / f"{name}.png", full_page=True)


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_of_people_are_accessible_and_fit(
    browser: Browser, service: Service, size: str, dark: bool
) -> None:
    end = f"{size}-{'dark' if dark else 'light'}"
    with watched(browser, service.origin, size, dark) as found:
        found.open("/sign-in")
        check(found, f"sign-in-by-provider-{end}")
    with signed_in(browser, service, "root", size, dark) as found:
        for path in ("/users", "/me"):
            page = found.open(path)
            check(found, f"{path.strip('/')}-{end}")
            open_all(page)
            check(found, f"{path.strip('/')}-open-{end}")
        assert found.strangers == [] and found.complaints == []


def test_signing_in_with_the_provider_and_out_again(browser: Browser, service: Service) -> None:
    with watched(browser, service.origin) as found:
        page = found.page
        page.goto(f"{service.origin}/policy")
        page.get_by_role("link", name="Sign in with Northwind").click()
        page.get_by_role("button", name="ana").click()
        expect(page).to_have_url(f"{service.origin}/policy")
        expect(page.get_by_role("link", name="ana, analyst")).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        assert {urlsplit(each).netloc for each in found.strangers} == {
            urlsplit(service.provider.origin).netloc
        }
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign out at Northwind too").click()
        expect(page.get_by_role("heading", name="Signed out of the provider")).to_be_visible()
        page.goto(f"{service.origin}/today")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert [each for each in found.complaints if "status of 4" not in each] == []


def test_whoever_the_provider_does_not_vouch_for_stays_outside(browser: Browser, service: Service) -> None:
    with watched(browser, service.origin) as found:
        page = found.open("/sign-in")
        page.get_by_role("link", name="Sign in with Northwind").click()
        page.get_by_role("button", name="guest").click()
        expect(page.get_by_role("alert")).to_contain_text("none of the groups")
        check(found, "sign-in-refused")


def test_while_the_provider_is_silent_passwords_let_in(browser: Browser, service: Service) -> None:
    service.provider.lies.is_silent = True
    try:
        with watched(browser, service.origin) as found:
            page = found.open("/sign-in?to=/model")
            page.get_by_role("link", name="Sign in with Northwind").click()
            expect(page.get_by_role("alert")).to_contain_text("Users with a password still can")
            enter(page, "boss")
            expect(page.get_by_role("link", name="boss, credit manager")).to_be_visible()
    finally:
        service.provider.lies.is_silent = False


def test_letting_somebody_in_by_keys_alone(browser: Browser, service: Service) -> None:
    with signed_in(browser, service, "root") as found:
        page = found.open("/users")
        tab_to(page, "user-name")
        page.keyboard.type("carla")
        page.keyboard.press("Tab")
        page.keyboard.type("analyst")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("may sign in")
    with signed_in(browser, service, "carla") as found:
        page = found.open("/me")
        for name, words in (
            ("Password of now", PASSWORD),
            ("New password", OTHER),
            ("New password again", OTHER),
        ):
            page.get_by_label(name, exact=True).fill(words)
        page.get_by_role("button", name="Change it").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")


def tab_to(page: Page, id_: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == id_:
            return
    raise AssertionError(f"no way to {id_} by keys")


def test_a_token_is_made_shown_once_and_revoked(browser: Browser, service: Service) -> None:
    with signed_in(browser, service, "root") as found:
        page = found.open("/users")
        page.get_by_text("A new token", exact=True).click()
        page.locator("#token-name").fill("bi-tool")
        page.get_by_role("button", name="Make the token").click()
        secret = page.locator(".secret").inner_text()
        check(found, "token-made")
        policy = {"Authorization": f"Bearer {secret}"}
        assert page.request.get(f"{service.origin}/v1/policy", headers=policy).ok
        page.get_by_role("link", name="I have kept it").click()
        expect(page.locator(".secret")).to_have_count(0)
        page.locator("li", has_text="bi-tool").get_by_text("Revoke", exact=False).first.click()
        page.get_by_role("button", name="Revoke bi-tool").click()
        expect(page.get_by_role("status")).to_contain_text("no longer works")
        assert page.request.get(f"{service.origin}/v1/policy", headers=policy).status == 401


def test_what_was_written_waits_while_one_signs_in_with_the_provider(
    browser: Browser, service: Service
) -> None:
    with watched(browser, service.origin) as found:
        page = found.open("/sign-in")
        page.get_by_role("link", name="Sign in with Northwind").click()
        page.get_by_role("button", name="ana").click()
        page.locator("[data-row]").first.click()
        page.get_by_text("A note", exact=True).click()
        page.locator("#note-text").fill("Long & <careful>")
        service.end_sessions()
        page.get_by_role("button", name="Record the note").click()
        expect(page.get_by_role("heading", name="What you wrote is kept")).to_be_visible()
        check(found, "kept-by-provider")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Sign in with Northwind in another tab").click()
        tab = opened.value
        tab.get_by_role("button", name="ana").click()
        expect(tab.get_by_role("status")).to_contain_text("Go back to the other tab")
        page.get_by_role("button", name="I am signed in").click()
        page.get_by_role("button", name="Send it now").click()
        expect(page.get_by_role("status")).to_contain_text("The note is recorded")
        expect(page.get_by_text("Long & <careful>").first).to_be_visible()


FORMS = """() => [...document.forms]
  .map((each, place) => ({
    place, method: each.method, path: new URL(each.getAttribute("action") || location.pathname, location).pathname}))
  .filter((each) => each.method === "post" && !/^.(sign-|language)/.test(each.path))"""
WRITE = """(place) => {
  const form = document.forms[place];
  form.noValidate = true;
  for (const each of form.elements) {
    if (each.type === "hidden" || !each.name) continue;
    if (each.tagName === "SELECT") each.selectedIndex = each.options.length - 1;
    else if (each.type === "checkbox" || each.type === "radio") each.checked = true;
    else if (each.type === "date") each.value = "2027-01-15";
    else if (each.type === "number") each.value = each.min || "2";
    else if (!each.readOnly) each.value = "Typed into " + each.name;
  }
  const ours = ["csrf", "key"];
  return Object.fromEntries([...new FormData(form)].filter(([name, value]) => value && !ours.includes(name)));
}"""
SEND = "(place) => document.forms[place].requestSubmit()"
HIDDEN = """(action) => Object.fromEntries([...document.querySelector(`form[action="${CSS.escape(action)}"]`
  + `, form[action="${action}"]`).querySelectorAll("input[type=hidden]")].map((each) => [each.name, each.value]))"""


def routes() -> dict[str, re.Pattern[str]]:
    """Every route of a form, by its pattern."""
    app = create_app(Readiness(lambda: pytest.fail("not loaded")))
    found = [each for each in app.routes if isinstance(each, Route) and "POST" in (each.methods or ())]
    return {
        each.path: each.path_regex
        for each in found
        if is_page(each.path) and not each.path.startswith(OUTSIDE)
    }


def kind_of(path: str, known: dict[str, re.Pattern[str]]) -> str:
    return next(name for name, pattern in known.items() if pattern.match(path))


def written_forms(page: Page, service: Service, known: dict[str, re.Pattern[str]]) -> dict[str, list[str]]:
    """The pages of each kind of form that can be reached by links from the first page."""
    waiting, seen = ["/today"], {"/today"}
    found: dict[str, list[str]] = {}
    looked: dict[str, int] = {}
    while waiting:
        path = waiting.pop(0)
        page.goto(service.origin + path)
        for form in page.evaluate(FORMS):
            found.setdefault(kind_of(unquote(form["path"]), known), []).append(path)
        for link in page.evaluate("[...document.links].map((each) => each.href)"):
            parts = urlsplit(link)
            to = parts.path + (f"?{parts.query}" if parts.query else "")
            shape = f"{parts.path.split('/')[1]} {parts.path.count('/')} {re.sub('=[^&]*', '', parts.query)}"
            is_new = (
                f"{parts.scheme}://{parts.netloc}" == service.origin
                and is_page(parts.path)
                and to not in seen
            )
            is_view = (
                not parts.path.startswith(("/sign-", "/static")) and "." not in parts.path.rpartition("/")[2]
            )
            if is_new and is_view and looked.get(shape, 0) < 3:
                looked[shape] = looked.get(shape, 0) + 1
                seen.add(to)
                waiting.append(to)
    return found


@pytest.mark.parametrize("names", [("boss", "vice"), ("root", "other")], ids=["work", "users"])
def test_a_session_that_ends_while_somebody_writes_loses_nothing(
    browser: Browser, service: Service, names: tuple[str, str]
) -> None:
    known = routes()
    with signed_in(browser, service, names[0]) as found:
        service.begin_session(names[0])
        forms = written_forms(found.page, service, known)
        reached = {kind for kind in known if kind.startswith(("/users", "/me")) == (names[0] == "root")}
        assert forms.keys() >= reached - NEED_MORE.keys()
        for number, (kind, paths) in enumerate(forms.items()):
            lost_nothing(found.page, service, paths, kind, names[number % 2])
        assert found.strangers == []


def lost_nothing(page: Page, service: Service, paths: list[str], kind: str, name: str) -> None:
    """Write into a form, lose the session, sign in (as `name`), and find everything, ready to be sent.

    It is not sent: what one form records would take others off their pages.
    """
    page.goto(service.origin + paths[0])
    if "/sign-in" in page.url:
        enter(page, name)
        page.wait_for_url(lambda url: "/sign-in" not in url)
    for each in ("root", "other", "boss", "vice"):
        service.begin_session(each)  # so that each has a session elsewhere to end
    target, place = form_of(page, service, paths, kind)
    wrote = page.evaluate(WRITE, place)
    kept = {field: text for field, text in wrote.items() if "password" not in field}
    service.end_sessions()
    page.evaluate(SEND, place)
    expect(page.get_by_role("heading", name="What you wrote is kept")).to_be_visible()
    shown = {field: text for field, text in kept.items() if field not in ("form", "back", "version")}
    for text in shown.values():
        expect(page.locator("dl.facts")).to_contain_text(text)
    enter(page, name)
    expect(page.get_by_role("button", name="Send it now")).to_be_visible()
    expect(page.get_by_text(f"signed in as {name}")).to_be_visible()
    told: dict[str, Any] = page.evaluate(HIDDEN, target)
    assert told["csrf"] and told["key"], kind
    assert {field: told.get(field) for field in kept} == kept, kind


def form_of(page: Page, service: Service, paths: list[str], kind: str) -> tuple[str, int]:
    """Address and place of a form of a kind, on the first page where it stands."""
    for path in dict.fromkeys(paths):
        page.goto(service.origin + path)
        for each in page.evaluate(FORMS):
            if kind_of(unquote(each["path"]), routes()) == kind:
                return each["path"], each["place"]
    raise AssertionError(f"{kind} stands on none of {paths}")
