"""Is a discount offered only where it is worth it, and are places of help named to whom they may help?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.messages import render
from serving.messages.rendering import actions, names_help
from serving.messages.samples import FULL, SIMPLE
from serving.policy import Policy, PolicyError
from serving.policy.discount import Discount
from serving.policy.help import PlaceOfHelp, places_for
from tests.commands import SAMPLE, runs_in

TEXT = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")
DAY = date(2026, 3, 2)
RELIABLE = {"settled_count": 20, "late_share_customer": 0.05, "evidence": "ample", "days_since_contact": 200}
EARLY = "offer_early_payment_discount"
PLACES = """places_of_help:
  - {country: GB, language: en, name: Helping Hand, what_for: free advice, phone: "+44 800 000 0000"}
  - {country: CH, language: de, name: Hilfe, what_for: Rat, web: "https://example.ch/hilfe"}
  - {country: CH, language: fr, name: Aide, what_for: conseil, web: "https://example.ch/aide"}
"""


def step(**facts: Any) -> str:
    case = {"as_of": DAY, "due_on": DAY + timedelta(days=5), "p_late": 0.05, "amount_open": 900.0}
    columns = {**case, "currency": "EUR", **RELIABLE, **facts}
    return str(Policy.load().decide(pd.DataFrame([columns]))["action"].iat[0])


@pytest.mark.parametrize(
    ("terms", "late", "offered"),
    [
        (60, 2, True),  # 3.6 % a year for money that costs 8 %
        (30, 2, False),  # 8.7 %
        (90, -75, False),  # would be paid within 15 days anyway
        (60, -50, False),  # on the very last day of the discount
        (60, -55, False),  # before it
        (None, 2, False),
        (60, None, False),
    ],
)
def test_a_discount_is_offered_where_money_earlier_is_worth_more(
    terms: float | None, late: float | None, offered: bool
) -> None:
    assert (step(terms_days=terms, days_late_usual=late) == EARLY) == offered


@pytest.mark.parametrize(
    "facts", [{"late_share_customer": 0.3}, {"settled_count": 8}, {"days_since_contact": 20}]
)
def test_only_reliable_payers_get_an_offer_and_not_all_the_time(facts: dict[str, Any]) -> None:
    assert step(terms_days=60, days_late_usual=2) == EARLY
    assert step(terms_days=60, days_late_usual=2, **facts) != EARLY


def test_the_cost_is_that_of_a_loan_by_compounding_month_by_month() -> None:
    # 2 % within 10 days, net 30: of 98 we go without 2 for 20 days, 18.25 times a year.
    cost = Discount(2, 10, 0.08).cost(np.array([30.0, 30, 30, 10]), np.array([0.0, 20, -15, 0]))
    money = 98.0
    for _ in range(18):
        money *= 100 / 98
    money *= (100 / 98) ** 0.25
    assert cost[0] == pytest.approx(money / 98 - 1) and cost[0] == pytest.approx(0.4458, abs=1e-4)
    assert cost[1] < cost[0] < cost[2] and cost[3] == np.inf


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("when: discount_pays and pays_reliably and", "when: pays_reliably and", "also to those who pay early"),
        ("when: discount_pays and", "when: discount_pays or", "also to those who pay early"),
        ("when: discount_pays and", "when: not discount_pays and", "also to those who pay early"),
        ("early_payment_discount: {percent: 0.5, within_days: 10, cost_of_capital: 0.08}\n", "", "stand nowhere"),
        ("percent: 0.5, within", "percent: 0, within", "0 % is no offer"),
        ("within_days: 10, cost", "within_days: 500, cost", "'500' is not a whole number from 0 to 120"),
        ("cost_of_capital: 0.08}", "cost_of_capital: 8}", "'8' is not between 0 and 1"),
        ("places_of_help: []", "places_of_help: [{country: Britain, language: en, name: A, what_for: b, web: x}]",
         "'Britain' is no country"),
        ("places_of_help: []", "places_of_help: [{country: GB, language: en, name: A, what_for: b, web: x}]",
         "'x' is no web address"),
        ("places_of_help: []", "places_of_help: [{country: GB, language: en, name: A, what_for: b}]",
         "nobody can reach this place"),
        ("places_of_help: []", "places_of_help: [{country: GB, language: en, name: A, what_for: b, phone: call}]",
         "'call' is no telephone number"),
        ("places_of_help: []", "places_of_help: [{country: GB, language: en, name: A, what_for: debt help, web: x}]",
         "which wording.never_say rules out"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(PolicyError) as told:
        Policy.read(TEXT.replace(old, new))
    assert said in str(told.value)


def test_the_sections_come_back_as_they_were() -> None:
    given = Policy.read(TEXT.replace("places_of_help: []\n", PLACES))
    assert Policy.read(given.text()).version == given.version != Policy.load().version
    assert given.parts.discount == Discount(0.5, 10, 0.08)


def test_places_are_those_of_the_country_and_of_the_language_if_there_are() -> None:
    places = Policy.read(TEXT.replace("places_of_help: []\n", PLACES)).parts.places_of_help
    named = {
        (country, language): [place.name for place in places_for(places, country, language)]
        for country, language in (("GB", "en"), ("GB", "de"), ("CH", "de-CH"), ("CH", "en"), ("DE", "de"))
    }
    assert named == {
        ("GB", "en"): ["Helping Hand"], ("GB", "de"): ["Helping Hand"], ("CH", "de-CH"): ["Hilfe"],
        ("CH", "en"): ["Hilfe", "Aide"], ("DE", "de"): [],
    }  # fmt: skip
    assert places[0].line == "Helping Hand: free advice, +44 800 000 0000"


def test_the_texts_of_the_gentle_path_print_them() -> None:
    place = PlaceOfHelp("GB", "en", "Helping Hand", "free advice", "+44 800 000 0000")
    helping = [each for each in actions() if names_help(each) and each != "announce_next_step"]
    assert "support_call" in helping
    for action in helping:
        case = replace(SIMPLE, is_person=True, assistance=(place.line,))
        said = render(action, "email", case)
        assert place.line in said.text and place.line in said.html and not said.findings, action
        assert place.line not in render(action, "email", replace(case, assistance=())).text


def test_the_discount_is_told_by_its_terms() -> None:
    said = render(EARLY, "email", FULL)
    assert "deduct 0.5% wherever you pay within 10 days of the invoice date" in " ".join(said.text.split())
    assert not said.findings
    plain = render(EARLY, "phone", replace(FULL, discount=None))
    assert "0.5%" not in plain.text and "discount for paying earlier" in plain.text


def test_check_warns_where_help_is_spoken_of_and_none_is_named(tmp_path: Path) -> None:
    run, mine = runs_in(tmp_path / "home"), tmp_path / "mine.yaml"
    mine.write_text(TEXT, encoding="utf-8")
    bare = run("policy", "check", mine)
    assert (
        bare.exit_code == 0 and "no place of help is named" in bare.stderr and "support_call" in bare.stderr
    )
    by_country = run("policy", "check", mine, "--ledger", SAMPLE)
    assert "natural persons of " in by_country.stderr
    mine.write_text(TEXT.replace("places_of_help: []\n", PLACES), encoding="utf-8")
    named = run("policy", "check", mine)
    assert named.exit_code == 0 and "Warning" not in named.stderr
