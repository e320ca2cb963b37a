"""For whom, and when? The parts of the judged rows that are judged on their own."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from training.segments import BANDS, SEGMENTS

MOST_PARTS = 12
"""A grouping with more parts shows its largest; the rest is judged together, under REST."""
REST = "all others"


def slices(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each part of each grouping: the grouping, the part's name, its rows.

    Customers without a settled invoice and months are read from columns that every scored frame has; the
    other groupings of SEGMENTS stand where the frame has their column and it divides the rows.
    """
    is_cold = rows["is_cold"].astype(bool)
    yield "cold_start", "cold customers", rows[is_cold]
    yield "cold_start", "warm customers", rows[~is_cold]
    months = rows["as_of"].dt.strftime("%Y-%m")
    for month, part in rows.groupby(months):
        yield "month", str(month), part
    for grouping in SEGMENTS:
        if grouping != "month" and grouping in rows and rows[grouping].nunique() > 1:
            labels = _few(rows[grouping])
            for name in _ordered(grouping, labels):
                yield grouping, name, rows[labels == name]


def _few(labels: pd.Series[str]) -> pd.Series[str]:
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(counts) <= MOST_PARTS:
        return labels
    return labels.where(labels.isin(counts.index[: MOST_PARTS - 1]), REST)


def _ordered(grouping: str, labels: pd.Series[str]) -> list[str]:
    """Bands from low to high, other parts from large to small, what is left over last."""
    if grouping in BANDS:
        return [name for name in BANDS[grouping] if (labels == name).any()]
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return sorted((str(name) for name in counts.index), key=lambda name: name == REST)
