"""How is a contribution said in words? The stable reason codes, and sentences with the customer's own value.

Codes are part of the API: they are added to, never renamed. Each feature names its code (features/catalogue);
the sentence of a reason is that of the feature which carries most of the code's contribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from features.featureset import Feature

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class ReasonCode:
    """One kind of reason: its name for people, and what to say where the value is not known."""

    label: str
    unknown: str


REASON_CODES = {
    "late_payment_habit": ReasonCode(
        "How often it pays late", "it is not known yet how often this customer pays late"
    ),
    "days_late_habit": ReasonCode("How late it usually pays", "no invoice of this customer is settled yet"),
    "recent_payments": ReasonCode("Its last payments", "there are no recent payments to go by"),
    "payment_trend": ReasonCode("A change in its payments", "too few payments to see a change"),
    "payment_steadiness": ReasonCode("How steadily it pays", "too few payments to see how steady they are"),
    "payment_rhythm": ReasonCode("Its pay days", "its pay days are not known yet"),
    "due_date": ReasonCode("The day it falls due", "nothing is unusual about the due date"),
    "invoice_amount": ReasonCode("The amount", "no earlier invoice to compare the amount with"),
    "payment_terms": ReasonCode("The terms", "no earlier invoice to compare the terms with"),
    "invoicing_quality": ReasonCode(
        "How it was invoiced", "nothing is recorded on delivery, sending or order number"
    ),
    "time_past_due": ReasonCode("Time since issue and due date", "the invoice is new"),
    "part_payment": ReasonCode("Part payment", "nothing has been paid on it yet"),
    "overdue_balance": ReasonCode("Other overdue invoices", "it has no other open invoices"),
    "exposure": ReasonCode("What it owes in all", "nothing is known of its usual volume or limit"),
    "disputes": ReasonCode("Disputes, complaints and credits", "it never had a dispute"),
    "promises": ReasonCode("Promises to pay", "it was never asked for a promise"),
    "contacts": ReasonCode("Earlier conversations", "no conversation is recorded"),
    "nonpayment_reasons": ReasonCode(
        "Recorded reasons for not paying", "no reason for not paying is recorded"
    ),
    "group_behaviour": ReasonCode("Its sister companies", "it belongs to no group that we know"),
    "division": ReasonCode("The division it buys from", "the division is not known"),
    "country": ReasonCode("Its country", "its country is not known"),
    "industry": ReasonCode("Its line of business", "its line of business is not known"),
    "market": ReasonCode("How the whole book pays", "the book has no history yet"),
    "credit_report": ReasonCode("Credit report", "there is no credit report"),
    "relationship": ReasonCode("How long we know it", "it is a new customer"),
    "calibration": ReasonCode("Calibration", "what recent outcomes and the other horizons changed"),
}
"""Every reason code in the order in which equal contributions are listed."""


def shown_value(unit: str, value: float) -> float | None:
    """The number a person reads for a feature's value; None where it is not known."""
    if not np.isfinite(value):
        return None
    if unit.startswith("log"):
        return float(np.exp(min(value, 60.0)))
    return float(value)


def spoken(unit: str, value: float | None) -> str:
    """A value as words, in its unit."""
    if value is None:
        return "unknown"
    if unit == "share":
        return f"{100 * value:.0f} %"
    if unit == "weekday":
        return WEEKDAYS[int(value) % 7]
    if unit == "log amount":
        return f"{value:,.2f}"
    if unit in ("log ratio", "times", "deviations"):
        return f"{value:.1f}"
    if unit in ("days", "points"):
        return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
    return f"{value:.0f}"


def reason(feature: Feature, value: float, reference: float, contribution: float) -> dict[str, Any]:
    """One reason, as in the score row: code, sentence, direction, contribution, value, reference."""
    own, usual = shown_value(feature.unit, value), shown_value(feature.unit, reference)
    return entry(feature.reason, _sentence(feature, own, usual), contribution, own, usual)


def entry(
    code: str, sentence: str, contribution: float, value: float | None, reference: float | None
) -> dict[str, Any]:
    """A reason with a given sentence."""
    return {
        "code": code,
        "sentence": sentence,
        "direction": "raises" if contribution >= 0 else "lowers",
        "contribution": contribution,
        "value": value,
        "reference": reference,
    }


def _sentence(feature: Feature, value: float | None, reference: float | None) -> str:
    if value is None:
        return _capitalised(REASON_CODES[feature.reason].unknown)
    said = _capitalised(_said(feature, value))
    # Where the invoice stands today is a fact; a typical invoice at issue is no measure for it.
    is_plain = feature.unit in ("weekday", "day of month", "flag") or feature.reason == "time_past_due"
    if reference is None or is_plain:
        return said
    return f"{said}; typical is {spoken(feature.unit, reference)}"


def _said(feature: Feature, value: float) -> str:
    if feature.name == "days_past_due" and value <= 0:
        return "the invoice is due today" if value == 0 else f"the invoice is due in {-value:.0f} days"
    return feature.says.replace("{value}", spoken(feature.unit, value))


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
