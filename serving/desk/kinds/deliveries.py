"""What is still to be told to another system? The outbox of the webhook, one record per alert and event."""

from __future__ import annotations

from typing import Literal

from serving.desk.kinds.content import Content, ForeignId, Line, moves


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
