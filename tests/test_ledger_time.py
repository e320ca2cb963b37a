"""Does a ledger asked as of a day know nothing of what was learned later, repairs included?"""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.ledger import TABLES, Ledger, LedgerError, LedgerSettings
from tests.ledger_rows import INVOICE, PAYMENT, ids, ledger

START = date(2024, 1, 1)


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def test_known_before_leaves_out_the_day_itself() -> None:
    book = ledger(INVOICE, INVOICE | {"invoice_id": "B", "issued_on": "2024-01-02"}, payments=[PAYMENT])
    assert ids(book.known_before(date(2024, 1, 1))) == []
    assert ids(book.known_before(date(2024, 1, 2))) == ["A"]
    assert len(book.known_before(date(2024, 2, 5)).tables["payments"]) == 0
    assert len(book.known_before(date(2024, 2, 6)).tables["payments"]) == 1


def test_a_closing_is_not_known_before_its_day() -> None:
    dispute = {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01", "closed_on": "2024-03-01"}
    book = ledger(disputes=[dispute])
    closed = [
        book.known_before(date(2024, 3, last)).tables["disputes"]["closed_on"].notna().tolist()
        for last in (1, 2)
    ]
    assert closed == [[False], [True]]


def test_undated_customers_are_always_known_and_are_no_fact() -> None:
    book = ledger(customers=[{"customer_id": "C"}])
    assert len(book.known_before(date(2020, 1, 1)).tables["customers"]) == 1
    assert book.latest_fact == date(2024, 1, 1)


def test_the_latest_fact_is_the_last_day_anything_was_learned() -> None:
    book = ledger(INVOICE | {"due_on": "2025-01-01"}, payments=[PAYMENT | {"known_on": "2024-02-09"}])
    assert book.latest_fact == date(2024, 2, 9)
    assert book.known_before(START).latest_fact is None


def test_of_customers_keeps_what_is_theirs_and_the_rates() -> None:
    rates = [{"currency": "USD", "base_currency": "EUR", "rated_on": "2024-01-01", "rate": "1"}]
    book = ledger(INVOICE, INVOICE | {"invoice_id": "B", "customer_id": "D"}, exchange_rates=rates,
                  payments=[PAYMENT, PAYMENT | {"invoice_id": "B"}])  # fmt: skip
    theirs = book.of_customers(["D"])
    assert (ids(theirs), ids(theirs, "payments"), len(theirs.tables["exchange_rates"])) == (["B"], ["B"], 1)


MESSY = {
    "invoices": [
        INVOICE,
        INVOICE | {"amount": "7"},
        INVOICE | {"due_on": "2024-02-09"},
        INVOICE | {"invoice_id": "B"},
    ],
    "payments": [
        PAYMENT,
        PAYMENT | {"amount": ""},
        {"customer_id": "C", "paid_on": "2024-02-01", "amount": "3"},
    ],
    "customers": [{"customer_id": "C", "name": "x", "country": "DE"}, {"customer_id": "C", "name": "y"}],
    "disputes": [
        {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01", "reason": r} for r in "ba"
    ],
}


@pytest.mark.parametrize("seed", range(5))
def test_nothing_depends_on_the_order_of_rows(seed: int) -> None:
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in MESSY.items()}
    one, other = Ledger.from_rows(MESSY), Ledger.from_rows(shuffled)
    for name in TABLES:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
    assert one.fingerprint(date(2024, 3, 1)) == other.fingerprint(date(2024, 3, 1))


FINGERPRINTED = date(2024, 2, 1)
LATER: list[tuple[str, dict[str, Any], bool]] = [
    # a row added, and whether it changes the fingerprint of what was known before 1 February
    ("payments", {"invoice_id": "A", "paid_on": "2024-01-31", "amount": "1"}, True),
    ("payments", {"invoice_id": "A", "paid_on": "2024-02-01", "amount": "1"}, False),
    ("invoices", INVOICE | {"issued_on": "2024-02-01"}, False),
    ("invoices", INVOICE | {"amount": "1"}, True),
    ("disputes", {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01"}, False),
    ("customers", {"customer_id": "C", "country": "DE"}, True),
    ("customers", {"customer_id": "C", "credit_limit": "5", "owner": "x", "known_on": "2024-02-01"}, False),
    ("customers", {"customer_id": "later"}, False),
]


@pytest.mark.parametrize(("table", "row", "changes"), LATER)
def test_the_fingerprint_covers_what_was_known(table: str, row: dict[str, Any], changes: bool) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"invoices": [INVOICE], "payments": []}
    before = Ledger.from_rows(rows).fingerprint(FINGERPRINTED)
    after = Ledger.from_rows(rows | {table: [*rows.get(table, []), row]}).fingerprint(FINGERPRINTED)
    assert (before != after) is changes


def test_what_may_change_about_undated_customers_does_not_count() -> None:
    prints = {ledger(customers=[{"customer_id": "C", "credit_limit": limit, "key_account": limit == "1"}])
              .fingerprint(FINGERPRINTED) for limit in ("1", "2")}  # fmt: skip
    assert len(prints) == 1


def test_settings_count_and_file_formats_do_not(tmp_path: Path) -> None:
    book = Ledger.from_rows(MESSY)
    book.save(tmp_path)
    assert Ledger.load(tmp_path).fingerprint(FINGERPRINTED) == book.fingerprint(FINGERPRINTED)
    other = Ledger.from_rows(MESSY, LedgerSettings(country="DE"))
    assert other.fingerprint(FINGERPRINTED) != book.fingerprint(FINGERPRINTED)


days = st.integers(0, 12).map(day)
known = st.one_of(st.none(), days)
amounts = st.sampled_from(["10", "20", "-5", "", "?", "10.005"])
customers = st.sampled_from(["C", "D"])
invoice_ids = st.sampled_from(["A", "B", "A#2"])
invoice = {"invoice_id": invoice_ids}
customer = {"customer_id": customers}
currencies = st.sampled_from(["EUR", "USD", "JPY", ""])
numbers = st.sampled_from("12")
rates = {"currency": st.sampled_from(["USD", "JPY"]), "base_currency": st.just("EUR")}
TABLE_ROWS: dict[str, tuple[str, dict[str, st.SearchStrategy[Any]]]] = {
    # the day of the event, and the columns beside it and known_on
    "invoices": (
        "issued_on",
        invoice | customer | {"due_on": days, "amount": amounts, "currency": currencies},
    ),
    "payments": ("paid_on", invoice | {"amount": amounts}),
    "credit_notes": ("credited_on", customer | {"amount": amounts}),
    "disputes": ("opened_on", invoice | {"dispute_id": numbers, "closed_on": known, "amount": amounts}),
    "promises": ("made_on", invoice | {"promise_id": numbers, "promised_on": days, "amount": amounts}),
    "contacts": ("contacted_on", invoice | customer),
    "exchange_rates": ("rated_on", rates | {"rate": st.sampled_from(["0.5", "2", "0"])}),
}
ledgers = st.fixed_dictionaries(
    {
        name: st.lists(st.fixed_dictionaries({**columns, event: days, "known_on": known}), max_size=5)
        for name, (event, columns) in TABLE_ROWS.items()
    }
)


def known_by(name: str, row: dict[str, Any]) -> str:
    """The day a row counts as known, worked out apart from the code under test."""
    happened = row[TABLE_ROWS[name][0]]
    learned = row["known_on"] or happened
    return learned if name == "invoices" else max(learned, happened)


def assert_cutting_off_changes_nothing(rows: dict[str, list[dict[str, Any]]], cut: int) -> None:
    as_of, book = START + timedelta(days=cut), LedgerSettings(base_currency="EUR")
    earlier = {
        name: [row for row in listed if known_by(name, row) < day(cut)] for name, listed in rows.items()
    }
    try:
        whole, cut_off = Ledger.from_rows(rows, book), Ledger.from_rows(earlier, book)
    except LedgerError:  # no invoice at all by then
        return
    for name in TABLES:
        asked, there = whole.known_before(as_of).tables[name], cut_off.known_before(as_of).tables[name]
        pd.testing.assert_frame_equal(asked, there)
    assert whole.fingerprint(as_of) == cut_off.fingerprint(as_of)


@settings(max_examples=40, deadline=None)
@given(rows=ledgers, cut=st.integers(4, 13))
def test_cutting_a_ledger_off_at_a_day_changes_nothing_known_before_it(
    rows: dict[str, list[dict[str, Any]]], cut: int
) -> None:
    assert_cutting_off_changes_nothing(rows, cut)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(rows=ledgers, cut=st.integers(1, 13))
def test_cutting_off_changes_nothing_on_many_ledgers(rows: dict[str, list[dict[str, Any]]], cut: int) -> None:
    assert_cutting_off_changes_nothing(rows, cut)
