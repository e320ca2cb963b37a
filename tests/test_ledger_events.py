"""Is every kind of dirt in what happened to invoices treated as the ledger's README says?"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from features.days import day_number
from features.history import History
from tests.ledger_rows import INVOICE, PAYMENT, REUSED, ids, ledger, said

EVENT_DIRT = [
    # table, row, what is said of it, how many rows stay
    ("payments", PAYMENT, None, 1),
    ("payments", PAYMENT | {"paid_on": ""}, ("set_aside", "missing_paid_on"), 0),
    ("payments", PAYMENT | {"amount": "ten"}, ("set_aside", "unusable_amount"), 0),
    ("payments", PAYMENT | {"amount": "-100"}, None, 1),
    ("payments", PAYMENT | {"amount": "150"}, ("note", "overpaid"), 1),
    ("payments", PAYMENT | {"invoice_id": "X"}, ("set_aside", "unknown_invoice"), 0),
    ("payments", PAYMENT | {"invoice_id": "X", "customer_id": "C"}, ("repaired", "unknown_invoice"), 1),
    ("payments", {"customer_id": "C", "paid_on": "2024-02-05", "amount": "7"}, None, 1),
    ("payments", {"customer_id": "C", "paid_on": "2024-02-05"}, ("set_aside", "unusable_amount"), 0),
    ("payments", PAYMENT | {"invoice_id": ""}, ("set_aside", "nobody_named"), 0),
    ("payments", PAYMENT | {"customer_id": "D"}, ("repaired", "other_customer"), 1),
    ("payments", PAYMENT | {"paid_on": "2023-12-30"}, ("note", "paid_before_issued"), 1),
    ("payments", PAYMENT | {"known_on": "2024-02-01"}, ("repaired", "known_too_early"), 1),
    ("payments", PAYMENT | {"currency": "USD"}, ("set_aside", "other_currency"), 0),
    ("credit_notes", {"invoice_id": "A", "credited_on": "2024-02-01", "amount": ""},
     ("set_aside", "missing_amount"), 0),
    ("credit_notes", {"invoice_id": "A", "credited_on": "2024-02-01", "amount": "-1"},
     ("note", "negative_credit"), 1),
    ("disputes", {"dispute_id": "1", "invoice_id": "X", "opened_on": "2024-02-01"},
     ("set_aside", "unknown_invoice"), 0),
    ("disputes", {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01", "amount": "-1"},
     ("repaired", "blanked_amount"), 1),
    ("disputes", {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01", "closed_on": "2024-01-20"},
     ("note", "closed_before_opened"), 1),
    ("promises", {"promise_id": "1", "invoice_id": "A", "made_on": "2024-02-01",
     "promised_on": "later", "amount": ""},
     ("set_aside", "unreadable_promised_on"), 0),
    ("contacts", {"customer_id": "C", "contacted_on": "2024-02-01", "invoice_id": "X"},
     ("repaired", "unknown_invoice"), 1),
    ("contacts", {"customer_id": "C", "contacted_on": "2023-02-01", "invoice_id": "A"},
     ("repaired", "invoice_not_yet_known"), 1),
    ("customers", {"customer_id": "C", "debtor_type": "person"}, ("repaired", "blanked_debtor_type"), 1),
    ("customers", {"customer_id": "C", "credit_limit": "-1"}, ("repaired", "blanked_credit_limit"), 1),
    ("customers", {"customer_id": "C", "key_account": "perhaps"}, ("repaired", "blanked_key_account"), 1),
    ("credit_reports", {"customer_id": "Z", "reported_on": "2024-02-01", "score": "good"},
     ("repaired", "blanked_score"), 1),
    ("payment_plans", {"plan_id": "P", "customer_id": "C", "agreed_on": "2024-03-01",
     "due_on": "2024-04-01", "amount": "-1"},
     ("set_aside", "unusable_amount"), 0),
    ("exchange_rates", {"currency": "USD", "base_currency": "EUR", "rated_on": "2024-01-01", "rate": "0"},
     ("set_aside", "unusable_rate"), 0),
    ("trade_references", {"customer_id": "C", "received_on": "2024-01-01", "rating": "=1+1"}, None, 1),
    ("nonpayment_reasons", {"invoice_id": "A", "recorded_on": "2024-03-01", "reason": ""},
     ("set_aside", "missing_reason"), 0),
    ("complaints", {"complaint_id": "1", "customer_id": "", "opened_on": "2024-03-01"},
     ("set_aside", "missing_customer_id"), 0),
]  # fmt: skip


@pytest.mark.parametrize(("table", "row", "expected", "stay"), EVENT_DIRT)
def test_dirt_of_an_event(
    table: str, row: dict[str, Any], expected: tuple[str, str] | None, stay: int
) -> None:
    book = ledger(**{table: [row]})
    assert said(book) == ({(table, *expected)} if expected else set())
    assert len(book.tables[table]) == stay
    assert len(book.set_aside.get(table, [])) == 1 - stay


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("12.5", "EUR", 1250), ("12.5", "JPY", 13), ("-12.5", "JPY", -13), ("1.2345", "KWD", 1235),
     ("7", "KWD", 7000), (0.1 + 0.2, "EUR", 30), ("1e3", "USD", 100000), (".5", "USD", 50),
     ("+3.", "USD", 300)],
)  # fmt: skip
def test_amounts_become_minor_units_of_their_currency(amount: Any, currency: str, minor: int) -> None:
    payment = {"customer_id": "C", "paid_on": "2024-02-01", "amount": amount, "currency": currency}
    assert ledger(payments=[payment]).tables["payments"]["amount"].tolist() == [minor]


@pytest.mark.parametrize(
    ("paid_on", "customer", "expected"),
    [
        ("2023-12-31", None, "A"),
        ("2024-02-01", None, "A"),
        ("2024-06-01", None, "A#2"),
        ("2024-06-02", "C", "A"),
        ("2024-12-01", None, "A#3"),
        ("2024-12-01", "D", "A#2"),
        ("2024-12-01", "E", "A#3"),
    ],
)
def test_an_event_means_the_newest_invoice_of_a_reused_number(
    paid_on: str, customer: str | None, expected: str
) -> None:
    payment = {"invoice_id": "A", "paid_on": paid_on, "amount": "1", "customer_id": customer}
    assert ids(ledger(*REUSED, payments=[payment]), "payments") == [expected]


def test_a_payment_without_an_amount_settles_its_invoice() -> None:
    book = ledger(payments=[{"invoice_id": "A", "paid_on": "2024-02-01"}])
    assert book.tables["payments"][["amount", "customer_id", "currency"]].values.tolist() == [
        [10000, "C", "EUR"]
    ]


def test_an_event_is_not_known_before_its_invoice() -> None:
    book = ledger(INVOICE | {"known_on": "2024-03-01"}, payments=[PAYMENT])
    assert book.tables["payments"]["known_on"].astype(str).tolist() == ["2024-03-01"]


def test_a_promise_without_an_amount_is_for_the_whole_invoice() -> None:
    promise = {"promise_id": "1", "invoice_id": "A", "made_on": "2024-02-01", "promised_on": "2024-02-09"}
    assert ledger(promises=[promise]).tables["promises"]["amount"].tolist() == [10000]


def test_a_dispute_without_an_amount_states_none() -> None:
    dispute = {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01"}
    frame = ledger(disputes=[dispute, dispute | {"dispute_id": "2", "amount": "9.5"}]).tables["disputes"]
    assert np.array_equal(frame["amount"], [np.nan, 950.0], equal_nan=True)


def test_the_first_known_row_of_a_key_stays() -> None:
    first = {"dispute_id": "1", "invoice_id": "A", "opened_on": "2024-02-01", "reason": "price"}
    book = ledger(disputes=[first | {"opened_on": "2024-03-01"}, first])
    assert book.tables["disputes"]["opened_on"].astype(str).tolist() == ["2024-02-01"]
    assert said(book) == {("disputes", "set_aside", "key_twice")}


def test_customers_may_have_a_row_for_each_day_something_changed() -> None:
    rows = [
        {"customer_id": "C", "terms_days": "30", "known_on": "2024-01-01"},
        {"customer_id": "C", "terms_days": "60", "known_on": "2024-05-01"},
        {"customer_id": "C"},
    ]
    frame = ledger(customers=rows).tables["customers"]
    assert frame["known_on"].isna().tolist() == [False, False, True]


def test_a_limit_of_zero_is_a_limit_and_blank_is_none() -> None:
    rows = [{"customer_id": "C", "credit_limit": "0"}, {"customer_id": "D"}]
    assert np.array_equal(
        ledger(customers=rows).tables["customers"]["credit_limit"], [0, np.nan], equal_nan=True
    )


def test_money_of_an_invoice_still_to_come_says_nothing_of_the_days_before_it() -> None:
    early = PAYMENT | {"invoice_id": "B", "customer_id": "C", "paid_on": "2024-01-20"}
    later = INVOICE | {"invoice_id": "B", "issued_on": "2024-03-01", "due_on": "2024-03-31"}
    answers = []
    for invoices in ([INVOICE], [INVOICE, later]):
        history = History(ledger(*invoices, payments=[early]))
        past = history.past(np.array([0]), np.array([day_number(date(2024, 2, 10))]))
        answers.append([past.payment_days.count()[0], past.unapplied.count()[0]])
    assert answers == [[0, 0], [0, 0]]
