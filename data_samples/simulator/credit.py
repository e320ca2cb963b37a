"""What do credit agencies and the supplier's own reviews say about a customer, and when?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calendar import Period
from .customers import Customer

AGENCIES = ("bureau", "trade insurer")
COVERED = {"company": 0.7, "sole_trader": 0.25, "public_body": 0.0}
REVIEW_EVERY_DAYS = 182
UNLIMITED = 0.2  # share of customers without a limit


def credit_reports(customer: Customer, period: Period, rng: np.random.Generator) -> pd.DataFrame:
    """Reports of about every quarter: 0 to 100, lower as the strain grows, with noise and some delay."""
    covered = rng.random() < COVERED[customer.debtor_type]
    days = np.arange(30 + rng.integers(0, 90), period.last + 1, 91) + rng.integers(-10, 11)
    days = days[(days >= customer.joined) & (days <= period.last)] if covered else days[:0]
    seen = customer.strain[np.maximum(days - 15, 0)]
    level = 70 - 0.5 * max(customer.payer.usual_days, 0) + rng.normal(0, 6)
    scores = np.clip(level - 8 * seen + rng.normal(0, 5, len(days)), 1, 99).astype(int)
    return pd.DataFrame(
        {
            "customer_id": customer.customer_id,
            "reported_on": period.iso[days],
            "source": str(rng.choice(AGENCIES)),
            "score": scores.astype(str),
            "credit_limit": [f"{limit}.00" for limit in recommended_limits(customer, scores)],
            "known_on": period.iso[np.minimum(days + 1, period.last)],
        },
        dtype=str,
    )


def recommended_limits(customer: Customer, scores: np.ndarray) -> list[int]:
    """A round limit for each score, after the customer's size."""
    monthly = customer.typical_amount * customer.invoices_a_month
    return [int(np.ceil(monthly * (0.5 + score / 25) / 500) * 500) for score in scores]


def limit_reviews(customer: Customer, period: Period, rng: np.random.Generator) -> list[tuple[str, str]]:
    """The supplier's credit limits as (known on, limit), blank for no limit: the first and every new one.

    A review sees the strain of six weeks ago, dimly, and changes the limit where it is off by a quarter.
    """
    first = int(rng.integers(20, REVIEW_EVERY_DAYS)) + max(customer.joined, period.first)
    days = np.arange(first, period.last, REVIEW_EVERY_DAYS)
    views = np.maximum(68 - 8 * customer.strain[days - 45] + rng.normal(0, 8, len(days)), 0)
    granted = recommended_limits(customer, np.array([65]))[0]
    rows = [(str(customer.since), f"{granted}.00")]
    for day, limit in zip(days, recommended_limits(customer, views), strict=True):
        if abs(limit - granted) > 0.25 * granted:
            granted = limit
            rows.append((str(period.dates[day]), f"{granted}.00"))
    return [(rows[0][0], "")] if rng.random() < UNLIMITED else rows
