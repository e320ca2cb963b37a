"""What is kept of a promise to pay, and when is it kept, partly kept or broken?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from serving.desk.kinds.content import (
    Content,
    Currency,
    Day,
    Flaw,
    ForeignId,
    Id,
    Line,
    MoneyAboveZero,
    in_order,
    moves,
)

_VERDICTS = ("kept", "partially_kept", "broken")


class Promise(Content):
    """A promise to pay one invoice, or a part of it, by a day."""

    KIND, PREFIX, KEY = "promises", "W", ("promise_id",)
    # A payment learned late, or one that bounced, corrects a verdict; nothing becomes open again.
    MOVES = moves(
        open=(*_VERDICTS, "cancelled"),
        kept=("partially_kept", "broken"),
        partially_kept=("kept", "broken"),
        broken=("kept", "partially_kept"),
        cancelled=(),
    )
    LEDGER, PERSONAL = (
        ("promise_id", "invoice_id", "made_on", "promised_on", "amount", "known_on"),
        ("person",),
    )

    promise_id: Id | None = None
    invoice_id: ForeignId
    customer_id: ForeignId | None = None
    made_on: Day
    promised_on: Day
    amount: MoneyAboveZero | None = None
    currency: Currency | None = None
    person: Line | None = None
    channel: Line | None = None
    known_on: Day | None = None
    status: Literal["open", "kept", "partially_kept", "broken", "cancelled"] = "open"

    def flaws(self) -> Iterator[Flaw]:
        return in_order(self.made_on, self.promised_on, "promised_on", "made_on")
