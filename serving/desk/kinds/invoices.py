"""What is kept of an invoice that somebody tells the desk, and of why it was not paid?"""

from __future__ import annotations

from collections.abc import Iterator

from serving.desk.kinds.content import (
    CAN_BE_CANCELLED,
    Content,
    Currency,
    Day,
    Entry,
    Flaw,
    ForeignId,
    Line,
    MoneyAboveZero,
    in_order,
)


class Invoice(Content):
    """What we billed."""

    KIND, PREFIX, KEY, MOVES = "invoices", "I", ("invoice_id",), CAN_BE_CANCELLED
    LEDGER = (
        "invoice_id",
        "customer_id",
        "issued_on",
        "due_on",
        "amount",
        "currency",
        "division",
        "delivered_on",
        "sent_on",
        "purchase_order",
        "kind",
        "known_on",
    )

    invoice_id: ForeignId
    customer_id: ForeignId
    issued_on: Day
    due_on: Day
    amount: MoneyAboveZero
    currency: Currency
    division: Line | None = None
    delivered_on: Day | None = None
    sent_on: Day | None = None
    purchase_order: Line | None = None
    kind: Line | None = None
    known_on: Day | None = None
    status: Entry = "recorded"

    def flaws(self) -> Iterator[Flaw]:
        return in_order(self.issued_on, self.due_on, "due_on", "issued_on")


class NonpaymentReason(Content):
    """Why an invoice was not paid, as a person recorded it."""

    KIND, PREFIX, MOVES = "nonpayment_reasons", "Y", CAN_BE_CANCELLED
    LEDGER, PERSONAL = ("invoice_id", "recorded_on", "reason", "known_on"), ("person",)

    invoice_id: ForeignId
    customer_id: ForeignId | None = None
    recorded_on: Day
    reason: Line
    person: Line | None = None
    known_on: Day | None = None
    status: Entry = "recorded"
