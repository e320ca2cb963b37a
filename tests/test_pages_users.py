"""Can an administrator let people and systems in and out on a page, and everybody see to their own sign-in?"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving import users
from serving.desk import Actor
from serving.desk import engine as engines
from serving.desk.tables import keys
from serving.roles import ROLES
from serving.scoring import Scorer
from serving.tokens import list_tokens
from serving.users import IDLE
from tests.house import PASSWORD, QUICK, Browser, House, hidden

OTHER = "another quiet harbour"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", QUICK)


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer) -> House:
    return House(tmp_path, scorer, requires_token=True)


@pytest.fixture
def root(house: House) -> Browser:
    return house.signed_in("root", "administrator")


def roles_of(house: House) -> dict[str, str]:
    return {each.name: each.role for each in house.users.all()}


def acts(house: House) -> list[str]:
    return [each["act"] for each in reversed(house.desk.audit_entries())]


class TestPeople:
    def test_a_user_is_let_in_and_signs_in(self, house: House, root: Browser) -> None:
        fields = {"name": "ben", "role": "analyst", "password": OTHER}
        done = root.send("/users", "/users/new", fields)
        assert (done.status_code, done.headers["location"]) == (303, "/users?told=user_added")
        assert house.browser().sign_in("ben", OTHER).status_code == 303
        entry = house.desk.audit_entries()[0]
        assert (entry["act"], entry["actor"], entry["record_id"]) == ("add_user", "root", "ben")
        told = root.get("/users.json").json()["users"]
        assert [(each["name"], each["sessions"], each["is_own"]) for each in told] == [
            ("ben", 1, False),
            ("root", 1, True),
        ]

    def test_everything_wrong_is_told_at_its_field_and_no_password_is_shown_again(
        self, house: House, root: Browser
    ) -> None:
        again = root.send("/users", "/users/new", {"name": "b n", "role": "boss", "password": "hush"})
        assert again.status_code == 422 and again.text.count("aria-invalid=true") == 3
        assert 'value="b n"' in again.text and "hush" not in again.text
        again = root.send("/users", "/users/new", {"name": "root", "role": "viewer", "password": OTHER})
        assert again.status_code == 422 and "already" in again.text
        assert roles_of(house) == {"root": "administrator"}

    def test_another_role_counts_at_once(self, house: House, root: Browser) -> None:
        ana = house.signed_in("ana", "analyst")
        assert root.send("/users", "/users/ana/role", {"role": "viewer"}).status_code == 303
        assert "/customers/C/notes" not in ana.get("/customers/C").text
        assert roles_of(house)["ana"] == "viewer" and acts(house)[-1] == "change_role"

    def test_of_two_administrators_the_second_is_told(self, house: House, root: Browser) -> None:
        other = house.signed_in("other", "administrator")
        house.let_in("ana", "analyst")
        form = hidden(other.get("/users").text, "/users/ana/role")
        root.send("/users", "/users/ana/role", {"role": "viewer"})
        late = other.post("/users/ana/role", form | {"role": "credit_manager"})
        assert late.status_code == 422 and "ana is viewer now" in late.text
        assert roles_of(house)["ana"] == "viewer"

    @pytest.mark.parametrize(("path", "fields"), [("revoke", {}), ("role", {"role": "viewer"})])
    def test_the_last_administrator_is_never_locked_out(
        self, house: House, root: Browser, path: str, fields: dict[str, str]
    ) -> None:
        house.users.create(Actor("x", "local"), house.clock(), "far", "administrator", None)
        again = root.send("/users", f"/users/root/{path}", fields)
        assert again.status_code == 422 and "last administrator with a password" in again.text
        house.let_in("second", "administrator")
        assert root.send("/users", f"/users/root/{path}", fields).status_code == 303

    def test_revoked_is_out_at_once(self, house: House, root: Browser) -> None:
        ana = house.signed_in("ana", "analyst")
        form = hidden(root.get("/users").text, "/users/ana/revoke")
        assert root.post("/users/ana/revoke", form).status_code == 303
        assert ana.get("/today").status_code == 303 and "ana" not in roles_of(house)
        again = root.post("/users/ana/revoke", form | {"key": "new"})
        assert again.status_code == 422 and "there is no user" in again.text

    def test_a_new_password_ends_sessions_but_the_own_one(self, house: House, root: Browser) -> None:
        ana = house.signed_in("ana", "analyst")
        assert root.send("/users", "/users/ana/password", {"password": OTHER}).status_code == 303
        assert ana.get("/today").status_code == 303
        assert root.send("/users", "/users/root/password", {"password": OTHER}).status_code == 303
        assert root.get("/users").status_code == 200
        assert house.browser().sign_in("root", OTHER).status_code == 303

    def test_when_somebody_was_seen_is_remembered(self, house: House, root: Browser) -> None:
        ana = house.signed_in("ana", "analyst")
        house.clock.now += timedelta(minutes=30)
        seen = house.clock.now.isoformat()
        ana.get("/today")
        ana.send("/today", "/sign-out", {})
        told = {each["name"]: each for each in root.get("/users.json").json()["users"]}
        assert (told["ana"]["seen_at"], told["ana"]["sessions"]) == (seen, 0)

    def test_sessions_are_ended_one_by_one(self, house: House, root: Browser) -> None:
        first, second = house.signed_in("ana", "analyst"), house.browser()
        second.sign_in("ana")
        sessions = root.get("/users.json").json()["sessions"]
        chosen = next(each for each in sessions if each["name"] == "ana")
        assert root.send("/users", f"/users/sessions/{chosen['id']}/end", {}).status_code == 303
        assert sorted(each.get("/today").status_code for each in (first, second)) == [200, 303]
        assert acts(house)[-1] == "end_session"

    def test_only_administrators_come_here(self, house: House, root: Browser) -> None:
        house.let_in("ana", "viewer")
        for role in ROLES.keys() - {"administrator"}:
            browser = house.signed_in(f"some_{role}", role)
            assert browser.get("/users").status_code == 403
            csrf = re.search(r'name="csrf" value="([^"]*)"', browser.get("/me").text)
            assert csrf is not None
            sent = {"csrf": csrf[1], "key": "k", "name": "x", "role": "administrator", "password": OTHER}
            for path in ("/users/new", "/users/ana/revoke", "/users/ana/role", "/users/tokens/new"):
                assert browser.post(path, sent).status_code == 403
        assert roles_of(house)["ana"] == "viewer" and list_tokens(house.settings.home) == []


class TestTokens:
    def test_the_secret_is_shown_once_and_kept_nowhere(self, house: House, root: Browser) -> None:
        fields = {"name": "erp", "role": "viewer", "scope.read:scores": "yes", "expires_on": "2027-01-31"}
        form = hidden(root.get("/users").text, "/users/tokens/new") | fields
        made = root.post("/users/tokens/new", form)
        secret = re.search(r"dc_[\w-]+", made.text)
        assert made.status_code == 200 and secret is not None
        bearer = f"Bearer {secret[0]}"
        assert house.browser().get("/v1/invoices/A2/score", authorization=bearer).status_code == 200
        assert house.browser().get("/v1/policy", authorization=bearer).status_code == 403
        again = root.post("/users/tokens/new", form)
        assert (again.status_code, again.headers["location"]) == (303, "/users?told=token_repeated#tokens")
        assert secret[0] not in root.get("/users").text + root.get("/users.json").text
        with engines.reading(house.desk.engine) as connection:
            kept = str([*connection.execute(keys.select())])
        assert secret[0] not in kept and "token_repeated" in kept
        entry = house.desk.audit_entries()[0]
        assert json.loads(entry["detail"]) == {
            "role": "viewer",
            "scopes": ["read:scores"],
            "until": "2027-01-31",
        }
        assert [each.name for each in list_tokens(house.settings.home)] == ["erp"]

    def test_what_is_wrong_is_told_at_its_field_and_what_was_chosen_stands_again(
        self, house: House, root: Browser
    ) -> None:
        fields = {"name": "e r p", "role": "viewer", "scope.write:policy": "yes", "expires_on": "2020-01-01"}
        again = root.send("/users", "/users/tokens/new", fields)
        assert again.status_code == 422
        for said in ("cannot be used", "has no right", "is over"):
            assert said in again.text
        assert 'name="scope.write:policy" value="yes" checked' in again.text
        assert list_tokens(house.settings.home) == [] and acts(house) == ["add_user"]

    def test_revoked_it_no_longer_works(self, house: House, root: Browser) -> None:
        made = root.send("/users", "/users/tokens/new", {"name": "erp", "role": "viewer"})
        secret = re.search(r"dc_[\w-]+", made.text)
        assert secret is not None
        assert root.send("/users", "/users/tokens/erp/revoke", {}).status_code == 303
        answer = house.browser().get("/v1/policy", authorization=f"Bearer {secret[0]}")
        assert answer.status_code == 401 and acts(house)[-2:] == ["add_token", "revoke_token"]


class TestMe:
    def change(self, browser: Browser, now: str = PASSWORD, new: str = OTHER, again: str = OTHER) -> Any:
        fields = {"current_password": now, "password": new, "password_again": again}
        return browser.send("/me", "/me/password", fields)

    def test_everybody_changes_the_own_password_and_stays_signed_in(self, house: House) -> None:
        ana, elsewhere = house.signed_in("ana", "viewer"), house.browser()
        elsewhere.sign_in("ana")
        done = self.change(ana)
        assert (done.status_code, done.headers["location"]) == (303, "/me?told=own_password")
        assert ana.get("/me").status_code == 200 and elsewhere.get("/me").status_code == 303
        assert house.browser().sign_in("ana", OTHER).status_code == 303
        assert house.desk.audit_entries()[0] | {"detail": ""} == {
            **house.desk.audit_entries()[0],
            "act": "change_password",
            "actor": "ana",
            "detail": "",
        }

    @pytest.mark.parametrize(
        ("now", "new", "again", "said"),
        [
            ("wrong words here", OTHER, OTHER, "not your password of now"),
            (PASSWORD, "short", "short", "10 to 200"),
            (PASSWORD, OTHER, OTHER + "x", "not the same"),
        ],
    )
    def test_what_is_wrong_is_said(self, house: House, now: str, new: str, again: str, said: str) -> None:
        answer = self.change(house.signed_in("ana", "viewer"), now, new, again)
        assert answer.status_code == 422 and said in answer.text and OTHER not in answer.text
        assert house.users.check("ana", PASSWORD) is not None

    def test_guessing_it_is_slowed_down(self, house: House) -> None:
        ana = house.signed_in("ana", "viewer")
        answers = [self.change(ana, "wrong words here").status_code for _ in range(6)]
        assert answers == [422] * 5 + [429] and self.change(ana).status_code == 429

    def test_only_own_sessions_are_shown_and_ended(self, house: House) -> None:
        ana, elsewhere, ben = (
            house.signed_in("ana", "viewer"),
            house.browser(),
            house.signed_in("ben", "viewer"),
        )
        elsewhere.sign_in("ana")
        told = ana.get("/me.json").json()["sessions"]
        assert sorted(each["is_this"] for each in told) == [False, True]
        theirs = ben.get("/me.json").json()["sessions"][0]["id"]
        other = next(each["id"] for each in told if not each["is_this"])
        form = hidden(ana.get("/me").text, f"/me/sessions/{other}/end")
        assert ana.post(f"/me/sessions/{theirs}/end", form | {"key": "k2"}).status_code == 303
        assert ben.get("/me").status_code == 200
        assert ana.post(f"/me/sessions/{other}/end", form).status_code == 303
        assert elsewhere.get("/me").status_code == 303 and ana.get("/me").status_code == 200

    def test_no_password_is_kept_when_the_session_ends_meanwhile(self, house: House) -> None:
        ana = house.signed_in("ana", "viewer")
        form = hidden(ana.get("/me").text, "/me/password")
        house.clock.now += IDLE + timedelta(minutes=1)
        ended = ana.post("/me/password", form | {"current_password": PASSWORD, "password": OTHER})
        assert ended.status_code == 401 and PASSWORD not in ended.text and OTHER not in ended.text

    def test_on_this_machine_nobody_has_one(self, tmp_path: Path, scorer: Scorer) -> None:
        house = House(tmp_path, scorer)
        browser = house.browser()
        page = browser.get("/me").text
        assert "not signed in with a name" in page
        csrf = re.search(r'name="csrf" value="([^"]*)"', browser.get("/users").text)
        assert csrf is not None
        assert browser.post("/me/password", {"csrf": csrf[1], "key": "k"}).status_code == 403


class TestFirstDay:
    def test_the_sign_in_page_says_how_the_first_administrator_is_made(self, house: House) -> None:
        page = house.browser().get("/sign-in").text
        assert "Nobody can sign in yet" in page
        assert "duecourse users create NAME --role administrator" in page
        house.let_in("root", "administrator")
        assert "Nobody can sign in yet" not in house.browser().get("/sign-in").text

    def test_on_this_machine_the_first_users_are_made_on_the_page(
        self, tmp_path: Path, scorer: Scorer
    ) -> None:
        house = House(tmp_path, scorer)
        browser = house.browser()
        assert 'href="/users"' in browser.get("/sign-in").text
        fields = {"name": "root", "role": "administrator", "password": OTHER}
        assert browser.send("/users", "/users/new", fields).status_code == 303
        assert house.browser().sign_in("root", OTHER).status_code == 303


class TestInterrupted:
    def note(self, house: House, browser: Browser) -> Any:
        fields = hidden(browser.get("/customers/C").text, "/customers/C/notes")
        house.clock.now += IDLE + timedelta(minutes=1)
        return browser.post("/customers/C/notes", fields | {"text": "A long talk", "customer_id": "C"})

    def test_too_many_guesses_do_not_lose_what_was_written(self, house: House) -> None:
        browser = house.signed_in("ana", "analyst")
        page = self.note(house, browser)
        for _ in range(6):
            page = browser.post(
                "/sign-in", hidden(page.text, "/sign-in") | {"name": "ana", "password": "wrong"}
            )
        assert page.status_code == 429 and int(page.headers["retry-after"]) > 0
        assert hidden(page.text, "/sign-in")["kept.text"] == "A long talk"

    def test_somebody_else_records_it_under_their_own_name(self, house: House) -> None:
        browser = house.signed_in("ana", "analyst")
        house.let_in("ben", "analyst")
        page = self.note(house, browser)
        sent = hidden(page.text, "/sign-in") | {"name": "ben", "password": PASSWORD}
        page = browser.post("/sign-in", sent)
        assert "You are signed in as ben" in page.text
        assert browser.post("/customers/C/notes", hidden(page.text, "/customers/C/notes")).status_code == 303
        assert house.desk.find("notes")[0].changed_by == "ben"

    def test_somebody_who_may_not_hands_it_on(self, house: House) -> None:
        browser = house.signed_in("ana", "analyst")
        house.let_in("vera", "viewer")
        page = self.note(house, browser)
        page = browser.post(
            "/sign-in", hidden(page.text, "/sign-in") | {"name": "vera", "password": PASSWORD}
        )
        page = browser.post("/customers/C/notes", hidden(page.text, "/customers/C/notes"))
        assert page.status_code == 403 and "that role may not record this" in page.text
        assert house.desk.find("notes") == []
        page = browser.post("/sign-in", hidden(page.text, "/sign-in") | {"name": "ana", "password": PASSWORD})
        assert page.status_code == 200, page.text
        assert browser.post("/customers/C/notes", hidden(page.text, "/customers/C/notes")).status_code == 303
        assert house.desk.find("notes")[0].content["text"] == "A long talk"
