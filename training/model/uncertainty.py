"""How sure is a probability? Tables that say between which rates invoices with such a score turned out late.

A table comes from Venn-Abers predictors (training/model/venn_abers.py), one per past block of time, and holds
what they say at every score: the lowest and the highest share late that the invoices of a block support. Both
are step functions of the score, so that serving looks them up and needs no library.

Worked example, a table of two steps: points (-2, 0), low (.01, .10, .40), high (.03, .25, .70). A raw score of
-1 lies between the points: of the invoices with such a score, between 10 % and 25 % were late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import betaincinv

from training.model.calibration import LEAST, MOST, log_odds, probability

BOOK = "book"
"""The table of all invoices: for evidence levels that have too few of their own."""
COVERED = 0.8
"""Share of the belief about a smoothed rate that its range holds."""


@dataclass(frozen=True, eq=False)
class RangeTable:
    """Low and high share late by raw log-odds: two rising step functions with the same points."""

    points: np.ndarray
    """Raw log-odds at which a step is taken, rising, shape (k,)."""
    low: np.ndarray
    """Share late from each point on, shape (k + 1,): `low[0]` holds below the first point."""
    high: np.ndarray
    """Share late up to each point, that point included, shape (k + 1,)."""
    rows: int
    """Outcomes that it rests on."""

    def at(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high at raw log-odds of shape (n,)."""
        low = self.low[np.searchsorted(self.points, raw, side="right")]
        return low, self.high[np.searchsorted(self.points, raw, side="left")]

    def moved(self, shift: float) -> RangeTable:
        """The table after the level of all log-odds moved by `shift`."""
        with np.errstate(divide="ignore"):  # a rate of 0 or 1 stays what it is
            low, high = (probability(log_odds(rate) + shift) for rate in (self.low, self.high))
        return replace(self, low=low, high=high)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists for model.json."""
        return {
            "points": self.points.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> RangeTable:
        """What `as_dict` wrote."""
        points, low, high = (np.array(given[name], dtype=np.float64) for name in ("points", "low", "high"))
        return cls(points, low, high, int(given["rows"]))


def level_of(evidence: np.ndarray) -> np.ndarray:
    """The level whose table answers for each evidence level: no settled invoice and a few are one level."""
    return np.where(evidence == "none", "little", evidence)


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The tables of one horizon by evidence level; `book` answers for levels without one of their own."""

    tables: Mapping[str, RangeTable]

    def at(self, raw: np.ndarray, evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high share late of rows with these raw log-odds and evidence levels, shape (n,)."""
        low, high = self.tables[BOOK].at(raw)
        level = level_of(evidence)
        for name in sorted(self.tables.keys() - {BOOK}):
            rows = np.flatnonzero(level == name)
            low[rows], high[rows] = self.tables[name].at(raw[rows])
        return low, high

    def as_dict(self) -> dict[str, Any]:
        """Plain tables for model.json."""
        return {level: table.as_dict() for level, table in self.tables.items()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Uncertainty:
        """What `as_dict` wrote."""
        return cls({level: RangeTable.from_dict(table) for level, table in given.items()})

    def moved(self, shift: float) -> Uncertainty:
        """The tables after the level of all log-odds moved by `shift`."""
        return Uncertainty({level: table.moved(shift) for level, table in self.tables.items()})


def rate_range(rate: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle 80 % of the belief about a smoothed rate that rests on `rows` invoices, prior ones included.

    A beta distribution with this mean and this weight; shape (n,).
    """
    rate = np.clip(rate, LEAST, MOST)
    tail = (1 - COVERED) / 2
    low, high = (betaincinv(rate * rows, (1 - rate) * rows, share) for share in (tail, 1 - tail))
    return low, high
