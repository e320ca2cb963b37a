"""Is everybody answered in their language, and in English where a text is not translated yet?"""

from __future__ import annotations

from pathlib import Path

import pytest

from serving import users
from serving.api.settings import Settings
from serving.languages import ENGLISH, gettext, language, languages, ngettext, speaking
from serving.languages.choosing import wanted
from serving.scoring import Scorer
from tests.house import QUICK, House, book
from training.model import RiskModel


def test_english_is_there_without_a_catalogue() -> None:
    assert language() == ENGLISH == languages()[0]
    assert gettext("Today") == "Today"
    assert ngettext("%(num)s invoice", "%(num)s invoices", 2) == "%(num)s invoices"


def test_what_no_catalogue_holds_stays_english() -> None:
    with speaking("xx"):
        assert gettext("Today") == "Today"
    assert language() == ENGLISH


@pytest.mark.parametrize(
    ("cookie", "accepted", "otherwise", "expected"),
    [
        ("", "", "en", "en"),
        ("", "", "nl", "nl"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "en", "de"),
        ("", "fr, nl;q=0.5, en;q=0.4", "en", "nl"),
        ("", "fr;q=1.0, en;q=0, *;q=0.1", "de", "de"),
        ("duecourse_language=nl", "de", "en", "nl"),
        ("duecourse_language=xx; other=1", "de", "en", "de"),
        ("", "de;q=x,;;,en", "nl", "en"),
    ],
)
def test_own_choice_then_browser_then_service(
    cookie: str, accepted: str, otherwise: str, expected: str
) -> None:
    headers = [(b"cookie", cookie.encode()), (b"accept-language", accepted.encode())]
    assert wanted({"type": "http", "headers": headers}, otherwise) == expected


def test_an_operator_cannot_choose_what_does_not_exist() -> None:
    assert Settings.from_environment({"DUECOURSE_LANGUAGE": "de"}).language == "de"
    with pytest.raises(ValueError, match=r"DUECOURSE_LANGUAGE='xx'.*en, de, nl"):
        Settings.from_environment({"DUECOURSE_LANGUAGE": "xx"})


@pytest.fixture(scope="module")
def scorer(small_model: RiskModel) -> Scorer:
    return book(small_model)


class TestPages:
    def test_a_choice_is_kept_by_the_browser(self, tmp_path: Path, scorer: Scorer) -> None:
        browser = House(tmp_path, scorer).browser()
        assert '<html lang="en">' in browser.get("/today").text
        assert '<html lang="de">' in browser.get("/today", **{"accept-language": "de"}).text
        done = browser.send("/today?tier=high", "/language", {"language": "nl"})
        assert (done.status_code, done.headers["location"]) == (303, "/today?tier=high")
        assert '<html lang="nl">' in browser.get("/today", **{"accept-language": "de"}).text
        assert '<html lang="nl">' in browser.get("/customers/nobody").text
        assert browser.post("/language", {"language": "xx"}).status_code == 400
        elsewhere = browser.post("/language", {"language": "en", "back": "//evil.example"})
        assert elsewhere.headers["location"] == "/"

    def test_and_comes_along_with_the_user(
        self, tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(users, "_hasher", QUICK)
        house = House(tmp_path, scorer, requires_token=True)
        house.let_in("ana", "analyst")
        first, second = house.browser(), house.browser()
        first.sign_in("ana")
        first.send("/today", "/language", {"language": "de"})
        second.sign_in("ana")
        assert '<html lang="de">' in second.get("/today").text

    def test_the_api_keeps_its_words(self, tmp_path: Path, scorer: Scorer) -> None:
        browser = House(tmp_path, scorer).browser()
        german = {"accept-language": "de"}
        assert browser.get("/v1/worklist", **german).json() == browser.get("/v1/worklist").json()
