"""In which ageing band does a balance stand, and which steps of 30 days lie before it until it counts as lost?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_DAYS = 30
FIRST, LAST = -12, 13
"""Steps of age: 0 ends with the due date, 1 is 1 to 30 days past due; the outermost hold all that lies beyond."""
STEPS = LAST - FIRST + 1


@dataclass(frozen=True)
class Band:
    """One row of the matrix: days past due from and to, both included."""

    name: str
    from_day: int | None
    to_day: int | None

    @property
    def steps(self) -> range:
        """The steps of age it is made of."""
        first = FIRST if self.from_day is None else (self.from_day - 1) // STEP_DAYS + 1
        last = LAST if self.to_day is None else self.to_day // STEP_DAYS
        return range(first, last + 1)


BANDS = (
    Band("current", None, 0),
    Band("1-30", 1, 30),
    Band("31-60", 31, 60),
    Band("61-90", 61, 90),
    Band("91-180", 91, 180),
    Band("181-360", 181, 360),
    Band("360+", 361, None),
)
_BAND_OF_STEP = np.array([n for n, band in enumerate(BANDS) for _ in band.steps])


def step_of(days_past_due: np.ndarray) -> np.ndarray:
    """The step of age of some days past due: 1 to 30 are step 1, the due date and 29 days before it step 0."""
    return np.clip(-(-days_past_due // STEP_DAYS), FIRST, LAST)


def band_of(days_past_due: np.ndarray) -> np.ndarray:
    """The place in BANDS of some days past due."""
    return _BAND_OF_STEP[step_of(days_past_due) - FIRST]


def path_of(step: int, follow_up_steps: int) -> list[int]:
    """The steps money has to stay open through to count as lost: so many from now, or from the due date if later."""
    many = follow_up_steps if step > 0 else follow_up_steps + 1 - step
    return [min(each, LAST) for each in range(step, step + many)]
