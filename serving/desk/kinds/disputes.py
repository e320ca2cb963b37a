"""What is kept of an objection to an invoice, and of a complaint about goods or service?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from serving.desk.kinds.content import (
    Code,
    Content,
    Currency,
    Day,
    Flaw,
    ForeignId,
    Id,
    Line,
    MoneyAboveZero,
    Text,
    in_order,
    moves,
)

Course = Literal["open", "resolved", "rejected"]
_MOVES = moves(open=("resolved", "rejected"), resolved=("open",), rejected=("open",))
"""A case closed too early is opened again, without its closing day."""


class Dispute(Content):
    """What a customer objects to: an invoice, a line of it, or an amount of it."""

    KIND, PREFIX, KEY, MOVES = "disputes", "D", ("dispute_id",), _MOVES
    LEDGER = ("dispute_id", "invoice_id", "opened_on", "closed_on", "amount", "reason", "known_on")
    PERSONAL = ("person", "note")

    dispute_id: Id | None = None
    invoice_id: ForeignId
    customer_id: ForeignId | None = None
    line: Line | None = None
    opened_on: Day
    closed_on: Day | None = None
    amount: MoneyAboveZero | None = None
    currency: Currency | None = None
    reason: Line | None = None
    cause: Code | None = None
    owner: Line | None = None
    person: Line | None = None
    note: Text | None = None
    known_on: Day | None = None
    status: Course = "open"

    def flaws(self) -> Iterator[Flaw]:
        return _closing(self.status, self.opened_on, self.closed_on)


class Complaint(Content):
    """A complaint about goods or service, not tied to one invoice."""

    KIND, PREFIX, KEY, MOVES = "complaints", "B", ("complaint_id",), _MOVES
    LEDGER = ("complaint_id", "customer_id", "opened_on", "closed_on", "topic", "known_on")
    PERSONAL = ("person", "note")

    complaint_id: Id | None = None
    customer_id: ForeignId
    opened_on: Day
    closed_on: Day | None = None
    topic: Line | None = None
    owner: Line | None = None
    person: Line | None = None
    note: Text | None = None
    known_on: Day | None = None
    status: Course = "open"

    def flaws(self) -> Iterator[Flaw]:
        return _closing(self.status, self.opened_on, self.closed_on)


def _closing(status: str | None, opened_on: date | None, closed_on: date | None) -> Iterator[Flaw]:
    yield from in_order(opened_on, closed_on, "closed_on", "opened_on")
    if status == "open" and closed_on is not None:
        yield Flaw("/closed_on", "an open case has no closing day; set status too, or leave it out")
    if status in ("resolved", "rejected") and closed_on is None:
        yield Flaw("/closed_on", f"a {status} case needs the day it was closed")
