"""Which days does the fictional book cover, and on which of them can money move?

Inside the simulator a day is a whole number counted from `Period.origin`, so that "the next working day",
"the next pay run" and "the next dunning day" are all one array, asked by index.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import holidays
import numpy as np

BOOK_CLOSES_ON = np.datetime64("2026-06-30")
DAYS_BEFORE = 120  # deliveries and credit reports may lie before the first invoice
DAYS_AFTER = 760  # how long the truth follows an invoice after the book closes
NO_DAY = -1

Days = np.ndarray[Any, np.dtype[np.int32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Period:
    """The months of the book, its last day, and the day that stands for "never"."""

    months: int
    closes_on: np.datetime64 = BOOK_CLOSES_ON

    @property
    def first_date(self) -> np.datetime64:
        """The first day of the first month."""
        return (self.closes_on.astype("datetime64[M]") - (self.months - 1)).astype("datetime64[D]")

    @property
    def origin(self) -> np.datetime64:
        """The date of day 0."""
        return self.first_date - DAYS_BEFORE

    @property
    def first(self) -> int:
        """The first day on which an invoice may be issued."""
        return DAYS_BEFORE

    @property
    def last(self) -> int:
        """The last day that the ledger has seen."""
        return int((self.closes_on - self.origin).astype(int))

    @property
    def never(self) -> int:
        """A day so late that it stands for never."""
        return self.last + DAYS_AFTER

    @cached_property
    def dates(self) -> np.ndarray:
        """The date of every day, `never` included."""
        return self.origin + np.arange(self.never + 1)

    @cached_property
    def iso(self) -> np.ndarray:
        """The date of every day as text; index `NO_DAY` (the last place) is empty."""
        text = np.datetime_as_string(self.dates).astype(object)
        return np.append(text, "")

    @cached_property
    def weekday(self) -> np.ndarray:
        """Monday 0 to Sunday 6."""
        return (self.dates.astype(int) + 3) % 7

    @cached_property
    def day_of_month(self) -> np.ndarray:
        """1 to 31."""
        return (self.dates - self.dates.astype("datetime64[M]")).astype(int) + 1

    @cached_property
    def month(self) -> np.ndarray:
        """1 to 12."""
        return self.dates.astype("datetime64[M]").astype(int) % 12 + 1

    @cached_property
    def month_end(self) -> Days:
        """The last day of the month of every day."""
        following = self.dates.astype("datetime64[M]") + 1
        ends = (following.astype("datetime64[D]") - self.origin).astype(int) - 1
        return np.minimum(ends, self.never).astype(np.int32)

    def next_marked(self, marked: Flags) -> Days:
        """For every day the first marked day on or after it, or `never`."""
        days = np.where(marked, np.arange(self.never + 1), self.never)
        return np.minimum.accumulate(days[::-1])[::-1].astype(np.int32)


@lru_cache(maxsize=64)
def working_days(period: Period, country: str) -> Days:
    """For every day the first working day on or after it: no weekend, no public holiday of the country."""
    years = range(int(str(period.dates[0])[:4]), int(str(period.dates[-1])[:4]) + 1)
    closed = np.array(sorted(holidays.country_holidays(country, years=years)), dtype="datetime64[D]")
    return period.next_marked((period.weekday < 5) & ~np.isin(period.dates, closed))


def rolled(period: Period, wanted: Flags, working: Days) -> Days:
    """For every day the first wanted day on or after it, each wanted day rolled to a working day."""
    marked = np.zeros(period.never + 1, dtype=bool)
    marked[working[np.flatnonzero(wanted)]] = True
    return period.next_marked(marked)
