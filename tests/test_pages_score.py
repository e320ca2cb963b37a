"""Does an invoice's page tell what stands behind its score, how such scores turned out, and how it moved?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from features.ledger import Ledger
from serving.earlier_scores import EarlierScores
from serving.pages import charts
from serving.policy import Policy
from serving.score_log import log_scores, scorings
from serving.scoring import Scorer
from tests.house import Browser, House
from training.model import RiskModel

FIRST, TODAY = date(2026, 4, 6), date(2026, 5, 4)


def scorer_of(ledger: Ledger, model: RiskModel, day: date) -> Scorer:
    return Scorer(ledger.known_before(day), model, Policy.load(), day)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sample_ledger: Ledger, small_model: RiskModel) -> House:
    """A house of the sample ledger that scored on three days before today."""
    home = tmp_path_factory.mktemp("scores")
    for day in (FIRST, FIRST + timedelta(days=21), TODAY - timedelta(days=1)):
        scorer = scorer_of(sample_ledger, small_model, day)
        log_scores(home, scorer, scorer.score_open(), None, datetime(2026, 5, 4, tzinfo=UTC))
    return House(home, scorer_of(sample_ledger, small_model, TODAY))


@pytest.fixture(scope="module")
def browser(house: House) -> Browser:
    return house.browser()


@pytest.fixture(scope="module")
def told(browser: Browser, sample_ledger: Ledger, small_model: RiskModel) -> list[dict[str, Any]]:
    """The pages of some invoices that are open and not late yet."""
    scored = scorer_of(sample_ledger, small_model, TODAY).score_open()
    chosen = scored[scored["p_late"] < 1]["invoice_id"].tolist()[:60:5]
    return [browser.get(f"/invoices/{each}.json").json() for each in chosen]


class TestBehind:
    def test_a_reason_leads_to_its_invoices_and_back(
        self, browser: Browser, told: list[dict[str, Any]]
    ) -> None:
        seen = 0
        for page in told:
            for reason in (each for each in page["reasons"] if each["to"]):
                found = browser.get(f"{reason['to']}.json").json()
                assert found["reason"]["sentence"] == reason["sentence"]
                different = {each["invoice_id"] for each in found["rows"]}
                assert len(different) == reason["invoices"] and not found["more"]
                if found["is_plain"]:
                    assert found["figure"] == pytest.approx(reason["value"], abs=1e-9)
                html = browser.get(reason["to"]).text
                assert f'href="/invoices/{page["invoice"]["invoice_id"]}#why"' in html
                seen += 1
        assert seen >= 5

    def test_what_rests_on_no_invoices_says_what_it_is_about(self, told: list[dict[str, Any]]) -> None:
        others = [each for page in told for each in page["reasons"] if not each["to"]]
        assert others and {each["about"] for each in others} <= {"invoice", "others", "customer", "nothing"}

    def test_a_reason_that_is_none_of_its_own_is_not_there(
        self, browser: Browser, told: list[dict[str, Any]]
    ) -> None:
        number = told[0]["invoice"]["invoice_id"]
        assert browser.get(f"/invoices/{number}/behind/nonsense").status_code == 404


class TestPast:
    def test_earlier_scores_are_those_that_were_logged(
        self, told: list[dict[str, Any]], sample_ledger: Ledger, small_model: RiskModel
    ) -> None:
        page = next(each for each in told if each["earlier"]["source"] == "log")
        number, points = page["invoice"]["invoice_id"], page["earlier"]["points"]
        for point in points[:-1]:
            day = date.fromisoformat(point["as_of"])
            then = scorer_of(sample_ledger, small_model, day).score_of(number)
            assert point["chance"] == pytest.approx(then[page["explained"]["target"]], abs=1e-6)
        assert points[-1]["as_of"] == TODAY.isoformat()
        assert points[-1]["chance"] == page["explained"]["probability"]

    def test_without_a_log_it_is_said_that_the_model_is_asked_again(
        self, tmp_path: Path, sample_ledger: Ledger, small_model: RiskModel, told: list[dict[str, Any]]
    ) -> None:
        bare = House(tmp_path, scorer_of(sample_ledger, small_model, TODAY)).browser()
        number = told[0]["invoice"]["invoice_id"]
        page = bare.get(f"/invoices/{number}.json").json()
        assert page["earlier"]["source"] == "replay" and page["similar"] is None
        html = bare.get(f"/invoices/{number}").text
        assert "Nothing is kept of what was said before" in html and "Not known yet" in html

    def test_what_changed_adds_up_to_the_change(self, told: list[dict[str, Any]]) -> None:
        changes = [each["earlier"]["change"] for each in told if each["earlier"]["change"]]
        assert changes
        for change in changes:
            assert all(abs(each["difference"]) >= 0.02 for each in change["reasons"])
            assert change["since"] < TODAY.isoformat()

    def test_similar_scores_are_told_with_their_source(
        self, browser: Browser, told: list[dict[str, Any]]
    ) -> None:
        page = next(each for each in told if each["similar"])
        assert page["similar"]["source"] == "log"
        html = browser.get(f"/invoices/{page['invoice']['invoice_id']}").text
        found = page["similar"]
        assert (
            f"Of <strong>{found['scores']}</strong> similar scores, <strong>{found['late']}</strong>" in html
        )

    def test_a_file_is_read_once(self, house: House) -> None:
        scores = EarlierScores(house.settings.home)
        first = scores.of("no such invoice", "p_late", TODAY)
        assert first == [] and len(scores._files) == 3
        kept = dict(scores._files)
        scores.of("no such invoice", "p_late", TODAY)
        assert all(scores._files[path] is kept[path] for path in kept)


def test_a_damaged_or_removed_file_says_nothing_and_breaks_nothing(
    tmp_path: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    scorer = scorer_of(sample_ledger, small_model, FIRST)
    file = log_scores(tmp_path, scorer, scorer.score_open(), None, datetime(2026, 5, 4, tzinfo=UTC))
    content = bytearray(file.read_bytes())
    content[4:2000] = bytes(1996)
    file.write_bytes(bytes(content))
    assert len(next(scorings(tmp_path)).rows_if_there(["invoice_id", "p_late"])) == 0
    browser = House(tmp_path, scorer_of(sample_ledger, small_model, TODAY)).browser()
    number = scorer.score_open()["invoice_id"].iloc[-1]
    told = browser.get(f"/invoices/{number}.json")
    assert told.status_code == 200


def test_model_and_policy_are_a_click_away(browser: Browser, told: list[dict[str, Any]]) -> None:
    html = browser.get(f"/invoices/{told[0]['invoice']['invoice_id']}").text
    assert '<a href="/model">Model' in html and '<a href="/policy">policy' in html


@pytest.mark.parametrize("ends", [(-2.0, 3.0), (3.0, -2.0), (0.0, 0.01), (-6.0, -5.9)])
def test_a_waterfall_is_drawn_for_a_desk_and_for_a_phone(ends: tuple[float, float]) -> None:
    label, first, last = "Gesamtschuld des Kunden und anderes", *ends
    steps = [
        {"label": "Base rate", "from": first, "to": first, "kind": "base", "text": "12 %"},
        {"label": label, "from": first, "to": last, "kind": "raises", "text": "to 95 %"},
        {"label": "This invoice", "from": last, "to": last, "kind": "result", "text": "95 %"},
    ]
    drawn = charts.waterfall(steps, "From <one> to the other")
    wide, slim = ET.fromstring(f"<all>{drawn}</all>")
    assert [each.get("class") for each in (wide, slim)] == ["chart waterfall wide", "chart waterfall slim"]
    assert label in [text.text for text in slim.iter("text")] and label not in ET.tostring(wide, "unicode")
    for picture in (wide, slim):
        width = float(str(picture[0].get("viewBox")).split()[2])
        assert len([*picture.iter("rect")]) == 1 and len([*picture.iter("circle")]) == 2
        for text in picture.iter("text"):
            side, long = float(str(text.get("x"))), 8.0 * len(str(text.text)) * (text.get("class") == "value")
            begin = side - long if text.get("text-anchor") == "end" else side
            assert begin >= 0 and begin + long <= width, text.text
