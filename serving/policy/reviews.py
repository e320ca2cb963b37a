"""When is each account due for a review, and what might the review come to?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.policy.accounts import ACCOUNT_TERMS, Reviews
from serving.policy.columns import Columns, first_match, number_in
from serving.policy.reading import Parts

NO_MARGIN = (
    "the ledger holds no margin, so bring it to the review, or keep it at the desk as the flag 'margin'"
)


@dataclass(frozen=True)
class ReviewDue:
    """One account's review: when the last was, when the next is due, whether that day is there."""

    customer_id: str
    tier: str
    last_reviewed_on: date | None
    due_on: date
    is_due: bool


@dataclass(frozen=True)
class ReviewOutcome:
    """What a review might come to, with what collecting costs; a person decides."""

    customer_id: str
    outcome: str
    rule: str
    because: str
    contacts_365: int
    cost_to_collect: float
    purchases_365: float
    cost_share: float | None
    """Cost to collect over what was bought; None where nothing was."""
    currency: str
    margin: str
    """What is earned with the customer against what collecting costs, in words."""
    who: str
    margin_percent: float | None = None
    margin_365: float | None = None
    """Gross margin of what was bought in a year."""
    margin_after_cost: float | None = None
    """The same less the cost to collect."""
    cost_of_margin: float | None = None
    """Cost to collect over that margin; None where there is none."""


def reviews_due(
    tiers: Mapping[str, str], last_reviewed: Mapping[str, date], as_of: date, reviews: Reviews
) -> list[ReviewDue]:
    """Every account's review, the longest overdue first; one that was never reviewed is due today."""
    due = []
    for customer_id, tier in tiers.items():
        last = last_reviewed.get(customer_id)
        next_on = as_of if last is None else last + timedelta(days=reviews.every_days[tier])
        due.append(ReviewDue(customer_id, tier, last, next_on, next_on <= as_of))
    worst_first = {tier: -place for place, tier in enumerate(reviews.every_days)}
    return sorted(due, key=lambda one: (one.due_on, worst_first[one.tier], one.customer_id))


def coverage(due: list[ReviewDue]) -> float | None:
    """Share of accounts that are within their cycle; None without accounts."""
    return 1 - sum(one.is_due for one in due) / len(due) if due else None


def review_outcomes(
    accounts: Mapping[str, NDArray[Any]], tiers: Mapping[str, str], parts: Parts, reviews: Reviews
) -> list[ReviewOutcome]:
    """One recommendation per account; `tiers` are the customers' (the best where one has none)."""
    ids = accounts["customer_id"].tolist()
    costs = [number_in(parts.numbers[reviews.contact_cost], str(code)) for code in accounts["currency"]]
    cost = accounts["contacts_365"] * np.array(costs, dtype=float)
    earned = accounts["margin_365"]
    of_margin = np.where(earned > 0, cost / np.where(earned > 0, earned, 1), np.nan)
    rank = {tier: float(place) for place, tier in enumerate(parts.tiers)}
    known = dict(accounts) | {
        "cost_to_collect": cost,
        "cost_of_margin": of_margin,
        "tier": np.array([rank[tiers.get(each, parts.tiers[0])] for each in ids], dtype=float),
    }
    chosen = first_match(reviews.outcomes, Columns(known, ACCOUNT_TERMS, parts.numbers, {}))
    bought = accounts["purchases_365"]
    return [
        ReviewOutcome(
            str(ids[row]),
            rule.outcome,
            rule.id,
            rule.because,
            int(accounts["contacts_365"][row]),
            round(float(cost[row]), 2),
            float(bought[row]),
            float(cost[row] / bought[row]) if bought[row] > 0 else None,
            str(accounts["currency"][row]),
            _in_words(
                accounts["margin_percent"][row], earned[row], cost[row], str(accounts["currency"][row])
            ),
            reviews.who,
            _known(accounts["margin_percent"][row]),
            _known(earned[row]),
            _known(earned[row] - cost[row]),
            _known(of_margin[row]),
        )
        for row, rule in enumerate(reviews.outcomes[n] for n in chosen)
    ]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _in_words(percent: float, earned: float, cost: float, currency: str) -> str:
    """Margin against cost to collect, as it is said in a review."""
    if not np.isfinite(percent):
        return NO_MARGIN
    if not np.isfinite(earned):
        return f"the margin is {percent:g} %, and what was bought in a year is not known"
    left = f"{earned - cost:,.0f} {currency} a year after the cost to collect"
    return f"the margin is {percent:g} % of what is bought, {earned:,.0f} {currency} a year; it leaves {left}"
