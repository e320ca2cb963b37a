"""What do requests and answers look like, field by field?"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from serving.api.days import parse_day
from serving.api.ledger_bodies import ledger_schema

MOST_INVOICES = 1_000

AsOf = Annotated[
    date,
    BeforeValidator(parse_day),
    Field(description="score what was known at the start of this day", examples=["2026-03-31"]),
]
Money = Annotated[str, Field(description="decimal text in currency units", examples=["1234.50"])]
Probability = Annotated[float, Field(ge=0, le=1)]
InvoiceId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AsOfParameter(BaseModel):
    """Query parameters of the GET routes that look at a day."""

    model_config = ConfigDict(extra="forbid")
    as_of: AsOf | None = None


class ScoreRequest(BaseModel):
    """Either invoices of the loaded ledger, or a small ledger of which every open invoice is scored."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["invoice_ids"]}, {"required": ["as_of", "ledger"]}]},
    )
    as_of: AsOf | None = None
    invoice_ids: Annotated[list[InvoiceId], Field(min_length=1, max_length=MOST_INVOICES)] | None = None
    ledger: Annotated[dict[str, Any], WithJsonSchema(ledger_schema())] | None = None


class Reason(BaseModel):
    """One group of features, and what it did to the log-odds of the explained probability."""

    code: str
    sentence: str
    direction: Literal["raises", "lowers"]
    contribution: float
    value: Any = Field(None, description="the customer's own value")
    reference: Any = Field(None, description="what it is compared with")


class Prior(BaseModel):
    """The others with whom a customer is compared of whom little or nothing is known."""

    source: str = Field(examples=["country"])
    late_rate: Probability | None = Field(description="null where none of their invoices has matured")
    invoices: int
    sentence: str


class Score(BaseModel):
    """The score of one open invoice; fields of capabilities not built yet are absent."""

    model_config = ConfigDict(extra="allow")
    invoice_id: str
    customer_id: str
    as_of: date
    amount_open: Money | None = Field(description="null where the amount of the invoice is not known")
    currency: str
    days_past_due: int
    p_late: Probability
    p_late_30: Probability
    p_late_90: Probability
    expected_paid_on: date | None = Field(None, description="as likely paid by this day as after it")
    paid_on_p10: date | None = Field(None, description="eight payments in ten come from this day")
    paid_on_p90: date | None = Field(None, description="to this one")
    evidence: str
    tier: str
    action: str
    action_by: date | None = None
    reasons: list[Reason]
    model_version: str
    policy_version: str
    p_late_low: Probability = Field(description="invoices scored like this were late at least so often")
    p_late_high: Probability = Field(description="and at most so often; p_late lies between")
    prior: Prior | None = Field(None, description="null where evidence is not short, absent in lists")


class ScoreProblem(BaseModel):
    """Why something in the request was not scored, or was repaired first."""

    model_config = ConfigDict(extra="allow")
    pointer: str
    code: str
    detail: str
    mend: str


class Scores(BaseModel):
    """The answer to POST /v1/scores."""

    scores: list[Score]
    problems: list[ScoreProblem]
    context_as_of: date = Field(description="the segment totals of the loaded book are as of this day")


class Record(BaseModel):
    """An object whose fields its own document describes."""

    model_config = ConfigDict(extra="allow")
