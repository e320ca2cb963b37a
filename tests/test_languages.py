"""Is everybody answered in their language, and in English where a text is not translated yet?"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from markupsafe import Markup

from serving import users
from serving.api.settings import Settings
from serving.languages import CATALOGUES, ENGLISH, formats, gettext, language, languages, ngettext, speaking
from serving.languages.choosing import wanted
from serving.languages.filling import filled
from serving.languages.retelling import retold
from serving.messages import render
from serving.messages.samples import FULL
from serving.pages.rendering import environment
from serving.scoring import Scorer
from tests.house import QUICK, House


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


OTHERS = [each for each in languages() if each != ENGLISH]
FOURTHS = [date(2026, month, 4) for month in range(1, 13)]


class TestOneFullStop:
    @pytest.mark.parametrize(
        ("template", "value", "expected"),
        [
            ("Bis zum %(x)s.", "4. Okt.", "Bis zum 4. Okt."),
            ("Bis zum %(x)s.", "4. Mai", "Bis zum 4. Mai."),
            ("Bis zum %(x)s. Dann nicht mehr.", "4. Okt.", "Bis zum 4. Okt. Dann nicht mehr."),
            ("„Bis zum %(x)s.“", "4. Okt.", "„Bis zum 4. Okt.“"),
            ("Am %(x)s, oder später.", "4. Okt.", "Am 4. Okt., oder später."),
            ("%(x)s.json and %(x)s...", "a.", "a..json and a...."),
            ("100 %% of %(x)s.", "Northwind Inc.", "100 % of Northwind Inc."),
            ("All %(x)s.", 12, "All 12."),
        ],
    )
    def test_a_value_that_ends_in_a_point_ends_its_sentence(
        self, template: str, value: object, expected: str
    ) -> None:
        assert filled(template, {"x": value}) == expected

    def test_tags_are_looked_through_and_what_is_not_ours_stays_escaped(self) -> None:
        of = {"x": Markup("<bdi>A. &amp; Co.</bdi>"), "y": "<b>B.</b>"}
        assert filled(Markup("%(y)s of %(x)s."), of) == "&lt;b&gt;B.&lt;/b&gt; of <bdi>A. &amp; Co.</bdi>"

    @pytest.mark.parametrize("code", OTHERS)
    def test_every_sentence_of_a_catalogue_ends_once_with_every_day(self, code: str) -> None:
        with (CATALOGUES / f"{code}.po").open("rb") as source:
            strings = [each.string for each in read_po(source, locale=code) if each.string]
        texts = [one for each in strings for one in ([each] if isinstance(each, str) else each)]
        sentences = [each for each in texts if re.search(r"%\(\w+\)s\.(?![\w.])", each) and ")d" not in each]
        assert len(sentences) > 50
        with speaking(code):
            days = {write(on) for write in (formats.day, formats.spoken_day) for on in FOURTHS}
        for sentence in sentences:
            places = re.findall(r"%\((\w+)\)", sentence)
            told = [filled(sentence, dict.fromkeys(places, day)) for day in days]
            assert not [each for each in told if ".." in each]

    @pytest.mark.parametrize("code", OTHERS)
    @pytest.mark.parametrize("on", FOURTHS, ids=str)
    def test_told_again_or_set_in_a_page(self, code: str, on: date) -> None:
        page = environment().from_string(
            "{% trans amount=12, day=on | spoken %}{{ amount }} promised by {{ day }}.{% endtrans %}\n"
            "{{ sentence | retold | own | ended }}"
        )
        with speaking(code):
            sentence = f"until {on:%a} {on.day} {on:%b}."
            told = [retold(sentence), gettext("Book day %(day)s.") % {"day": formats.spoken_day(on)}]
            told.append(page.render(on=on, sentence=sentence[:-1]))
            assert all(formats.day_of_month(on) in each for each in told)
        plain = [line for text in told for line in re.sub(r"<[^>]+>", "", text).splitlines()]
        assert all(line.endswith(".") and ".." not in line for line in plain)

    @pytest.mark.parametrize("code", ["en", *OTHERS])
    @pytest.mark.parametrize("on", FOURTHS, ids=str)
    def test_written_to_a_customer(self, code: str, on: date) -> None:
        sender = replace(FULL.sender, name="A. Ost.", company="Northgate Inc.", phone="+44 20 ext.")
        case = replace(FULL, sender=sender, pay_run_on=on, next_contact_on=on, customer="Kern & Co.")
        for action in ("ask_about_payment", "answer_complaint", "renew_promise"):
            for channel in ("email", "letter", "phone"):
                message = render(action, channel, case, language=code)
                for text in (message.subject, message.text, re.sub(r"<[^>]+>", "", message.html)):
                    assert ".." not in text


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
