"""How does money come, where that differs from when invoices are settled? Its pace, and how unevenly it comes.

A distribution over days says when an invoice is settled. Money comes in parts before, some never does, and past
the first horizon, which follows every Monday what has matured, distributions may be off. So hazards of money are
those of settlement times a factor, the pace, learned from what came after past questions.

Worked example: of money that is 31 to 60 days late in a week, the distribution says that 20 % comes in it. That
is a hazard of -log(.8) = .223. At a pace of 1.3 it is .290, and 1 - exp(-.290) = 25 % comes.

Money of one customer comes together, and so does that of a book: in some weeks more, in some less than the
hazards say. `Unevenness` holds the variances of factors that all hazards of a customer, or of the book, have in
common, for a week or for good.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

WEEK = 7
BANDS = (6, 15, 31, 61, 91, 181)
"""Days late in the middle of a week at which a band of paces begins; money less late keeps its own."""
STAGES = ("before", "after")
"""Whether an invoice was past due when it was asked about: what was expected of it differs."""
LEAST_LEFT = 1e-9


@dataclass(frozen=True)
class Unevenness:
    """Variances of factors (with mean 1) on hazards of money; what is usual where nothing is known."""

    customer_week: float = 0.25
    """Of one customer in one week."""
    customer: float = 0.08
    """Of one customer in all weeks."""
    book_week: float = 0.015
    book: float = 0.02
    """Of the book in all weeks: how far a level moves between the lesson and the forecast."""


@dataclass(frozen=True)
class CashLaw:
    """What a model has learned of money beyond its distributions over days."""

    pace: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By stage, the factor of each band; none: 1 everywhere."""
    ahead: tuple[float, ...] = ()
    """The factor of each week ahead, the last one also of those after it; none: 1."""
    unevenness: Unevenness = field(default_factory=Unevenness)

    def reached(self, settled: np.ndarray, late_by: np.ndarray) -> np.ndarray:
        """Expected share of money come by the end of each week, shape (n, weeks).

        `settled` is P(settled by then), `late_by` the days late of each invoice at the start of the first week.
        """
        return -np.expm1(-np.cumsum(self.hazards(weekly_hazards(settled), late_by), axis=1))

    def hazards(self, hazard: np.ndarray, late_by: np.ndarray) -> np.ndarray:
        """Hazards of money where those of settlement are given, shape (n, weeks)."""
        weeks = hazard.shape[1]
        if self.pace:
            table = np.array([(1.0, *self.pace[stage]) for stage in STAGES])
            hazard = hazard * table[stage_of(late_by)[:, None], bands_of(late_by, weeks)]
        if self.ahead:
            hazard = hazard * np.array(self.ahead)[np.minimum(np.arange(weeks), len(self.ahead) - 1)]
        return hazard

    def told(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        pace = {stage: list(factors) for stage, factors in self.pace.items()}
        return {"pace": pace, "ahead": list(self.ahead), "unevenness": asdict(self.unevenness)}

    @classmethod
    def of(cls, told: dict[str, Any]) -> CashLaw:
        """The law that `told` told."""
        pace = {stage: tuple(factors) for stage, factors in told["pace"].items()}
        return cls(pace, tuple(told["ahead"]), Unevenness(**told["unevenness"]))


def weekly_hazards(reached: np.ndarray) -> np.ndarray:
    """Hazard of each week from what has been reached by its end, shape (n, weeks)."""
    return -np.diff(np.log(np.maximum(1.0 - reached, LEAST_LEFT)), axis=1, prepend=0.0)


def bands_of(late_by: np.ndarray, weeks: int) -> np.ndarray:
    """The band of each invoice in each week, 0 before the first; shape (n, weeks)."""
    middle = late_by[:, None] + WEEK * np.arange(weeks) + WEEK // 2
    return np.searchsorted(BANDS, middle, side="right")


def stage_of(late_by: np.ndarray) -> np.ndarray:
    """Place in STAGES of invoices so many days late."""
    return (late_by > 0).astype(np.int64)
