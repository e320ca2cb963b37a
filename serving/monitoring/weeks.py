"""Which week before the as-of day does a day belong to, and is the last week unlike those before it?

Weeks end with the as-of day: the last one holds the seven days before it, whatever weekday that is, so no week
is ever half full. A figure counts as unusual where it lies beyond the extremes of the book's own history by a
margin. Nothing is assumed about how the figures are spread; how often quiet books trip over the rule is measured
(tests/drills).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.days import public_holidays, to_date, weekday
from training.settings import MonitoringSettings

WEEK = 7


@dataclass(frozen=True)
class Departure:
    """The last week's figure, the extremes of the weeks it is held against, and for how many weeks it is so."""

    latest: float
    low: float
    high: float
    weeks: int
    beyond: float
    """Distance from the nearer extreme, in margins; above 1."""

    @property
    def is_higher(self) -> bool:
        return self.latest > self.high

    @property
    def extreme(self) -> float:
        """The extreme that was passed."""
        return self.high if self.is_higher else self.low


def week_numbers(days: np.ndarray, as_of: int, weeks: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows fall into the `weeks` weeks before `as_of`, and their week from 0 (the earliest) up."""
    back = (as_of - 1 - days) // WEEK
    inside = np.flatnonzero((back >= 0) & (back < weeks))
    return inside, weeks - 1 - back[inside]


def departure(values: np.ndarray, floor: float, settings: MonitoringSettings) -> Departure | None:
    """Whether the last of the weekly `values` is unusual; weeks with nothing to measure are NaN.

    `floor` is the least margin, in the unit of the values: what nobody would care about.
    """
    recent = min(settings.recent_weeks, len(values) // 3)
    usual = values[: len(values) - recent]
    usual = usual[np.isfinite(usual)]
    if len(usual) < settings.fewest_weeks or not np.isfinite(values[-1]):
        return None
    low, high = float(usual.min()), float(usual.max())
    margin = max(floor, settings.margin * (high - low))
    beyond = np.maximum(values - high, low - values) / margin
    if not beyond[-1] > 1:
        return None
    side = values > high if values[-1] > high else values < low
    since = _run_at_the_end((beyond[-recent:] > 1) & side[-recent:])
    return Departure(float(values[-1]), low, high, since, float(beyond[-1]))


def _run_at_the_end(flags: np.ndarray) -> int:
    """How many of the last flags are true without a break."""
    broken = np.flatnonzero(~flags)
    return len(flags) - (int(broken[-1]) + 1 if len(broken) else 0)


def working_days(begin: int, end: int, country: str, weekend: tuple[int, ...]) -> np.ndarray:
    """Whether each day of [begin, end) is worked; shape (end - begin,)."""
    days = np.arange(begin, end)
    worked = ~np.isin(weekday(days), weekend)
    if country and len(days):
        years = range(to_date(begin).year, to_date(end).year + 1)
        worked &= ~np.isin(days, [day for year in years for day in public_holidays(country, year)])
    return worked
