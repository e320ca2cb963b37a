"""What is kept of a customer, and of what others say about it?"""

from __future__ import annotations

from typing import Literal

from serving.desk.kinds.content import (
    CAN_BE_CANCELLED,
    Content,
    Count,
    Currency,
    Day,
    Entry,
    Flag,
    ForeignId,
    Limit,
    Line,
    Number,
)


class Customer(Content):
    """Who buys from us. A change with another `known_on` is a further row of the ledger's table."""

    KIND, PREFIX, KEY, MOVES = "customers", "C", ("customer_id",), CAN_BE_CANCELLED
    PERSONAL = ("name",)
    LEDGER = (
        "customer_id",
        "name",
        "parent_id",
        "debtor_type",
        "country",
        "industry",
        "customer_since",
        "credit_limit",
        "terms_days",
        "owner",
        "key_account",
        "channel",
        "terms_accepted_on",
        "known_on",
    )

    customer_id: ForeignId
    name: Line | None = None
    parent_id: ForeignId | None = None
    debtor_type: Literal["company", "sole_trader", "public_body"] | None = None
    country: Line | None = None
    industry: Line | None = None
    customer_since: Day | None = None
    credit_limit: Limit | None = None
    terms_days: Count | None = None
    owner: Line | None = None
    key_account: Flag | None = None
    channel: Line | None = None
    terms_accepted_on: Day | None = None
    known_on: Day | None = None
    status: Entry = "recorded"


class CreditReport(Content):
    """What an agency says."""

    KIND, PREFIX, MOVES = "credit_reports", "R", CAN_BE_CANCELLED
    LEDGER = ("customer_id", "reported_on", "source", "score", "credit_limit", "known_on")

    customer_id: ForeignId
    reported_on: Day
    source: Line | None = None
    score: Number | None = None
    credit_limit: Limit | None = None
    currency: Currency | None = None
    known_on: Day | None = None
    status: Entry = "recorded"


class TradeReference(Content):
    """What another supplier says."""

    KIND, PREFIX, MOVES = "trade_references", "TR", CAN_BE_CANCELLED
    LEDGER, PERSONAL = ("customer_id", "received_on", "rating", "known_on"), ("person", "supplier")

    customer_id: ForeignId
    received_on: Day
    rating: Line | None = None
    supplier: Line | None = None
    person: Line | None = None
    known_on: Day | None = None
    status: Entry = "recorded"
