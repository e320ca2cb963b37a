"""What is kept of a decision, so that years later it can be shown who decided what, on which score and policy?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, JsonValue

from serving.desk.kinds.content import (
    Code,
    Content,
    Count,
    Currency,
    Day,
    Flag,
    Flaw,
    ForeignId,
    Id,
    Limit,
    Line,
    Number,
    Text,
    in_order,
    moves,
)

Snapshot = dict[Line, Number | Flag | Line | None]
"""The values of the features that were scored, by name."""


class Decision(Content):
    """What was recommended for a case or an invoice, what was chosen, and on what ground."""

    KIND, PREFIX, KEY = "decisions", "X", ("decision_id",)
    MOVES = moves(taken=("done", "withdrawn"), done=(), withdrawn=())
    PERSONAL = ("why", "override_reason")

    decision_id: Id | None = None
    customer_id: ForeignId
    case_id: ForeignId | None = None
    invoice_id: ForeignId | None = None
    decided_on: Day
    recommended: Code
    chosen: Code
    why: Text | None = None
    override_reason: Text | None = None
    recommended_by: Line | None = None
    """The rule of the policy that recommended it."""
    tier: Code | None = None
    score: dict[str, JsonValue] | None = None
    features: Snapshot | None = None
    reasons: tuple[JsonValue, ...] = ()
    model_version: Line | None = None
    policy_version: Line
    status: Literal["taken", "done", "withdrawn"] = "taken"

    def flaws(self) -> Iterator[Flaw]:
        yield from _override(self.recommended, self.chosen, self.override_reason)
        if self.score is not None and self.model_version is None:
            yield Flaw("/model_version", "a score needs the version of the model that gave it")


class CreditDecision(Content):
    """On which terms a customer may buy."""

    KIND, PREFIX, KEY = "credit_decisions", "CD", ("credit_decision_id",)
    MOVES = moves(taken=("withdrawn",), withdrawn=())
    PERSONAL = ("why", "override_reason")

    credit_decision_id: Id | None = None
    customer_id: ForeignId
    decided_on: Day
    recommended: Code
    chosen: Code
    why: Text | None = None
    override_reason: Text | None = None
    recommended_by: Line | None = None
    credit_limit: Limit | None = None
    currency: Currency | None = None
    terms_days: Count | None = None
    prepaid_share: Number | None = None
    valid_until: Day | None = None
    reasons: tuple[JsonValue, ...] = ()
    score: dict[str, JsonValue] | None = None
    features: Snapshot | None = None
    model_version: Line | None = None
    policy_version: Line
    status: Literal["taken", "withdrawn"] = "taken"

    def flaws(self) -> Iterator[Flaw]:
        yield from _override(self.recommended, self.chosen, self.override_reason)
        yield from in_order(self.decided_on, self.valid_until, "valid_until", "decided_on")
        if self.prepaid_share is not None and not 0 <= self.prepaid_share <= 1:
            yield Flaw("/prepaid_share", "a share lies between 0 and 1")
        if self.credit_limit is not None and self.currency is None:
            yield Flaw("/currency", "a limit needs its currency")


class Review(Content):
    """What a look at the whole account ended in."""

    KIND, PREFIX, KEY = "reviews", "V", ("review_id",)
    MOVES = moves(recorded=("cancelled",), cancelled=())
    PERSONAL = ("why",)

    review_id: Id | None = None
    customer_id: ForeignId
    reviewed_on: Day
    outcome: Literal["keep", "restrict", "exit"]
    why: Text
    next_review_on: Day | None = None
    figures: dict[Line, JsonValue] = Field(default_factory=dict)
    status: Literal["recorded", "cancelled"] = "recorded"

    def flaws(self) -> Iterator[Flaw]:
        return in_order(self.reviewed_on, self.next_review_on, "next_review_on", "reviewed_on")


def _override(recommended: Any, chosen: Any, reason: str | None) -> Iterator[Flaw]:
    if recommended and chosen and recommended != chosen and not reason:
        yield Flaw("/override_reason", f"{chosen} was chosen where {recommended} was recommended: say why")
