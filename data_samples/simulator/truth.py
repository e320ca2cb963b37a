"""What was the true probability that an invoice is paid late, on the day it was issued?"""

from __future__ import annotations

import numpy as np

from .course import Draws
from .customers import Customer
from .diary import Diary
from .orders import Invoices
from .payment import payment_delay

HORIZONS = {"p_late": 5, "p_late_30": 30, "p_late_90": 90}
FUTURES = 400
"""A probability is a share of so many futures: its standard error is sqrt(p (1 - p) / 400), at most .025."""
ROWS_AT_ONCE = 200  # so that the work of one step fits the processor's cache


def true_probabilities(
    customer: Customer, invoices: Invoices, diary: Diary, futures: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The share of futures in which each invoice is late, per horizon; unknown (NaN) without futures."""
    if not futures:
        return {name: np.full(len(invoices), np.nan) for name in HORIZONS}
    parts = [
        shares_late(customer, invoices.rows(start, start + ROWS_AT_ONCE), diary, Draws(rng, futures))
        for start in range(0, max(len(invoices), 1), ROWS_AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in HORIZONS}


def shares_late(customer: Customer, invoices: Invoices, diary: Diary, draws: Draws) -> dict[str, np.ndarray]:
    """The same for a few invoices at once."""
    course = payment_delay(customer, invoices, diary, draws)
    counts = (~course.is_credited_in_full).sum(axis=1)
    delay = course.settled - invoices.rolled_due[:, None]
    return {
        name: ((delay > days) & ~course.is_credited_in_full).sum(axis=1) / np.maximum(counts, 1)
        for name, days in HORIZONS.items()
    }
