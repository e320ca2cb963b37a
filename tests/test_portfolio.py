"""Does the portfolio add up what is open, each currency by itself, and say how few owe it?"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.ledger import Ledger
from serving.desk import Actor
from serving.office import Office
from serving.pages.later import Later, Waiting
from serving.policy import Policy
from serving.portfolio import BANDS, SEGMENTS, Codes, LookedUp, OpenBook, open_book
from serving.scoring import Scorer
from serving.worklist import items_of
from tests.api_service import NOW, desk_of
from tests.house import BOOK_DAY
from training.model import RiskModel

TIERS = ("low", "medium", "high", "critical")
ROWS = [
    # customer, currency, open, days past due, tier, division, chance of being late
    ("A", "EUR", 80_000, -5, "low", "north", 0.1),
    ("A", "EUR", 20_000, 31, "high", "south", 1.0),
    ("B", "EUR", 60_000, 0, "medium", "north", 0.5),
    ("C", "EUR", 40_000, 90, "high", "south", 1.0),
    ("C", "USD", 70_000, 91, "critical", "south", 1.0),
]
"""Money in cents."""


def book() -> OpenBook:
    customer, currency, owed, late, tier, division, chance = (
        np.array(column) for column in zip(*ROWS, strict=True)
    )
    by = {name: Codes.of(division) for name in SEGMENTS} | {
        "currency": Codes.of(currency),
        "tier": Codes.of(tier, TIERS),
        "age": Codes(BANDS, np.searchsorted([0, 30, 60, 90], late)),
    }
    known, worth = np.ones(5, bool), np.full(5, 0.01)
    return OpenBook(owed, np.zeros(5, np.int64), owed * chance, worth, known, Codes.of(customer), by)


def column(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {row["name"]: row[name] for row in rows}


class TestSums:
    def test_currencies_are_told_one_by_one_the_largest_first(self) -> None:
        assert book().currencies() == ["EUR", "USD"]
        assert [book().whole(each)["open"] for each in ("EUR", "USD")] == ["2000.00", "700.00"]

    def test_ages_are_by_printed_due_date(self) -> None:
        assert column(book().sums("age", "EUR"), "open") == {
            "current": "1400.00", "1-30": "0.00", "31-60": "200.00", "61-90": "400.00", "90+": "0.00",
        }  # fmt: skip
        assert column(book().sums("age", "USD"), "open")["90+"] == "700.00"

    def test_tiers_stand_in_the_policy_s_order_with_what_is_expected_late(self) -> None:
        rows = book().sums("tier", "EUR")
        assert [row["name"] for row in rows] == list(TIERS)
        assert column(rows, "expected_late") == {
            "low": "80.00", "medium": "300.00", "high": "600.00", "critical": "0.00",
        }  # fmt: skip
        assert column(rows, "customers") == {"low": 1, "medium": 1, "high": 2, "critical": 0}
        assert column(rows, "late_share")["critical"] is None

    def test_filters_narrow_and_a_name_that_nobody_has_leaves_nothing(self) -> None:
        narrowed = book().where({"division": "south", "age": "31-60"})
        assert narrowed.whole("EUR")["open"] == "200.00"
        assert len(book().where({"division": "nowhere"})) == 0 == len(book().where({"tier": "<b>"}))
        assert book().where({"division": "nowhere"}).currencies() == []

    def test_tiers_within_a_segment_add_up_to_it(self) -> None:
        parts = book().tiers_within("division", "EUR")
        assert parts == {"north": [80_000, 60_000, 0, 0], "south": [0, 0, 60_000, 0]}


class TestConcentration:
    def test_the_largest_stand_first_with_what_all_of_them_owe(self) -> None:
        found = book().concentration("EUR", 2)
        told = [(row["customer_id"], row["open"], row["so_far"]) for row in found["largest"]]
        assert told == [("A", "1000.00", 0.5), ("B", "600.00", 0.8)]

    def test_four_fifths_reached_exactly_are_enough(self) -> None:
        assert (
            book().concentration("EUR", 2)["owing_most"],
            book().concentration("EUR", 2)["customers"],
        ) == (2, 3)

    def test_nothing_open_is_owed_by_nobody(self) -> None:
        found = book().where({"division": "nowhere"}).concentration("EUR", 5)
        assert (found["owing_most"], found["largest"], found["curve"]) == (0, [], [])


class TestOfAMoment:
    @pytest.fixture
    def scorer(self, small_model: RiskModel) -> Scorer:
        invoice = {"issued_on": "2026-01-12", "amount": "900.00", "currency": "EUR"}
        invoices = [
            invoice | {"invoice_id": "I1", "customer_id": "C", "due_on": "2026-02-11", "division": "north"},
            invoice | {"invoice_id": "I2", "customer_id": "D", "due_on": "2026-04-20"},
        ]
        customers = [{"customer_id": "C", "country": "DE"}]
        rows = {"invoices": invoices, "payments": [], "customers": customers}
        return Scorer(Ledger.from_rows(rows), small_model, Policy.load(), BOOK_DAY)

    def test_every_invoice_has_its_segments_and_what_is_late_counts_whole(self, scorer: Scorer) -> None:
        live: Any = SimpleNamespace(whole=scorer, part=None, changed=frozenset())
        items = items_of(scorer, BOOK_DAY)
        found = open_book(live, items, LookedUp(scorer))
        assert column(found.sums("division", "EUR"), "open") == {"north": "900.00", "unknown": "900.00"}
        assert column(found.sums("country", "EUR"), "invoices") == {"DE": 1, "unknown": 1}
        late = column(found.sums("age", "EUR"), "late_share")
        assert late["31-60"] == 1.0
        risk = items.risk[items.invoice_id.tolist().index("I2")]
        assert late["current"] == pytest.approx(risk, abs=1e-4) and risk < 1

    def test_what_was_paid_at_the_desk_is_open_no_longer(self, scorer: Scorer, tmp_path: Path) -> None:
        desk = desk_of(tmp_path, 5.0)
        office = Office(desk, scorer.ledger, lambda: NOW)
        looked_up = LookedUp(office.live(scorer).whole)
        paid = {"invoice_id": "I1", "paid_on": BOOK_DAY.isoformat(), "amount": "400.00", "currency": "EUR"}
        with desk.writing(Actor("bank", "ar_system"), NOW) as writing:
            writing.add("payments", paid)
        live = office.live(scorer)
        found = open_book(live, office.items(live), looked_up)
        assert column(found.sums("division", "EUR"), "open") == {"north": "500.00", "unknown": "900.00"}


class TestLater:
    NOW = datetime(2026, 3, 31, 8, tzinfo=UTC)

    def test_what_is_quick_is_there_at_once_and_worked_out_once(self) -> None:
        later, anchor, done = Later(), object(), []

        def work() -> int:
            done.append(1)
            return len(done)

        for _ in range(3):
            assert later.found(anchor, {"a": work}, self.NOW, 30.0) == {"a": 1}
        assert later.found(object(), {"a": work}, self.NOW, 30.0) == {"a": 2}

    def test_what_takes_long_is_told_until_it_is_there(self) -> None:
        later, anchor, may_end = Later(), object(), threading.Event()
        works = {"slow": lambda: may_end.wait(60), "quick": lambda: 7}
        while later.found(anchor, works, self.NOW, 0.0)["quick"] != 7:
            pass
        assert later.found(anchor, works, self.NOW)["slow"] == Waiting(self.NOW)
        may_end.set()
        while (found := later.found(anchor, works, self.NOW)["slow"]) != True:  # noqa: E712 - a Waiting is true too
            assert isinstance(found, Waiting)

    def test_a_failure_is_told_and_tried_again(self) -> None:
        later, anchor, tried = Later(), object(), []

        def work() -> str:
            tried.append(1)
            if len(tried) == 1:
                raise ValueError("no dates")
            return "done"

        with pytest.raises(ValueError, match="no dates"):
            later.found(anchor, {"a": work}, self.NOW, 30.0)
        assert later.found(anchor, {"a": work}, self.NOW, 30.0) == {"a": "done"}

    def test_works_are_done_ahead_one_after_another_and_found_by_whoever_asks(self) -> None:
        later, anchor, done = Later(), object(), []
        works = {name: lambda name=name: done.append(name) or name for name in ("a", "b")}
        for _ in range(2):  # begun once
            later.begin(anchor, works, lambda: self.NOW)
        while len(done) < 2:
            pass
        while later.found(anchor, works, self.NOW, 30.0) != {"a": "a", "b": "b"}:
            pass
        assert done == ["a", "b"]

    def test_what_another_book_took_the_place_of_is_not_worked_out(self) -> None:
        later, may_end, done = Later(), threading.Event(), []
        old = {"slow": lambda: may_end.wait(60), "never": lambda: done.append("old")}
        later.begin(object(), old, lambda: self.NOW)
        later.begin(object(), {"new": lambda: done.append("new")}, lambda: self.NOW)
        may_end.set()
        while not done or any(each.name == "duecourse ahead" for each in threading.enumerate()):
            pass
        assert done == ["new"]
