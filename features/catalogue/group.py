"""Group: how do the parent's other children pay?"""

import numpy as np

from features.featureset import feature
from features.history import Past
from features.totals import ratio


@feature(
    reason="group_behaviour",
    unit="share",
    says="{value} of the invoices of its sister companies were late",
    direction="raises",
)
def sibling_late_share(past: Past) -> np.ndarray:
    """Share late of the invoices of the parent's other children in the last year."""
    return past.siblings.mean("matured", "late", 365)


@feature(
    reason="group_behaviour",
    unit="days",
    says="its sister companies pay {value} days after due",
    direction="raises",
)
def sibling_days_late(past: Past) -> np.ndarray:
    """Average days late of the parent's other children in the last year."""
    return past.siblings.mean("settled", "days_late", 365)


@feature(
    reason="group_behaviour",
    unit="share",
    says="{value} of its sister companies' open invoices are overdue",
    direction="raises",
)
def sibling_overdue_share(past: Past) -> np.ndarray:
    """Share of the open invoices of the parent's other children that are overdue."""
    return ratio(past.siblings.sum("overdue", "count"), past.siblings.sum("open", "count"))
