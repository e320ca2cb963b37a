"""Who comes in to the pages, who may do what there, and which forms are refused?"""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from starlette.routing import Route

from serving import users
from serving.desk import Actor, Desk
from serving.pages.paths import SEGMENTS, is_page, is_within
from serving.pages.sign_in import Guesses
from serving.roles import ROLES
from serving.scoring import Scorer
from serving.tokens import create_token
from serving.users import IDLE, LONGEST, Users
from tests.api_service import NOW
from tests.commands import runs_in
from tests.house import ORIGIN, PASSWORD, QUICK, House, hidden


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", QUICK)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer) -> House:
    return House(tmp_path, scorer)


@pytest.fixture
def strict(tmp_path: Path, scorer: Scorer) -> House:
    """The same where everybody has to say who they are."""
    return House(tmp_path, scorer, requires_token=True)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> House:
    """One for all tests after which nothing may have been written."""
    return House(tmp_path_factory.mktemp("untouched"), scorer)


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> House:
    """One in which each role has a user of its own."""
    return House(tmp_path_factory.mktemp("roles"), scorer, requires_token=True)


class TestWhoComesIn:
    def test_on_this_machine_a_browser_enters_at_once_and_is_told_so(self, house: House) -> None:
        browser = house.browser()
        assert browser.get("/").headers["location"] == "/today"
        assert "not signed in" in browser.get("/today").text

    def test_every_page_and_form_asks_strangers_to_sign_in(self, strict: House) -> None:
        browser = strict.browser()
        public = {"/sign-in", "/sign-out", "/", "/language", "/static/{name}"}
        pages = [
            route
            for route in strict.routes.routes
            if isinstance(route, Route) and is_page(route.path) and route.path not in public
        ]
        assert len(pages) > 20
        for route in pages:
            path = re.sub(r"\{[^}]*\}", "C", route.path)
            if "POST" in (route.methods or ()):
                answer = browser.post(path, {"csrf": "x", "key": "k"})
                assert answer.status_code in (401, 403), path
            elif path.endswith(".json"):
                assert browser.get(path).status_code == 401, path
            else:
                answer = browser.get(path)
                assert (answer.status_code, answer.headers["location"][:9]) == (303, "/sign-in?"), path

    def test_a_password_opens_and_leads_on(self, strict: House) -> None:
        strict.let_in("ana", "analyst")
        browser = strict.browser()
        answer = browser.sign_in("ana", to="/customers/C?story=all")
        assert (answer.status_code, answer.headers["location"]) == (303, "/customers/C?story=all")
        assert "ana" in browser.get("/today").text

    @pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
    def test_nobody_is_led_elsewhere(self, strict: House, to: str) -> None:
        strict.let_in("ana", "analyst")
        assert not is_within(to)
        assert strict.browser().sign_in("ana", to=to).headers["location"] == "/today"

    @pytest.mark.parametrize(
        ("name", "password"), [("ana", "wrong"), ("nobody", PASSWORD), ("", ""), ("ana", PASSWORD + " ")]
    )
    def test_nothing_else_does(self, strict: House, name: str, password: str) -> None:
        strict.let_in("ana", "analyst")
        browser = strict.browser()
        answer = browser.sign_in(name, password)
        # blanks at the ends are taken off: nobody sees them
        assert answer.status_code == (303 if password.strip() == PASSWORD and name == "ana" else 422)

    def test_guesses_are_slowed_down_and_lock_nobody_else_out(self) -> None:
        now = [0.0]
        guesses = Guesses(lambda: now[0])
        for _ in range(5):
            guesses.check("10.0.0.7", "ana")
            guesses.wrong("10.0.0.7", "ana")
        with pytest.raises(Exception, match="15 minutes"):
            guesses.check("10.0.0.7", "ana")
        guesses.check("10.0.0.8", "ana")
        guesses.check("10.0.0.7", "ben")
        now[0] = 901.0
        guesses.check("10.0.0.7", "ana")

    def test_many_names_from_one_address_are_slowed_down_too(self) -> None:
        guesses = Guesses(lambda: 0.0)
        for number in range(30):
            guesses.wrong("10.0.0.7", f"n{number}")
        with pytest.raises(Exception, match="Too many"):
            guesses.check("10.0.0.7", "ana")

    def test_the_sign_in_page_counts(self, strict: House) -> None:
        strict.let_in("ana", "analyst")
        browser = strict.browser()
        assert [browser.sign_in("ana", "wrong").status_code for _ in range(6)] == [422] * 5 + [429]
        assert browser.sign_in("ana").status_code == 429

    def test_the_cookie_is_kept_from_scripts_and_other_sites(self, strict: House) -> None:
        strict.let_in("ana", "analyst")
        told = strict.browser().sign_in("ana").headers.get_list("set-cookie")[0].lower()
        assert "httponly" in told and "samesite=lax" in told and "path=/" in told and "secure" not in told

    def test_off_loopback_it_goes_over_tls_alone(self, tmp_path: Path, scorer: Scorer) -> None:
        far = House(tmp_path, scorer, on_loopback=False)
        far.let_in("ana", "analyst")
        told = (
            far.browser(address="10.0.0.7", host="risk.example").sign_in("ana").headers.get_list("set-cookie")
        )
        assert all("secure" in each.lower() for each in told if "duecourse_session" in each)
        assert far.browser(address="10.0.0.7", host="risk.example").get("/today").status_code == 303

    def test_signing_out_ends_the_session_for_whoever_copied_it(self, strict: House) -> None:
        browser = strict.signed_in("ana", "analyst")
        copied = dict(browser.cookies)
        assert browser.send("/today", "/sign-out", {}).status_code == 303
        thief = strict.browser()
        thief.cookies = copied
        assert thief.get("/today").status_code == 303

    @pytest.mark.parametrize("change", ["revoke", "password"])
    def test_revoking_and_a_new_password_end_sessions_at_once(self, strict: House, change: str) -> None:
        browser = strict.signed_in("ana", "analyst")
        actor = Actor("root", "administrator")
        if change == "revoke":
            strict.users.revoke(actor, strict.clock(), "ana")
        else:
            strict.users.set_password(actor, strict.clock(), "ana", "another quiet harbour")
        assert browser.get("/today").status_code == 303

    def test_a_session_ends_when_it_is_idle_or_old(self, strict: House) -> None:
        browser = strict.signed_in("ana", "analyst")
        strict.clock.now += IDLE - timedelta(minutes=1)
        assert browser.get("/today").status_code == 200
        strict.clock.now += IDLE - timedelta(minutes=1)
        assert browser.get("/today").status_code == 200
        strict.clock.now += IDLE + timedelta(minutes=1)
        assert browser.get("/today").status_code == 303
        browser.sign_in("ana")
        for _ in range(int(LONGEST / timedelta(hours=1)) - 1):
            strict.clock.now += timedelta(hours=1)
            assert browser.get("/glossary").status_code == 200
        strict.clock.now += timedelta(hours=1)
        assert browser.get("/glossary").status_code == 303

    def test_a_cookie_opens_no_route_of_the_api(self, strict: House) -> None:
        browser = strict.signed_in("ana", "credit_manager")
        assert browser.get("/v1/policy").status_code == 401
        assert browser.get("/api").status_code == 401

    def test_a_token_reads_the_twins(self, strict: House) -> None:
        secret = create_token(strict.settings.home, "bi", date(2026, 3, 1), "viewer")
        answer = strict.browser().get("/today.json", authorization=f"Bearer {secret}")
        assert answer.status_code == 200 and answer.json()["as_of"] == "2026-03-31"


class TestRoles:
    @pytest.mark.parametrize("role", list(ROLES))
    def test_see_and_do_what_they_may(self, roles: House, role: str) -> None:
        browser = roles.signed_in(f"some_{role}", role)
        needs = {
            "/today": "read:worklist",
            "/alerts": "read:alerts",
            "/audit": "read:audit",
            "/messages": "read:facts",
            "/portfolio/losses": "read:worklist",
            "/portfolio/exits": "read:worklist",
            "/model": "read:models",
        }
        for path, right in needs.items():
            answer = browser.get(path)
            refused = 303 if path == "/today" else 403  # the first page leads on to one that they may see
            assert answer.status_code == (200 if right in ROLES[role] else refused), path
        page = browser.get("/customers/C")
        if "read:facts" in ROLES[role]:
            assert ("/customers/C/promises" in page.text) == ("write:dialogue" in ROLES[role])

    def test_a_form_is_refused_however_it_was_come_by(self, strict: House) -> None:
        browser = strict.signed_in("vera", "viewer")
        csrf = hidden(browser.get("/today").text, "/sign-out")["csrf"]
        answer = browser.post("/customers/C/notes", {"csrf": csrf, "key": "k", "text": "x"})
        assert answer.status_code == 403
        assert strict.desk.find("notes") == []

    def test_what_is_sensitive_is_for_few_eyes(self, strict: House) -> None:
        ana = strict.signed_in("ana", "analyst")
        ana.send("/customers/C", "/customers/C/notes", {"text": "ILLNESS-7", "restricted": "yes"})
        assert "ILLNESS-7" in ana.get("/customers/C").text
        assert "ILLNESS-7" not in strict.signed_in("vera", "viewer").get("/customers/C").text


class TestForgery:
    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": ""},
            {"origin": "http://127.0.0.1:3001"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ],
    )
    def test_forms_of_other_sites_are_refused(self, untouched: House, headers: dict[str, str]) -> None:
        browser = untouched.browser()
        fields = hidden(browser.get("/customers/C").text, "/customers/C/notes") | {
            "text": "x",
            "customer_id": "C",
        }
        assert browser.post("/customers/C/notes", fields, **headers).status_code == 403
        assert untouched.desk.find("notes") == []

    @pytest.mark.parametrize("csrf", ["", "x", "0" * 64])
    def test_so_are_forms_without_our_token_but_what_was_written_is_kept(
        self, untouched: House, csrf: str
    ) -> None:
        browser = untouched.browser()
        fields = hidden(browser.get("/customers/C").text, "/customers/C/notes") | {
            "csrf": csrf,
            "text": "<i>long</i>",
        }
        answer = browser.post("/customers/C/notes", fields)
        assert answer.status_code == 403 and "&lt;i&gt;long" in answer.text
        assert untouched.desk.find("notes") == []

    @pytest.mark.parametrize(
        "media", ["multipart/form-data; boundary=x", "text/plain", "application/json", ""]
    )
    def test_only_forms_are_taken_and_only_by_pages(self, untouched: House, media: str) -> None:
        answer = untouched.browser().post("/customers/C/notes", {"text": "x"}, **{"content-type": media})
        assert answer.status_code == 400
        form = {"content-type": "application/x-www-form-urlencoded", "origin": ORIGIN}
        assert untouched.browser().caller.post("/v1/notes", b"text=x", headers=form).status_code == 415

    def test_a_foreign_host_name_is_refused(self, untouched: House) -> None:
        assert untouched.browser(host="evil.example").get("/today").status_code == 403

    def test_another_session_s_token_does_not_help(self, strict: House) -> None:
        ana, ben = strict.signed_in("ana", "analyst"), strict.signed_in("ben", "analyst")
        theirs = hidden(ana.get("/customers/C").text, "/customers/C/notes")
        assert ben.post("/customers/C/notes", theirs | {"text": "x", "customer_id": "C"}).status_code == 403


def test_a_session_that_ends_while_somebody_writes_loses_nothing(strict: House) -> None:
    browser = strict.signed_in("ana", "analyst")
    fields = hidden(browser.get("/customers/C").text, "/customers/C/notes")
    fields |= {"text": "A long <talk>\nof two lines", "customer_id": "C"}
    strict.clock.now += IDLE + timedelta(minutes=1)
    ended = browser.post("/customers/C/notes", fields)
    assert ended.status_code == 401 and "A long &lt;talk&gt;" in ended.text
    assert strict.desk.find("notes") == []
    back = browser.post("/sign-in", hidden(ended.text, "/sign-in") | {"name": "ana", "password": "wrong"})
    assert back.status_code == 422
    back = browser.post("/sign-in", hidden(back.text, "/sign-in") | {"name": "ana", "password": PASSWORD})
    assert back.status_code == 200 and "Send it now" in back.text
    done = browser.post("/customers/C/notes", hidden(back.text, "/customers/C/notes"))
    assert done.status_code == 303
    kept = strict.desk.find("notes")[0]
    assert (kept.content["text"], kept.changed_by) == ("A long <talk>\nof two lines", "ana")


def test_only_known_first_segments_are_pages() -> None:
    assert is_page("/today") and is_page("/today.json") and is_page("/customers/a/b")
    assert not any(
        is_page(path)
        for path in ("/v1/policy", "/docs.json", "/api", "//today", "/livez", "today", "/metrics")
    )
    assert "v1" not in SEGMENTS and "api" not in SEGMENTS


class TestUsers:
    @pytest.mark.parametrize(
        ("name", "role", "password", "said"),
        [
            ("a b", "analyst", PASSWORD, "cannot be used"),
            ("<b>", "analyst", PASSWORD, "cannot be used"),
            ("ana", "boss", PASSWORD, "no role 'boss'"),
            ("ana", "analyst", "short", "10 to 200"),
            ("ana", "analyst", "x" * 201, "10 to 200"),
            ("anastasia", "analyst", "Anastasia1", "the user's name"),
        ],
    )
    def test_are_refused_with_a_reason(
        self, desk: Desk, name: str, role: str, password: str, said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            Users(desk).create(Actor("root", "administrator"), NOW, name, role, password)
        assert Users(desk).all() == []

    def test_are_made_once_and_every_step_is_in_the_audit_log(self, desk: Desk) -> None:
        users, root = Users(desk), Actor("root", "administrator")
        users.create(root, NOW, "ana", "analyst", PASSWORD)
        with pytest.raises(ValueError, match="already"):
            users.create(root, NOW, "ana", "viewer", PASSWORD)
        users.set_password(root, NOW, "ana", "another quiet harbour")
        assert users.check("ana", PASSWORD) is None
        assert users.check("ana", "another quiet harbour") is not None
        users.revoke(root, NOW, "ana")
        assert users.check("ana", "another quiet harbour") is None
        with pytest.raises(KeyError):
            users.revoke(root, NOW, "ana")
        acts = [each["act"] for each in reversed(desk.audit_entries())]
        assert acts == ["add_user", "change_password", "revoke_user"]
        assert desk.verify_audit().is_valid

    def test_the_database_holds_neither_password_nor_secret(self, desk: Desk) -> None:
        users = Users(desk)
        users.create(Actor("root", "administrator"), NOW, "ana", "analyst", PASSWORD)
        secret = users.begin_session("ana", NOW)
        from serving.desk import engine as engines
        from serving.desk.tables import sessions
        from serving.desk.tables import users as table

        with engines.reading(desk.engine) as connection:
            kept = str([*connection.execute(table.select()), *connection.execute(sessions.select())])
        assert PASSWORD not in kept and secret not in kept and "$argon2id$" in kept
        assert users.of_session(secret, NOW) is not None and users.of_session(secret + "x", NOW) is None


def test_the_commands_let_people_in_and_take_them_away(tmp_path: Path) -> None:
    run = runs_in(tmp_path)
    made = run("users", "create", "ana", "--role", "administrator", text=f"{PASSWORD}\n")
    assert (made.exit_code, made.output) == (0, "ana may sign in as administrator.\n"), made.output
    assert run("users", "create", "ana", "--role", "viewer", text=f"{PASSWORD}\n").exit_code == 2
    assert run("users", "create", "ben", "--role", "viewer", text="short\n").exit_code == 2
    assert json.loads(run("users", "list", "--json").stdout)[0]["role"] == "administrator"
    assert run("users", "password", "ana", text="another quiet harbour\n").exit_code == 0
    with Desk.open(tmp_path) as desk:
        assert Users(desk).check("ana", "another quiet harbour") is not None
    assert run("users", "revoke", "ana").exit_code == 0
    assert "no user 'ana'" in run("users", "revoke", "ana").output
    assert "0 users" in run("users", "list").output
