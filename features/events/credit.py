"""What do others say of a customer's credit, and which limit did we give it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.events.event import Events, of_customers

if TYPE_CHECKING:
    from features.history import History


def credit_reports(history: History) -> Events:
    """Scores from credit reports, in hundredths, from the day each was reported."""
    table = history.tables["credit_reports"].dropna(subset=["score"])
    return of_customers(history, table, "reported_on", {"score": _hundredths(table["score"])})


def credit_limits(history: History) -> Events:
    """Dated credit limits in minor units; an undated limit may change unseen, so it is no fact of the past."""
    table = history.tables["customers"].dropna(subset=["credit_limit", "known_on"])
    measures = {
        "limit": table["credit_limit"].to_numpy(np.int64),
        "unit": history.unit_codes(table["currency"]),
    }
    return of_customers(history, table, "known_on", measures)


def _hundredths(column: pd.Series) -> np.ndarray:
    return np.rint(column.to_numpy(np.float64) * 100).astype(np.int64)
