"""What is kept of money that came in, went back, or was credited?"""

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
    Id,
    Money,
    MoneyAboveZero,
)


class Payment(Content):
    """Money received; negative: bounced or paid back. Without an invoice it is cash on account."""

    KIND, PREFIX, KEY, MOVES = "payments", "P", ("payment_id", "invoice_id"), CAN_BE_CANCELLED
    LEDGER = ("invoice_id", "customer_id", "paid_on", "amount", "payment_id", "currency", "known_on")

    payment_id: Id | None = None
    invoice_id: ForeignId | None = None
    customer_id: ForeignId | None = None
    paid_on: Day
    amount: Money | None = None
    currency: Currency | None = None
    known_on: Day | None = None
    status: Entry = "recorded"

    def flaws(self) -> Iterator[Flaw]:
        yield from _of_somebody(self.invoice_id, self.customer_id)
        if self.amount is not None and self.amount == 0:
            yield Flaw("/amount", "an amount of zero moves nothing; leave it out where it is not known")
        if self.amount is None and self.invoice_id is None:
            yield Flaw("/amount", "cash on account needs an amount")


class CreditNote(Content):
    """What we took back; without an invoice it is a credit on account."""

    KIND, PREFIX, KEY, MOVES = "credit_notes", "N", ("credit_note_id", "invoice_id"), CAN_BE_CANCELLED
    LEDGER = ("invoice_id", "customer_id", "credited_on", "amount", "credit_note_id", "currency", "known_on")

    credit_note_id: Id | None = None
    invoice_id: ForeignId | None = None
    customer_id: ForeignId | None = None
    credited_on: Day
    amount: MoneyAboveZero
    currency: Currency | None = None
    known_on: Day | None = None
    status: Entry = "recorded"

    def flaws(self) -> Iterator[Flaw]:
        return _of_somebody(self.invoice_id, self.customer_id)


def _of_somebody(invoice_id: str | None, customer_id: str | None) -> Iterator[Flaw]:
    if invoice_id is None and customer_id is None:
        yield Flaw("/invoice_id", "name the invoice, or the customer for what is on account")
