"""Does what the book contradicts come back with its pointer?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from serving.desk.checks import BookFacts, InvoiceFacts, misfits

OPEN = InvoiceFacts("I1", "C1", Decimal("100.00"), Decimal("60.00"), "EUR")
SETTLED = InvoiceFacts("I1", "C1", Decimal("100.00"), Decimal(0), "EUR")
UNKNOWN = InvoiceFacts("I1", "C1", None, None, "JPY", 0)


@pytest.mark.parametrize(
    ("kind", "content", "invoice", "expected"),
    [
        ("promises", {"amount": "60.00"}, OPEN, {}),
        ("promises", {"amount": "60.01"}, OPEN, {"/amount": "60.01 is more than the 60.00 EUR open"}),
        ("promises", {"amount": "60.01", "status": "kept"}, OPEN, {}),
        ("promises", {}, SETTLED, {"/invoice_id": "settled: there is nothing to promise"}),
        ("promises", {"amount": "999"}, UNKNOWN, {}),
        ("payments", {"amount": "500"}, OPEN, {}),
        ("payments", {"amount": "500"}, SETTLED, {"/invoice_id": "kept on account"}),
        ("payments", {}, SETTLED, {"/invoice_id": "kept on account"}),
        ("payments", {"amount": "-60"}, SETTLED, {}),
        ("payments", {"amount": "1"}, None, {"/invoice_id": "no invoice 'I1' is in the book"}),
        ("payments", {"amount": "1.005"}, OPEN, {"/amount": "EUR has 2 digits"}),
        ("payments", {"amount": "1.5"}, UNKNOWN, {"/amount": "JPY has 0 digits"}),
        ("payments", {"currency": "USD", "amount": "1"}, OPEN, {"/currency": "in EUR, not USD"}),
        ("payments", {"customer_id": "C2", "amount": "1"}, OPEN, {"/customer_id": "of C1, not C2"}),
        ("credit_notes", {"amount": "1"}, SETTLED, {"/invoice_id": "settled"}),
        ("disputes", {"amount": "100.01"}, OPEN, {"/amount": "100.00 EUR on the invoice"}),
        ("disputes", {"amount": "99"}, SETTLED, {}),
        ("payment_plans", {"instalments": [{"amount": "30"}, {"amount": "30"}]}, OPEN, {}),
        (
            "payment_plans",
            {"instalments": [{"amount": "30"}, {"amount": "30.001"}]},
            OPEN,
            {"/instalments": "add up to 60.001", "/instalments/1/amount": "EUR has 2 digits"},
        ),
        ("contacts", {}, OPEN, {}),
    ],
)
def test_against_an_invoice(
    kind: str, content: dict[str, Any], invoice: InvoiceFacts | None, expected: dict[str, str]
) -> None:
    found = {
        flaw.pointer: flaw.text for flaw in misfits(kind, {"invoice_id": "I1"} | content, BookFacts(invoice))
    }
    assert found.keys() == expected.keys()
    assert all(said in found[pointer] for pointer, said in expected.items())


def test_who_and_what_nobody_knows() -> None:
    content = {"customer_id": "C9", "promise_id": "W9"}
    found = misfits("contacts", content, BookFacts(knows_customer=False, promise_ids=["W1"]))
    assert [flaw.pointer for flaw in found] == ["/customer_id", "/promise_id"]
    assert misfits("customers", {"customer_id": "C9"}, BookFacts(knows_customer=False)) == []
    assert misfits("contacts", {"customer_id": "C1"}, BookFacts()) == []


def test_an_invoice_is_new_before_anybody_knows_it() -> None:
    assert (
        misfits("invoices", {"invoice_id": "I9", "customer_id": "C1"}, BookFacts(knows_customer=False)) == []
    )
