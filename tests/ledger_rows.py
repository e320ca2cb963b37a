"""Which small ledgers do the ledger's tests speak of?"""

from __future__ import annotations

from typing import Any

from features.ledger import Ledger, LedgerSettings

INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2024-01-01", "due_on": "2024-01-31"}
INVOICE |= {"amount": "100.00", "currency": "EUR"}
PAYMENT = {"invoice_id": "A", "paid_on": "2024-02-05", "amount": "100.00"}
REUSED = [
    INVOICE,
    INVOICE | {"issued_on": "2024-06-01", "due_on": "2024-07-01", "amount": "20", "customer_id": "D"},
    INVOICE | {"issued_on": "2024-09-01", "due_on": "2024-10-01", "amount": "30"},
]
"""An invoice number used three times, the second time for another customer."""
Rows = list[dict[str, Any]]


def ledger(*invoices: dict[str, Any], settings: LedgerSettings | None = None, **tables: Rows) -> Ledger:
    given = {"invoices": list(invoices) or [INVOICE], "payments": tables.pop("payments", [])}
    return Ledger.from_rows({**given, **tables}, settings)


def said(book: Ledger) -> set[tuple[str, str, str]]:
    """Everything said about a ledger but the standing note on known_on."""
    return {(p.table, p.severity, p.code) for p in book.problems if p.code != "no_known_on"}


def ids(book: Ledger, table: str = "invoices") -> list[str | None]:
    return [None if each != each else each for each in book.tables[table]["invoice_id"].tolist()]
