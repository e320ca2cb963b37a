"""Which columns have fallen silent: a feed that broke, a field that nobody fills in any more?

A model goes on scoring without them and says nothing; so somebody has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_EXPECTED = 20
"""A column is called silent only where so many recent rows were to be expected otherwise: chance is excluded."""


@dataclass(frozen=True)
class Silence:
    """A feature that used to vary and has been missing, or one and the same value, in every recent row."""

    feature: str
    value: float
    """The one value; NaN where every recent row lacks it."""
    rows: int
    share_before: float
    """How many of the earlier rows had a value, or another one than this."""

    def __str__(self) -> str:
        now, before = (
            ("is missing", "had a value") if np.isnan(self.value) else (f"is {self.value:g}", "differed")
        )
        return (
            f"feature '{self.feature}' {now} on all of the latest {self.rows:,} invoices, "
            f"where {self.share_before:.0%} {before} before"
        )


def silences(names: Sequence[str], before: np.ndarray, recent: np.ndarray) -> list[Silence]:
    """The columns of `recent` (rows × features) that say nothing although those of `before` did."""
    if not len(before) or not len(recent):
        return []
    found = []
    for name, earlier, latest in zip(names, before.T, recent.T, strict=True):
        value = latest[0]
        differs = ~np.isnan(earlier) if np.isnan(value) else (earlier != value) & ~np.isnan(earlier)
        is_silent = np.isnan(latest).all() if np.isnan(value) else (latest == value).all()
        if is_silent and differs.mean() * len(latest) >= FEWEST_EXPECTED:
            found.append(Silence(name, float(value), len(latest), float(differs.mean())))
    return found
