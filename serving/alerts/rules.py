"""Which alert rules are there, how grave is each, and which numbers of it may a company set?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from serving.agreements import PROMISE_GRACE_DAYS


@dataclass(frozen=True)
class Number:
    """A threshold: its default, the least and most it may be, and what it means."""

    default: float
    least: float
    most: float
    meaning: str


@dataclass(frozen=True)
class AlertRule:
    """A rule as it is shipped."""

    title: str
    severity: str
    first_action: str
    numbers: Mapping[str, Number]


def _days(default: float, meaning: str, least: float = 1) -> Number:
    return Number(default, least, 1000, meaning)


RULES: dict[str, AlertRule] = {
    "insolvency": AlertRule(
        "a customer with open items is flagged as insolvent",
        "urgent",
        "ask_credit_manager",
        {},
    ),
    "behaviour_change": AlertRule(
        "a good customer suddenly stops paying on time",
        "urgent",
        "relationship_call",
        {
            "recent_days": _days(60, "what counts as recent"),
            "past_days": _days(365, "what counts as its own past, before the recent days", 90),
            "fewest_weeks_before": Number(
                8, 3, 100, "due weeks in its past below which nobody knows its habit"
            ),
            "fewest_late_weeks": Number(2, 2, 20, "late due weeks it takes"),
            "most_late_before": Number(
                0.2, 0.0, 0.5, "late share of its past up to which it is a good customer"
            ),
            "least_rise": Number(0.4, 0.05, 1.0, "rise of the late share, after shrinkage, that it takes"),
            "chance": Number(0.002, 1e-6, 0.05, "chance of so many late weeks if nothing had changed"),
        },
    ),
    "slower_than_usual": AlertRule(
        "a customer pays clearly later than it used to",
        "warning",
        "relationship_call",
        {
            "recent_days": _days(60, "what counts as recent"),
            "past_days": _days(365, "what counts as its own past, before the recent days", 90),
            "fewest_weeks_before": Number(
                8, 3, 100, "due weeks in its past below which nobody knows its habit"
            ),
            "fewest_weeks_now": Number(3, 2, 20, "recent due weeks it takes"),
            "least_days": Number(12, 1, 365, "rise of its mean days late that it takes"),
            "least_score": Number(4.0, 1.0, 20.0, "rise in standard errors that it takes"),
        },
    ),
    "first_late_payment": AlertRule(
        "a customer that always paid on time has its first late invoice",
        "notice",
        "relationship_call",
        {
            "fewest_weeks_before": Number(
                12, 3, 200, "due weeks without a late one that make a good customer"
            ),
            "past_days": _days(365, "how far back they count", 90),
            "days_late": Number(10, 0, 90, "days late from which it counts"),
            "stands_days": _days(30, "how long it stands at most"),
        },
    ),
    "broken_promise": AlertRule(
        "a promise was broken and the invoice is still open",
        "warning",
        "follow_up_promise",
        {
            "stands_days": _days(60, "how long it stands at most"),
        },
    ),
    "limit_breach": AlertRule(
        "a customer owes more than its credit limit",
        "warning",
        "review_limit",
        {
            "raised_at": Number(1.1, 0.1, 10.0, "utilisation above which it is raised"),
            "closed_below": Number(1.0, 0.05, 10.0, "utilisation below which it is over"),
        },
    ),
    "owes_without_credit": AlertRule(
        "a customer with a credit limit of 0 owes money", "notice", "review_limit", {}
    ),
    "credit_report": AlertRule(
        "a credit report is clearly worse than the one before",
        "warning",
        "review_limit",
        {
            "least_drop": Number(0.2, 0.01, 1.0, "share by which the score worsened"),
            "least_limit_cut": Number(0.25, 0.01, 1.0, "share by which the recommended limit was cut"),
            "stands_days": _days(30, "how long it stands at most"),
            "higher_is_worse": Number(0, 0, 1, "1 where a higher score is a worse one"),
        },
    ),
    "tier_jump": AlertRule(
        "a customer's tier is much worse than it was",
        "warning",
        "relationship_call",
        {"steps": Number(2, 1, 10, "tiers by which it must have worsened")},
    ),
    "invoice_not_sent": AlertRule(
        "invoices of a division have not left us",
        "notice",
        "mend_our_process",
        {
            "days": _days(10, "days after issue"),
            "looks_back_days": _days(30, "only invoices issued within so many days"),
        },
    ),
    "invoicing_lag": AlertRule(
        "a division issues or sends its invoices later than it used to",
        "warning",
        "mend_our_process",
        {
            "recent_days": _days(30, "what counts as recent"),
            "past_days": _days(180, "what it is compared with, before the recent days", 30),
            "least_rise_days": Number(2, 0.5, 60, "rise of the mean lag that it takes"),
            "fewest_invoices": Number(20, 5, 10_000, "recent invoices it takes"),
        },
    ),
    "unanswered_complaint": AlertRule(
        "a complaint is open and nobody has spoken with the customer since",
        "warning",
        "answer_complaint",
        {"days": _days(7, "days after the complaint")},
    ),
}
"""Every rule by code, the gravest first."""


@dataclass(frozen=True)
class RuleSetting:
    """How a company runs a rule."""

    severity: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class AlertSettings:
    """Which rules run, and how; a rule that is switched off is absent."""

    rules: Mapping[str, RuleSetting]
    promise_grace_days: int = PROMISE_GRACE_DAYS
    """A promise is judged so many days after its day: the policy's number."""

    def of(self, code: str) -> RuleSetting | None:
        """A rule's setting, None where it is switched off."""
        return self.rules.get(code)


@cache
def default_settings() -> AlertSettings:
    """Every rule as it is shipped."""
    return AlertSettings(
        MappingProxyType(
            {
                code: RuleSetting(
                    rule.severity, {name: number.default for name, number in rule.numbers.items()}
                )
                for code, rule in RULES.items()
            }
        )
    )
