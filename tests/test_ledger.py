"""Is every kind of dirt in invoices repaired, set aside or refused as the ledger's README says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.ledger import TABLES, Ledger, LedgerSettings
from tests.ledger_rows import INVOICE, PAYMENT, REUSED, ids, ledger, said

INVOICE_DIRT = [
    # changed cells of a second invoice B, what is said of it, whether it stays
    ({}, None, True),
    ({"customer_id": ""}, ("set_aside", "missing_customer_id"), False),
    ({"invoice_id": None}, ("set_aside", "missing_invoice_id"), False),
    ({"issued_on": "01.02.2024"}, ("set_aside", "unreadable_issued_on"), False),
    ({"due_on": ""}, ("set_aside", "missing_due_on"), False),
    ({"due_on": "2101-01-01"}, ("set_aside", "unreadable_due_on"), False),
    ({"issued_on": "1969-12-31"}, ("set_aside", "unreadable_issued_on"), False),
    ({"issued_on": "2024-02-30"}, ("set_aside", "unreadable_issued_on"), False),
    ({"amount": ""}, ("repaired", "amount_unknown"), True),
    ({"amount": "1,234.50"}, ("repaired", "amount_unknown"), True),
    ({"amount": "NaN"}, ("repaired", "amount_unknown"), True),
    ({"amount": float("inf")}, ("repaired", "amount_unknown"), True),
    ({"amount": "1e30"}, ("repaired", "amount_unknown"), True),
    ({"amount": "10.005"}, ("repaired", "amount_rounded"), True),
    ({"amount": "0"}, None, True),
    ({"amount": "-5"}, ("repaired", "negative_invoice"), False),
    ({"currency": None}, ("repaired", "missing_currency"), True),
    ({"currency": "€"}, ("repaired", "blanked_currency"), True),
    ({"due_on": "2023-12-01"}, ("note", "due_before_issued"), True),
    ({"sent_on": "soon"}, ("repaired", "blanked_sent_on"), True),
    ({"known_on": "soon"}, ("repaired", "blanked_known_on"), True),
    ({"known_on": "2023-12-01"}, None, True),
]


@pytest.mark.parametrize(("change", "expected", "stays"), INVOICE_DIRT)
def test_dirt_of_an_invoice(change: dict[str, Any], expected: tuple[str, str] | None, stays: bool) -> None:
    book = ledger(INVOICE, INVOICE | {"invoice_id": "B"} | change)
    assert said(book) == ({("invoices", *expected)} if expected else set())
    assert (ids(book) == ["A", "B"]) is stays
    assert ("invoices" in book.set_aside) is (expected is not None and expected[0] == "set_aside")


def test_an_invoice_without_a_readable_amount_is_kept_and_marked() -> None:
    frame = ledger(INVOICE | {"amount": "?"}).tables["invoices"]
    assert frame[["amount", "amount_known"]].values.tolist() == [[0, False]]


def test_a_blank_currency_is_the_base_currency_or_none() -> None:
    without = INVOICE | {"currency": ""}
    assert ledger(without).tables["invoices"]["currency"].tolist() == ["XXX"]
    named = LedgerSettings(base_currency="GBP")
    assert ledger(without, settings=named).tables["invoices"]["currency"].tolist() == ["GBP"]


def test_a_moment_is_cut_to_the_day_in_the_ledgers_time_zone() -> None:
    late = INVOICE | {"issued_on": "2024-01-01T23:30:00Z", "due_on": "2024-01-31 10:00"}
    settings = LedgerSettings(time_zone="Europe/Berlin")
    frame = ledger(late, settings=settings).tables["invoices"]
    assert frame[["issued_on", "due_on"]].astype(str).values.tolist() == [["2024-01-02", "2024-01-31"]]


def test_the_same_row_twice_counts_once() -> None:
    book = ledger(INVOICE, INVOICE | {"amount": "100.0"}, payments=[PAYMENT, PAYMENT])
    assert len(book.tables["invoices"]) == len(book.tables["payments"]) == 1
    assert {entry[2] for entry in said(book)} == {"duplicate_row"}


def test_a_reused_number_is_told_apart_in_the_order_known() -> None:
    frame = ledger(*reversed(REUSED)).tables["invoices"]
    assert dict(zip(frame["invoice_id"], frame["amount"], strict=True)) == {
        "A": 10000,
        "A#2": 2000,
        "A#3": 3000,
    }


def test_an_event_may_use_the_number_given_by_us() -> None:
    payment = PAYMENT | {"invoice_id": "A#2", "paid_on": "2024-12-01", "amount": "1"}
    assert ids(ledger(*REUSED, payments=[payment]), "payments") == ["A#2"]


def test_a_number_that_looks_like_a_repaired_one_stays_unique() -> None:
    book = ledger(*REUSED, INVOICE | {"invoice_id": "A#2", "issued_on": "2024-12-01", "amount": "40"})
    assert len(set(ids(book))) == 4


def test_a_negative_invoice_is_a_credit_note_and_credits_an_invoice_of_its_number() -> None:
    alone = INVOICE | {"invoice_id": "B", "amount": "-5"}
    reversal = INVOICE | {"issued_on": "2024-01-05", "amount": "-100"}
    notes = ledger(INVOICE, alone, reversal).tables["credit_notes"]
    assert ids(ledger(INVOICE, alone, reversal), "credit_notes") == ["A", None]
    assert notes["amount"].tolist() == [10000, 500]
    assert notes["credit_note_id"].tolist() == ["A", "B"]


def test_amounts_are_converted_only_at_a_rate_known_before_the_invoice() -> None:
    rates = [{"currency": "USD", "base_currency": "EUR", "rated_on": day, "rate": rate, "known_on": known}
             for day, rate, known in (("2024-01-01", "0.5", ""), ("2024-01-10", "0.7", "2024-01-20"),
                                      ("2024-01-15", "0.8", ""))]  # fmt: skip
    days = ["2024-01-01", "2024-01-02", "2024-01-11", "2024-01-16", "2024-01-25"]
    invoices = [INVOICE | {"invoice_id": day, "issued_on": day, "currency": "USD"} for day in days]
    book = ledger(*invoices, exchange_rates=rates, settings=LedgerSettings(base_currency="EUR"))
    frame = book.tables["invoices"]
    assert frame["money_unit"].tolist() == ["USD", "EUR", "EUR", "EUR", "EUR"]
    assert frame["money_amount"].tolist() == [10000, 5000, 5000, 8000, 8000]
    assert ("invoices", "note", "no_rate") in said(book)


def test_without_a_base_currency_nothing_is_converted() -> None:
    frame = ledger(INVOICE | {"currency": "JPY", "amount": "500"}).tables["invoices"]
    assert frame[["money_unit", "money_amount"]].values.tolist() == [["JPY", 500]]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_every_column_typed_even_when_empty(name: str) -> None:
    frame, wanted = ledger().tables[name], {"text": "str", "currency": "str", "date": "datetime64[s]"}
    wanted |= {"amount": "int64", "limit": "float64", "number": "float64", "flag": "bool"}
    assert {c.name: wanted[c.kind] for c in TABLES[name].columns} == frame.dtypes.astype(str).to_dict()


def test_half_a_character_in_a_request_is_no_crash() -> None:
    assert ledger(INVOICE | {"customer_id": "\ud800"}).tables["invoices"]["customer_id"].tolist() == ["?"]


def test_ids_stay_text() -> None:
    book = ledger(INVOICE | {"invoice_id": "00123", "customer_id": "NA"}, INVOICE | {"invoice_id": 123})
    assert ids(book) == ["00123", "123"]
    assert book.tables["invoices"]["customer_id"].tolist() == ["NA", "C"]


def test_frames_are_read_like_files() -> None:
    frame = pd.DataFrame([INVOICE]).assign(
        amount=[12.5], issued_on=pd.to_datetime(["2024-01-01"]), kind=[np.nan]
    )
    book = Ledger.from_tables({"invoices": frame, "payments": pd.DataFrame([PAYMENT])})
    row = book.tables["invoices"].iloc[0]
    assert (row["amount"], str(row["issued_on"].date()), row["kind"]) == (
        1250,
        "2024-01-01",
        pytest.approx(np.nan, nan_ok=True),
    )
