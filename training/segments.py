"""Which sort of customer and invoice is each row? The slices by which every model is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from training.cohort import Cohort
from training.model.risk_model import EVIDENCE_LEVELS

SEGMENTS = (
    "month",
    "evidence",
    "customer_size",
    "terms",
    "division",
    "country",
    "industry",
    "debtor_type",
    "currency",
)
"""Every grouping of `segments`, in the order of reports."""
UNKNOWN = "unknown"
TERMS = (("up to 14 days", 15), ("15 to 30 days", 31), ("31 to 60 days", 61))
SIZES = (("under 5 invoices a year", 5), ("5 to 19 invoices a year", 20), ("20 to 99 invoices a year", 100))
"""Values below the number bear the name."""
LONG_TERMS, MANY_INVOICES, AMPLE = "more than 60 days", "100 and more invoices a year", "ample"
BANDS = {
    "evidence": (*(name for name, _ in EVIDENCE_LEVELS), AMPLE),
    "customer_size": (*(name for name, _ in SIZES), MANY_INVOICES),
    "terms": (*(name for name, _ in TERMS), LONG_TERMS),
}
"""The groupings whose parts have an order of their own, in that order."""


def segments(cohort: Cohort) -> pd.DataFrame:
    """One text column per grouping of SEGMENTS and one line per row: what was known on the as-of day."""
    history, rows, as_of = cohort.history, cohort.rows, cohort.as_of
    past, invoices = history.past(rows, as_of), history.tables["invoices"].iloc[rows]
    columns: dict[str, np.ndarray] = {
        "month": pd.to_datetime(as_of, unit="D").strftime("%Y-%m").to_numpy(dtype=object),
        "evidence": _banded(past.settled.count(), EVIDENCE_LEVELS, AMPLE),
        "customer_size": _banded(past.issued.count(365), SIZES, MANY_INVOICES),
        "terms": _banded(history.invoices["terms_days"][rows], TERMS, LONG_TERMS),
        "division": invoices["division"].fillna(UNKNOWN).to_numpy(dtype=object),
        "currency": invoices["currency"].fillna(UNKNOWN).to_numpy(dtype=object),
    }
    for name in ("country", "industry", "debtor_type"):
        labels, since = (of[cohort.customer] for of in history.members[name])
        columns[name] = np.where((since < as_of) & (labels != ""), labels, UNKNOWN)
    return pd.DataFrame({name: columns[name] for name in SEGMENTS})


def _banded(values: np.ndarray, bands: Sequence[tuple[str, int]], rest: str) -> np.ndarray:
    """The name of the first band that each value lies below, else `rest`."""
    names = np.array([*(name for name, _ in bands), rest], dtype=object)
    return names[np.searchsorted([limit for _, limit in bands], values, side="right")]
