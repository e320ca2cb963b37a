"""Do records come out as rows of the ledger's tables, and does every kind agree with its table?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from features.ledger import TABLES, Ledger
from serving.desk import KINDS, LEDGER_KINDS, Actor, Desk

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ANA = Actor("Ana", "analyst")


@pytest.mark.parametrize("name", LEDGER_KINDS)
def test_a_kind_named_like_a_table_has_its_columns(name: str) -> None:
    assert set(KINDS[name].LEDGER) == {column.name for column in TABLES[name].on_disk}
    in_parts = {"due_on", "amount"} if name == "payment_plans" else set()
    assert set(KINDS[name].LEDGER) - in_parts <= KINDS[name].model_fields.keys()


def test_every_table_but_the_rates_has_a_kind() -> None:
    assert {*TABLES} - {*LEDGER_KINDS} == {"exchange_rates"}


def kept(desk: Desk, *told: tuple[str, dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    with desk.writing(ANA, NOW) as w:
        for kind, content in told:
            w.add(kind, content)
    return {name: rows for name, rows in desk.ledger_rows().items() if rows}


def test_a_record_is_a_row_as_on_disk(desk: Desk) -> None:
    rows = kept(
        desk,
        (
            "payments",
            {"invoice_id": "I1", "paid_on": "2026-03-02", "amount": "-12.50", "known_on": "2026-03-03"},
        ),
        ("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": "only the desk's"}),
        (
            "promises",
            {"invoice_id": "I1", "made_on": "2026-03-02", "promised_on": "2026-03-09", "person": "Bo"},
        ),
    )
    assert rows == {
        "payments": [
            {
                "invoice_id": "I1",
                "customer_id": "",
                "paid_on": "2026-03-02",
                "amount": "-12.50",
                "payment_id": "P-1",
                "currency": "",
                "known_on": "2026-03-03",
            }
        ],
        "promises": [
            {
                "promise_id": "W-3",
                "invoice_id": "I1",
                "made_on": "2026-03-02",
                "promised_on": "2026-03-09",
                "amount": "",
                "known_on": "",
            }
        ],
    }


def test_a_plan_is_a_row_for_each_instalment(desk: Desk) -> None:
    parts = [{"due_on": "2026-03-05", "amount": "10"}, {"due_on": "2026-04-05", "amount": "5.5"}]
    plan = {"customer_id": "C1", "agreed_on": "2026-03-02", "instalments": parts}
    rows = kept(desk, ("payment_plans", plan))["payment_plans"]
    assert [(row["plan_id"], row["due_on"], row["amount"]) for row in rows] == [
        ("L-1", "2026-03-05", "10"),
        ("L-1", "2026-04-05", "5.5"),
    ]


def test_what_was_entered_by_mistake_is_no_row(desk: Desk) -> None:
    payment = {"invoice_id": "I1", "paid_on": "2026-03-02"}
    assert kept(desk, ("payments", payment))
    with desk.writing(ANA, NOW) as w:
        w.change("payments", "P-1", {"status": "cancelled"}, 1)
    assert desk.ledger_rows()["payments"] == []


def test_a_customer_has_a_row_for_each_day_on_which_something_was_learned(desk: Desk) -> None:
    kept(desk, ("customers", {"customer_id": "C1", "credit_limit": "100", "known_on": "2026-01-01"}))
    with desk.writing(ANA, NOW) as w:
        w.change("customers", "C1", {"credit_limit": "110"}, 1)
        w.change("customers", "C1", {"credit_limit": "500", "known_on": "2026-03-01"}, 2)
    rows = desk.ledger_rows(["C1"])["customers"]
    assert [(row["known_on"], row["credit_limit"]) for row in rows] == [
        ("2026-01-01", "110"),
        ("2026-03-01", "500"),
    ]


def test_of_some_customers_and_of_invoices_that_came_without_one(desk: Desk) -> None:
    kept(
        desk,
        ("payments", {"customer_id": "C1", "paid_on": "2026-03-02", "amount": "1"}),
        ("payments", {"customer_id": "C2", "paid_on": "2026-03-02", "amount": "2"}),
        ("payments", {"invoice_id": "I3", "paid_on": "2026-03-02", "amount": "3"}),
    )
    assert [row["amount"] for row in desk.ledger_rows(["C1"])["payments"]] == ["1"]
    assert [row["amount"] for row in desk.ledger_rows(["C1"], ["I3"])["payments"]] == ["1", "3"]


def test_the_ledger_reads_what_the_desk_writes(desk: Desk) -> None:
    invoice = {"invoice_id": "I1", "customer_id": "C1", "issued_on": "2026-01-01", "due_on": "2026-02-01"}
    rows = kept(
        desk,
        ("customers", {"customer_id": "C1", "key_account": True, "terms_days": 30}),
        ("invoices", invoice | {"amount": "100.00", "currency": "EUR"}),
        ("payments", {"invoice_id": "I1", "paid_on": "2026-02-03", "amount": "100.00"}),
    )
    ledger = Ledger.from_rows(rows)
    assert [problem for problem in ledger.problems if problem.severity != "note"] == []
    assert ledger.tables["payments"]["amount"].tolist() == [10_000]
