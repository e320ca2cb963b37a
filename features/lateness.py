"""When does an invoice count as late? The rule that features, outcomes and baselines share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.days import next_working_days

PERIOD_STARTS = (-60, -45, -30, -24, -18, -14, -11, -9, -7, *range(-5, 6), 8, 10, 13, 16, 21, 26, 31)
PERIOD_STARTS += (41, 51, 61, 76, 91, 121, 181, 271)
"""Days late at which a period of `LatenessRule.period_starts` may begin: single days near the due date."""
EARLIEST = -180
"""Nobody is expected to pay earlier than so many days before due."""


@dataclass(frozen=True)
class LatenessRule:
    """Late means settled more than `late_after_days` days after the due date.

    A due date on a non-working day of the customer's country moves to the next working day first, unless
    `calendar_days` (for comparison with published work).
    """

    late_after_days: int = 5
    calendar_days: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.late_after_days <= 365:
            raise ValueError(f"late_after_days is {self.late_after_days}: give a whole number from 0 to 365")

    @property
    def horizons(self) -> dict[str, int]:
        """Days after due of each target, in the order of the score row."""
        return {"p_late": self.late_after_days, "p_late_30": 30, "p_late_90": 90}

    @property
    def period_starts(self) -> np.ndarray:
        """Days late at which each period of the time to payment begins; the last has no end, shape (periods,).

        A period ends with every horizon, so that what is left after it can be the horizon's probability.
        """
        ends = {days + 1 for days in self.horizons.values()}
        starts = {EARLIEST, *ends, *(start for start in PERIOD_STARTS if start < max(ends))}
        return np.array(sorted(starts), dtype=np.int64)

    def lateness_from(self, due_on: np.ndarray, countries: list[str], weekend: tuple[int, ...]) -> np.ndarray:
        """The day from which lateness is counted, for each due day; shape (n,)."""
        return due_on if self.calendar_days else next_working_days(due_on, countries, weekend)
