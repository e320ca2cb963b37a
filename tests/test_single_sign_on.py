"""Does the word of an OpenID provider let in whom it should, as what it should, and nobody else?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from serving import users
from serving.api.settings import Settings
from serving.desk import Actor, Desk
from serving.provider import provider_of
from serving.scoring import Scorer
from serving.users import Identity, NotAdmittedError, Users
from tests.api_service import NOW
from tests.house import ORIGIN, PASSWORD, QUICK, Browser, House, hidden
from tests.openid_provider import (
    STRANGE_KEY,
    Lies,
    OpenIdProvider,
    openid_provider,
    signed_as_if_shared,
    unsigned,
)

PEOPLE = {
    "ana": {"sub": "7", "preferred_username": "ana", "groups": ["all", "credit"], "email": "ana@example.com"},
    "boss": {"sub": "8", "preferred_username": "boss", "groups": ["credit", "credit-heads"]},
    "guest": {"sub": "9", "preferred_username": "guest", "groups": ["all"]},
    "nameless": {"sub": "10"},
    "odd": {"sub": "11", "preferred_username": "<b>odd</b> one", "groups": ["credit"]},
}
ROLES = "credit-heads=credit_manager, credit=analyst"
HOUR_AGO, IN_AN_HOUR = "an hour ago", "in an hour"
ROOT = Actor("root", "administrator")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", QUICK)


@pytest.fixture(scope="module")
def running() -> Iterator[OpenIdProvider]:
    with openid_provider(ORIGIN, PEOPLE) as found:
        yield found


@pytest.fixture
def provider(running: OpenIdProvider) -> OpenIdProvider:
    """The provider, telling the truth until a test says otherwise."""
    running.lies, running.in_token = Lies(), ("preferred_username", "groups", "email", "email_verified")
    return running


@pytest.fixture
def opened(tmp_path: Path, scorer: Scorer, provider: OpenIdProvider) -> Any:
    """Houses that trust the provider."""

    def open_(**more: str) -> House:
        trusted = provider_of(provider.settings(ORIGIN, **more))
        house = House(tmp_path, scorer, requires_token=True, provider=trusted)
        house.clock.now = datetime.now(UTC)  # the provider's tokens are of today
        return house

    return open_


@pytest.fixture
def house(opened: Any) -> House:
    return opened(ROLES=ROLES)


def gone(browser: Browser, to: str = "/today") -> str:
    """Where the provider is, after the link on the sign-in page was followed."""
    page = browser.get(f"/sign-in?to={to}").text
    link = re.search(r'href="(/sign-in/provider\?to=[^"]*)"', page)
    assert link is not None
    answer = browser.get(link[1])
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def back(at: str, who: str) -> str:
    """The way back that the provider gives to somebody."""
    # on loopback there are no certificates, and reading those of the world takes time
    answer = httpx.post(at, data={"who": who}, verify=False)
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}" == ORIGIN
    return f"{location.path}?{location.query}"


def came(browser: Browser, who: str, to: str = "/today") -> Any:
    return browser.get(back(gone(browser, to), who))


class TestWhoComesIn:
    def test_whoever_the_provider_names_comes_in_as_it_says(self, house: House) -> None:
        browser = house.browser()
        answer = came(browser, "ana", "/customers/C")
        assert (answer.status_code, answer.headers["location"]) == (303, "/customers/C")
        page = browser.get("/customers/C").text
        assert ">ana" in page.replace("<bdi>", "") and "analyst" in page
        told = {each.name: each for each in house.users.all()}["ana"]
        assert (told.role, told.has_password, told.created_by) == ("analyst", False, "single sign-on")
        assert [each["act"] for each in house.desk.audit_entries()] == ["add_user"]

    def test_the_first_role_that_fits_counts_and_follows_the_provider(self, house: House) -> None:
        came(house.browser(), "boss")
        assert house.users.all()[0].role == "credit_manager"
        house.users.create(ROOT, house.clock(), "x", "viewer", None)
        browser = house.browser()
        PEOPLE["boss"]["groups"].remove("credit-heads")
        try:
            came(browser, "boss")
            assert {each.name: each.role for each in house.users.all()}["boss"] == "analyst"
        finally:
            PEOPLE["boss"]["groups"].append("credit-heads")

    def test_whoever_is_in_no_group_stays_outside_unless_others_may(self, opened: Any) -> None:
        answer = came(opened(ROLES=ROLES).browser(), "guest")
        assert answer.status_code == 403 and "none of the groups" in answer.text
        house = opened(ROLES=ROLES, OTHERS="viewer")
        assert came(house.browser(), "guest").status_code == 303
        assert [(each.name, each.role) for each in house.users.all()] == [("guest", "viewer")]

    def test_without_roles_of_the_provider_an_administrator_lets_people_in(self, opened: Any) -> None:
        house = opened()
        refused = came(house.browser(), "ana")
        assert refused.status_code == 403 and "Nobody has let ana in yet" in refused.text
        house.users.create(ROOT, house.clock(), "ana", "credit_manager", None)
        assert came(house.browser(), "ana").status_code == 303
        assert house.users.all()[0].role == "credit_manager"

    def test_a_claim_that_is_not_in_the_token_is_asked_for(
        self, house: House, provider: OpenIdProvider
    ) -> None:
        provider.in_token = ("preferred_username",)
        assert came(house.browser(), "ana").status_code == 303
        assert provider.asked[-1] == "/userinfo"

    def test_other_people_s_facts_do_not_count(self, house: House, provider: OpenIdProvider) -> None:
        provider.in_token = ("preferred_username",)
        provider.lies.userinfo = {"sub": "8", "groups": ["credit-heads"]}
        assert came(house.browser(), "ana").status_code == 403

    @pytest.mark.parametrize(
        ("who", "claim", "said"),
        [
            ("nameless", "preferred_username", "tells no name"),
            ("odd", "preferred_username", "is none here"),
            ("ana", "email", "does not vouch for the address"),
        ],
    )
    def test_a_name_has_to_be_one(self, opened: Any, who: str, claim: str, said: str) -> None:
        house = opened(OTHERS="viewer", NAME_CLAIM=claim)
        answer = came(house.browser(), who)
        assert answer.status_code == 403 and said in answer.text and "<b>odd" not in answer.text
        assert house.users.all() == []

    def test_a_session_of_single_sign_on_ends_like_every_other(self, house: House) -> None:
        browser = house.browser()
        came(browser, "ana")
        done = browser.send("/today", "/sign-out", {})
        assert done.headers["location"] == "/sign-in?told=signed_out_here"
        page = browser.get(done.headers["location"]).text
        assert "still signed in at" in page and "/sign-in/provider/leave" in page
        away = browser.get("/sign-in/provider/leave")
        assert (
            away.status_code == 303 and "/logout?client_id=duecourse&post_logout" in away.headers["location"]
        )
        assert browser.get("/today").status_code == 303

    def test_the_secret_of_the_way_is_kept_from_scripts_and_good_once(self, house: House) -> None:
        browser = house.browser()
        way = gone(browser)
        assert "code_challenge_method=S256" in way and "nonce=" in way and "state=" in way
        assert browser.cookies["duecourse_entering"].partition(".")[0] not in way
        answer = browser.get(back(way, "ana"))
        told = [each.lower() for each in answer.headers.get_list("set-cookie") if "entering" in each]
        assert "max-age=0" in told[0] and "path=/sign-in/provider" in told[0]

    @pytest.mark.parametrize(
        "to", ["//evil.example", "https://evil.example", "/\\evil.example", "/x\r\nset-cookie:a=b"]
    )
    def test_nobody_is_led_elsewhere(self, house: House, to: str) -> None:
        browser = house.browser()
        answer = browser.get(f"/sign-in/provider?to={quote(to, safe='')}")
        done = browser.get(back(answer.headers["location"], "ana"))
        assert done.headers["location"] == "/today"


class TestAttacks:
    @pytest.mark.parametrize(
        "bend",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"aud": ["somebody-else"]},
            {"aud": "somebody-else", "azp": "duecourse"},
            {"aud": ["duecourse", "other"], "azp": "other"},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"exp": HOUR_AGO},
            {"exp": None},
            {"iat": IN_AN_HOUR},
            {"nbf": IN_AN_HOUR},
            {"sub": None},
            {"sub": ""},
            {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        ],
        ids=str,
    )
    def test_a_token_that_does_not_fit_lets_nobody_in(
        self, house: House, provider: OpenIdProvider, bend: dict[str, Any]
    ) -> None:
        moments = {HOUR_AGO: int(time.time()) - 3600, IN_AN_HOUR: int(time.time()) + 3600}
        bent = {name: moments.get(str(value), value) for name, value in bend.items()}
        provider.lies.claims = lambda claims: {n: v for n, v in {**claims, **bent}.items() if v is not None}
        self.refused(house, "does not hold")

    def test_an_honest_token_does(self, house: House, provider: OpenIdProvider) -> None:
        """The others are refused for what is wrong with them alone."""
        provider.lies.claims = lambda claims: {**claims, "azp": "duecourse"}
        assert came(house.browser(), "ana").status_code == 303

    def test_neither_does_a_signature_of_nobody_or_of_somebody_else(
        self, house: House, provider: OpenIdProvider
    ) -> None:
        for sign in (
            unsigned,
            lambda claims: provider.signed(claims, STRANGE_KEY),
            lambda claims: "no.token.here",
        ):
            provider.lies.sign = sign
            self.refused(house, "does not hold")

    def test_nor_one_made_with_the_public_key_as_a_shared_secret(
        self, house: House, provider: OpenIdProvider
    ) -> None:
        provider.lies.sign = signed_as_if_shared
        self.refused(house, "does not hold")

    @pytest.mark.parametrize("change", [("state=", "state=x"), ("state=", "estate="), ("code=", "code=x")])
    def test_a_way_back_that_was_changed(self, house: House, change: tuple[str, str]) -> None:
        browser = house.browser()
        answer = browser.get(back(gone(browser), "ana").replace(*change))
        assert answer.status_code == 403
        assert house.users.all() == [] and browser.get("/today").status_code == 303

    def test_a_code_is_good_once_and_in_one_browser(self, house: House) -> None:
        browser, thief = house.browser(), house.browser()
        way = back(gone(browser), "ana")
        assert "not begun in this browser" in thief.get(way).text
        gone(thief)  # a way of its own has another state
        assert thief.get(way).status_code == 403
        kept = dict(browser.cookies)
        assert browser.get(way).status_code == 303
        assert browser.get(way).status_code == 403
        browser.cookies = kept  # whoever copied the cookie too
        assert "good once" in browser.get(way).text

    def test_a_stolen_code_does_not_help_without_the_verifier(self, house: House) -> None:
        owner, thief = house.browser(), house.browser()
        code = re.search(r"code=([^&]+)", back(gone(owner), "boss"))
        own = back(gone(thief), "guest")
        assert code is not None
        answer = thief.get(re.sub(r"code=[^&]+", f"code={code[1]}", own))
        assert answer.status_code == 403 and house.users.all() == []

    def test_the_answer_of_another_provider(self, house: House) -> None:
        browser = house.browser()
        answer = browser.get(back(gone(browser), "ana") + "&iss=https%3A%2F%2Fevil.example")
        assert answer.status_code == 403 and "another provider" in answer.text

    def test_a_refusal_is_told_in_our_words(self, house: House) -> None:
        browser = house.browser()
        state = re.search(r"state=([^&]+)", gone(browser))
        assert state is not None
        query = f"error=access_denied&error_description=Call+0900-EVIL&state={state[1]}"
        answer = browser.get(f"/sign-in/provider/back?{query}")
        assert answer.status_code == 403 and "EVIL" not in answer.text and "let nobody in" in answer.text

    def test_a_name_is_not_taken_over(self, house: House) -> None:
        house.let_in("ana", "administrator")
        answer = came(house.browser(), "ana")
        assert answer.status_code == 403 and "signs in with a password" in answer.text
        assert house.users.check("ana", PASSWORD) is not None

    def test_nor_by_another_person_of_the_same_name(self, house: House) -> None:
        came(house.browser(), "ana")
        PEOPLE["ana"]["sub"] = "77"
        try:
            answer = came(house.browser(), "ana")
        finally:
            PEOPLE["ana"]["sub"] = "7"
        assert answer.status_code == 403 and "another person" in answer.text

    def refused(self, house: House, said: str) -> None:
        browser = house.browser()
        answer = came(browser, "ana")
        assert answer.status_code == 403 and said in answer.text
        assert house.users.all() == [] and "duecourse_session" not in browser.cookies


class TestSilence:
    def test_passwords_still_work_and_the_page_says_so(self, house: House, provider: OpenIdProvider) -> None:
        house.let_in("root", "administrator")
        provider.lies.is_silent = True
        browser = house.browser()
        answer = browser.get("/sign-in/provider?to=/today")
        assert answer.status_code == 503 and "Users with a password still can" in answer.text
        assert browser.sign_in("root").status_code == 303

    def test_also_on_the_way_back(self, house: House, provider: OpenIdProvider) -> None:
        browser = house.browser()
        way = back(gone(browser), "ana")
        provider.lies.is_silent = True
        assert browser.get(way).status_code == 503

    def test_nobody_listens(self, opened: Any, provider: OpenIdProvider) -> None:
        house = opened(ISSUER="http://127.0.0.1:9")
        assert house.browser().get("/sign-in/provider").status_code == 503

    @pytest.mark.parametrize(
        "metadata",
        [
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": None},
        ],
        ids=str,
    )
    def test_a_provider_that_is_another_or_unsafe_is_not_used(
        self, house: House, provider: OpenIdProvider, metadata: dict[str, Any]
    ) -> None:
        provider.lies.metadata = metadata
        assert house.browser().get("/sign-in/provider").status_code == 503


WHOLE = {
    "DUECOURSE_OIDC_ISSUER": "https://login.example.com",
    "DUECOURSE_OIDC_CLIENT_ID": "duecourse",
    "DUECOURSE_OIDC_CLIENT_SECRET": "hush-hush",
    "DUECOURSE_OIDC_PUBLIC_URL": "https://risk.example.com/",
}


class TestSettings:
    def test_none_is_none(self) -> None:
        assert provider_of({"DUECOURSE_HOME": "x", "DUECOURSE_OIDC_ISSUER": " "}) is None

    def test_the_least_is_enough(self) -> None:
        found = provider_of(WHOLE)
        assert found is not None
        assert found.redirect_uri == "https://risk.example.com/sign-in/provider/back"
        assert (found.label, found.others, found.roles) == ("login.example.com", None, ())
        assert "hush" not in repr(found)

    def test_the_secret_may_lie_in_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        file.write_text("hush-hush\n")
        given = {n: v for n, v in WHOLE.items() if "SECRET" not in n}
        found = provider_of(given | {"DUECOURSE_OIDC_CLIENT_SECRET_FILE": str(file)})
        assert found is not None and found.client_secret == "hush-hush"

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("ISSUER", "", "DUECOURSE_OIDC_ISSUER is needed beside"),
            ("ISSUER", "http://login.example.com", "give the provider's https address"),
            ("CLIENT_SECRET", "", "the file it lies in"),
            ("CLIENT_SECRET_FILE", "/nowhere/at-all", "both set"),
            ("CLIENT_SECRET_FILE", "/nowhere/at-all", "cannot be read"),
            ("PUBLIC_URL", "https://risk.example.com/app", "without a path"),
            ("PUBLIC_URL", "http://risk.example.com", "https address at which browsers"),
            ("ROLES", "credit=boss", "there is no role 'boss'"),
            ("ROLES", "credit", "give pairs"),
            ("OTHERS", "everybody", "there is no role 'everybody'"),
            ("SCOPES", "profile", "openid has to be among"),
            ("ROLE", "x", "did you mean DUECOURSE_OIDC_ROLES?"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_value_and_its_mending(
        self, name: str, text: str, said: str
    ) -> None:
        with pytest.raises(ValueError, match=re.escape(said)) as told:
            Settings.from_environment(WHOLE | {f"DUECOURSE_OIDC_{name}": text})
        assert "hush" not in str(told.value)

    def test_groups_of_a_directory_hold_commas(self) -> None:
        found = provider_of(WHOLE | {"DUECOURSE_OIDC_ROLES": "CN=credit,OU=uk=analyst; CN=it=administrator"})
        assert found is not None
        assert found.roles == (("CN=credit,OU=uk", "analyst"), ("CN=it", "administrator"))


def test_single_sign_on_and_passwords_do_not_mix(desk: Desk) -> None:
    known, identity = Users(desk), Identity("https://login.example.com 7", "ana", None)
    known.create(ROOT, NOW, "ana", "analyst", None)
    assert known.check("ana", "") is None
    assert known.admit(NOW, identity).role == "analyst"
    known.set_password(ROOT, NOW, "ana", PASSWORD)
    assert known.check("ana", PASSWORD) is not None
    with pytest.raises(NotAdmittedError, match="signs in with a password"):
        known.admit(NOW, identity)
    acts = [each["act"] for each in reversed(desk.audit_entries())]
    assert acts == ["add_user", "join_user", "change_password"]


def test_what_was_written_waits_for_single_sign_on_in_another_tab(house: House) -> None:
    browser = house.browser()
    came(browser, "ana")
    fields = hidden(browser.get("/customers/C").text, "/customers/C/notes") | {
        "text": "A long <talk>",
        "customer_id": "C",
    }
    house.clock.now += timedelta(hours=3)
    ended = browser.post("/customers/C/notes", fields)
    assert ended.status_code == 401 and 'target="_blank"' in ended.text
    link = re.search(r'href="(/sign-in/provider\?to=[^"]*)"', ended.text)
    assert link is not None
    house.clock.now -= timedelta(hours=3)  # the provider lives today
    done = browser.get(back(browser.get(link[1]).headers["location"], "ana"))
    assert "Go back to the other tab" in browser.get(done.headers["location"]).text
    again = browser.post("/customers/C/notes", hidden(ended.text, "/customers/C/notes"))
    assert again.status_code == 403 and "A long &lt;talk&gt;" in again.text
    assert browser.post("/customers/C/notes", hidden(again.text, "/customers/C/notes")).status_code == 303
    assert house.desk.find("notes")[0].changed_by == "ana"
