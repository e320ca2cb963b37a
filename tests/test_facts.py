"""Is what we say is open, disputed, promised and owed today what the ledger says, to the last minor unit?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger, LedgerSettings
from serving import positions
from serving.facts import Facts
from serving.policy.vocabulary import CASE_COLUMNS
from tests.ledger_rows import INVOICE, ledger

DAY = date(2024, 2, 10)
SPOKEN = (
    "is_disputed",
    "promise_pending",
    "promise_broken",
    "unapplied_cash",
    "complaint_open",
    "key_account",
)
"""Facts that some invoice of the sample ledger shows."""


def facts(*invoices: dict[str, Any], settings: LedgerSettings | None = None, **tables: Any) -> Facts:
    return Facts(History(ledger(*invoices, settings=settings, **tables)))


def case(book: Facts, day: date = DAY, invoice_id: str = "A") -> dict[str, Any]:
    """What the policy learns of one invoice on a day."""
    columns = book.cases(np.array([book.position(invoice_id)]), day)
    return {name: column.tolist()[0] for name, column in columns.items()}


def paid(amount: str, on: str, **more: str) -> dict[str, str]:
    return {"invoice_id": "A", "paid_on": on, "amount": amount, **more}


@pytest.mark.parametrize(
    ("payments", "credits", "expected"),
    [
        ([], [], [100_00, 100_00, 100_00]),
        ([paid("100", "2024-02-09")], [], [100_00, None, None]),
        ([paid("100", "2024-02-10")], [], [100_00, 100_00, None]),
        ([paid("100", "2024-02-09", known_on="2024-02-10")], [], [100_00, 100_00, None]),
        ([paid("30", "2024-02-08")], [], [70_00, 70_00, 70_00]),
        ([paid("30", "2024-02-08"), paid("70", "2024-02-10")], [], [70_00, 70_00, None]),
        ([paid("100", "2024-02-01"), paid("-100", "2024-02-09")], [], [None, 100_00, 100_00]),
        ([paid("100", "2024-02-01"), paid("-40", "2024-02-10")], [], [None, None, 40_00]),
        ([paid("130", "2024-02-01")], [], [None, None, None]),
        ([paid("", "2024-02-09")], [], [100_00, None, None]),
        ([], [("99.99", "2024-02-09")], [100_00, 1, 1]),
        ([paid("60", "2024-02-08")], [("40", "2024-02-10")], [40_00, 40_00, None]),
    ],
    ids=str,
)
def test_open_is_what_was_known_before_the_day_and_not_settled_before_it(
    payments: list, credits: list, expected: list
) -> None:
    notes = [{"invoice_id": "A", "amount": amount, "credited_on": on} for amount, on in credits]
    book, row = facts(payments=payments, credit_notes=notes), np.array([0])
    for offset, owed in zip((-1, 0, 1), expected, strict=True):
        day = day_number(DAY + timedelta(days=offset))
        assert book.is_open(row, day)[0] == (owed is not None)
        assert book.history.open_on(day).tolist() == ([] if owed is None else [0])
        assert book.amount_open(row, np.array([day]))[0] == (owed or 0)


def test_an_invoice_is_open_from_the_day_after_we_know_it() -> None:
    book = facts(INVOICE | {"known_on": "2024-01-05"})
    days = [day_number(date(2024, 1, day)) for day in (1, 2, 5, 6)]
    assert [bool(book.is_open(np.array([0]), day)[0]) for day in days] == [False, False, False, True]
    assert [bool(book.is_known(np.array([0]), day)[0]) for day in days] == [False, False, False, True]


@pytest.mark.parametrize(
    ("currency", "amount", "part", "expected"),
    [
        ("EUR", "100.00", "0.01", 99_99),
        ("JPY", "12345", "5", 12340),
        ("KWD", "10.005", "0.001", 10004),
        ("IDR", "1000000.00", "333333.33", 666_666_67),
    ],
)
def test_what_is_open_is_exact_in_the_invoices_own_currency(
    currency: str, amount: str, part: str, expected: int
) -> None:
    rate = {"currency": currency, "base_currency": "EUR", "rated_on": "2023-12-01", "rate": "0.00006"}
    rates = [] if currency == "EUR" else [rate]
    book = facts(
        INVOICE | {"amount": amount, "currency": currency},
        payments=[paid(part, "2024-02-01")],
        exchange_rates=rates,
        settings=LedgerSettings(base_currency="EUR"),
    )
    assert book.history.tables["invoices"]["money_unit"].tolist() == ["EUR"]
    assert book.amount_open(np.array([0]), np.array([day_number(DAY)])).tolist() == [expected]


TODAY_FACTS: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({"payments": [paid("40", "2024-02-10")]}, "amount_open", 100.0, 60.0),
    ({"payments": [paid("100", "2024-02-10")]}, "amount_open", 100.0, 0.0),
    ({"payments": [{"customer_id": "C", "paid_on": "2024-02-10", "amount": "7"}]}, "unapplied_cash", 0, 7.0),
    (
        {"payments": [paid("7", "2024-02-10") | {"invoice_id": "to come", "customer_id": "C"}]},
        "unapplied_cash",
        0,
        7.0,
    ),
    (
        {"credit_notes": [{"customer_id": "C", "credited_on": "2024-02-10", "amount": "7"}]},
        "unapplied_cash",
        0,
        7.0,
    ),
    (
        {"disputes": [{"dispute_id": "D", "invoice_id": "A", "opened_on": "2024-02-10"}]},
        "is_disputed",
        False,
        True,
    ),
    (
        {
            "promises": [
                {
                    "promise_id": "P",
                    "invoice_id": "A",
                    "made_on": "2024-02-10",
                    "promised_on": "2024-02-20",
                    "amount": "100",
                }
            ]
        },
        "promise_pending",
        False,
        True,
    ),
    ({"contacts": [{"customer_id": "C", "contacted_on": "2024-02-10"}]}, "contacts_90", 0, 1),
    (
        {"complaints": [{"complaint_id": "B", "customer_id": "C", "opened_on": "2024-02-10"}]},
        "complaint_open",
        False,
        True,
    ),
    ({"customers": [{"customer_id": "C", "country": "DE", "known_on": "2024-02-10"}]}, "country", "", "DE"),
    (
        {
            "payment_plans": [
                {
                    "plan_id": "1",
                    "customer_id": "C",
                    "agreed_on": "2024-02-10",
                    "due_on": "2024-03-01",
                    "amount": "5",
                }
            ]
        },
        "plan_running",
        False,
        True,
    ),
]


@pytest.mark.parametrize(("tables", "fact", "yesterday", "today"), TODAY_FACTS, ids=lambda v: str(v)[:30])
def test_what_comes_in_today_reaches_the_policy_today_and_the_features_tomorrow(
    tables: dict[str, Any], fact: str, yesterday: Any, today: Any
) -> None:
    with_it, without = facts(**tables), facts()
    assert case(with_it)[fact] == today
    assert case(with_it, DAY - timedelta(days=1))[fact] == yesterday
    assert case(without)[fact] == yesterday
    row, day = np.array([0]), np.array([day_number(DAY)])
    computed = [CATALOGUE.compute(book.history, row, day) for book in (with_it, without)]
    assert computed[0].tobytes() == computed[1].tobytes()
    assert with_it.amount_open(row, day).tolist() == [100_00]


def test_a_dispute_ends_and_only_its_stated_part_is_held_back() -> None:
    dispute = {"dispute_id": "D", "invoice_id": "A", "opened_on": "2024-02-01", "closed_on": "2024-02-10"}
    other = {"dispute_id": "E", "invoice_id": "A", "opened_on": "2024-02-02", "amount": "12.50"}
    book = facts(disputes=[dispute, other])
    before, today = case(book, DAY - timedelta(days=1)), case(book)
    assert (before["is_disputed"], before["disputed_amount"]) == (True, 0.0)
    assert (today["is_disputed"], today["disputed_amount"]) == (True, 12.5)
    assert not case(facts(disputes=[dispute]))["is_disputed"]


def test_a_promise_is_pending_until_its_day_and_broken_after_it() -> None:
    promise = {"promise_id": "P", "invoice_id": "A", "made_on": "2024-02-01", "amount": "100.00"}
    book = facts(promises=[promise | {"promised_on": "2024-02-10"}])
    on_the_day, after = case(book), case(book, DAY + timedelta(days=1))
    assert (on_the_day["promise_pending"], on_the_day["promise_broken"]) == (True, False)
    assert (after["promise_pending"], after["promise_broken"]) == (False, True)
    assert on_the_day["promised_on"].date() == DAY
    assert case(facts())["promised_on"] is None


def test_a_customer_owes_and_holds_each_currency_by_itself() -> None:
    book = facts(
        INVOICE,
        INVOICE | {"invoice_id": "B", "amount": "50"},
        INVOICE | {"invoice_id": "Y", "amount": "9000", "currency": "JPY"},
        INVOICE | {"invoice_id": "O", "customer_id": "Other", "amount": "1"},
        payments=[
            paid("10", "2024-02-01"),
            {"customer_id": "C", "paid_on": "2024-02-01", "amount": "500", "currency": "JPY"},
            {"customer_id": "C", "paid_on": "2024-02-01", "amount": "20", "currency": "EUR"},
            {"customer_id": "C", "paid_on": "2024-02-02", "amount": "-5", "currency": "EUR"},
        ],
    )
    owed = [case(book, invoice_id=name)["customer_open"] for name in "ABYO"]
    assert owed == [140.0, 140.0, 9000.0, 1.0]
    assert [case(book, invoice_id=name)["unapplied_cash"] for name in "ABYO"] == [15.0, 15.0, 500.0, 0.0]


def test_the_newest_master_data_known_counts() -> None:
    rows = [
        {"customer_id": "C", "debtor_type": "company", "key_account": "no"},
        {"customer_id": "C", "debtor_type": "public_body", "key_account": "yes", "known_on": "2024-02-10"},
        {"customer_id": "C", "debtor_type": "sole_trader", "known_on": "2024-02-11"},
    ]
    book = facts(customers=rows)
    found = [case(book, DAY + timedelta(days=offset)) for offset in (-1, 0, 1)]
    assert [each["debtor_type"] for each in found] == ["company", "public_body", "sole_trader"]
    assert [each["key_account"] for each in found] == [False, True, False]
    assert case(facts(customers=[{"customer_id": "Z", "country": "FR"}]))["country"] == ""


def test_a_plan_runs_until_its_last_instalment() -> None:
    plan = {"plan_id": "1", "customer_id": "C", "agreed_on": "2024-02-01", "amount": "5"}
    for scope in ({}, {"invoice_id": "A"}):
        plans = [plan | scope | {"due_on": "2024-02-05"}, plan | scope | {"due_on": "2024-02-10"}]
        book = facts(INVOICE, INVOICE | {"invoice_id": "B"}, payment_plans=plans)
        assert case(book)["plan_running"] and not case(book, DAY + timedelta(days=1))["plan_running"]
        assert case(book, invoice_id="B")["plan_running"] == (not scope)


def test_of_an_unknown_amount_nothing_is_said() -> None:
    book = facts(INVOICE | {"amount": ""})
    assert book.is_open(np.array([0]), day_number(DAY))[0]
    assert np.isnan(case(book)["amount_open"])
    assert case(book)["customer_open"] == 0


def test_a_customer_is_known_from_the_day_after_its_first_fact() -> None:
    book = facts(
        contacts=[{"customer_id": "D", "contacted_on": "2024-02-09"}], customers=[{"customer_id": "Z"}]
    )
    codes = book.history.customer_codes(pd.Series(["C", "D", "Z"], dtype="str"))
    for day, expected in ((DAY, [True, True, True]), (date(2024, 1, 1), [False, False, True])):
        assert [book.is_known_customer(int(code), day_number(day)) for code in codes] == expected


def slow_open(book: Ledger, day: date) -> dict[str, int]:
    """Minor units open by invoice id, from nothing but the tables as they were known before a day."""
    known = book.known_before(day).tables
    owed = dict(zip(known["invoices"]["invoice_id"], known["invoices"]["amount"].tolist(), strict=True))
    for name in ("payments", "credit_notes"):
        for invoice, amount in zip(known[name]["invoice_id"], known[name]["amount"].tolist(), strict=True):
            if invoice in owed:
                owed[invoice] -= amount
    return {invoice: amount for invoice, amount in owed.items() if amount > 0}


@pytest.mark.parametrize("day", [date(2025, 7, 15), date(2026, 1, 1), date(2026, 7, 1)])
def test_a_slow_sum_over_the_tables_agrees(sample_ledger: Ledger, day: date) -> None:
    book = Facts(History(sample_ledger))
    rows = book.history.open_on(day_number(day))
    expected = slow_open(sample_ledger, day)
    assert book.named["invoice_id"][rows].tolist() == sorted(expected)
    found = book.amount_open(rows, np.full(len(rows), day_number(day)))
    assert dict(zip(book.named["invoice_id"][rows].tolist(), found.tolist(), strict=True)) == expected
    assert len(rows) > 10


def test_one_invoice_alone_has_the_facts_it_has_among_all(sample_ledger: Ledger) -> None:
    book, day = Facts(History(sample_ledger)), date(2026, 5, 7)
    rows = book.history.open_on(day_number(day))
    together = book.cases(rows, day)
    assert set(together) < set(CASE_COLUMNS)
    alone = [book.cases(rows[place : place + 1], day) for place in range(len(rows))]
    for name, column in together.items():
        one_by_one = np.concatenate([each[name] for each in alone])
        assert one_by_one.dtype == column.dtype
        np.testing.assert_array_equal(one_by_one, column)
    spoken = [name for name in SPOKEN if together[name].any()]
    assert spoken == list(SPOKEN)


def test_ids_are_looked_up_in_steps_as_the_history_does_it_at_once(
    sample_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "STEP", 3)
    history = History(sample_ledger)
    ids = pd.concat([sample_ledger.tables["payments"]["invoice_id"], pd.Series(["no such", None])])
    assert positions.positions_of(history, ids).tolist() == history.positions_of(ids).tolist()
    assert positions.position_of(history, "no such") == -1
    own = sample_ledger.tables["invoices"]["invoice_id"].tolist()
    assert [positions.position_of(history, each) for each in own] == list(range(len(own)))
