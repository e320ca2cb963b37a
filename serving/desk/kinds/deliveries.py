"""What is still to be told: to another system by the webhook, to a customer by e-mail? The two outboxes."""

from __future__ import annotations

from typing import Literal

from serving.desk.kinds.content import Code, Content, Count, Day, ForeignId, Id, Line, moves


class Delivery(Content):
    """One message to another system; written in the same transaction as what it tells."""

    KIND, PREFIX = "deliveries", "H"
    MOVES = moves(pending=("delivered", "dead"), delivered=(), dead=("pending",))

    alert_id: ForeignId
    event: Literal["alert.raised", "alert.closed"]
    happened_at: Line
    attempts: int = 0
    next_attempt_at: Line
    last_error: Line | None = None
    status: Literal["pending", "delivered", "dead"] = "pending"


class Sending(Content):
    """One text on its way to a customer; `sending` is kept before the mail server is spoken to."""

    KIND, PREFIX, KEY = "sendings", "S", ("sending_id",)
    PERSONAL, KEPT_FROM = ("recipient", "last_error"), "day"
    MOVES = moves(
        queued=("sending", "cancelled"),
        sending=("sent", "queued", "failed", "unsure"),
        unsure=("sent", "failed"),
        sent=(),
        failed=(),
        cancelled=(),
    )

    sending_id: Id | None = None
    case_id: ForeignId
    customer_id: ForeignId
    message_id: Id
    action: Code
    invoice_ids: tuple[ForeignId, ...] = ()
    recipient: Line
    day: Day
    """The book day whose step it is: a text that did not leave on it does not leave."""
    attempts: Count = 0
    next_attempt_at: Line
    last_error: Line | None = None
    status: Literal["queued", "sending", "sent", "failed", "unsure", "cancelled"] = "queued"
