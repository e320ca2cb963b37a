"""On which days can a customer's money come, and how likely is each? What was known of it on the as-of day.

A customer's own habit is drawn towards the book's as long as little of it is known. Days count from the day
lateness is counted from: 0 is the due date, rolled to a working day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from features.days import MONTH_PARTS, day_number, month_part, to_date, weekday, working_days
from features.history import History
from features.totals import Window

YEAR, RECENT = 365, 90
"""Days back to which settlements count, and to which they count twice: habits move."""
PRIOR_SETTLEMENTS = 8.0
"""So many settlements of the book's are added to a customer's own where its pay days are told."""
LONGEST_REST = 14
"""No country rests longer in one stretch than so many days."""
LEAST_WEIGHT = 0.02
"""A working day on which nobody was ever seen to pay keeps this share of an even day's weight."""


@dataclass(frozen=True)
class PayDays:
    """What is known of when the money of n invoices comes, each as of its own day."""

    as_of: np.ndarray
    lateness_from: np.ndarray
    own: np.ndarray
    """How often the customer settled in each period of lateness, recent settlements twice; shape (n, periods)."""
    book: np.ndarray
    """The same for everybody, as shares that add up to 1."""
    weekday: np.ndarray
    """Share of settlements on each weekday, Monday first; shape (n, 7)."""
    part: np.ndarray
    """How much oftener than on an even day money comes in each part of a month; shape (n, 8)."""
    country: np.ndarray
    """Whose holidays are no working days, '' for none; shape (n,)."""
    weekend: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.as_of)

    def at(self, rows: np.ndarray | slice) -> PayDays:
        """The questions at some positions."""
        names = ("as_of", "lateness_from", "own", "book", "weekday", "part", "country")
        chosen: dict[str, Any] = {name: getattr(self, name)[rows] for name in names}
        return replace(self, **chosen)

    def day_weights(self, begin: int, end: int) -> np.ndarray:
        """How likely money comes on each day of [begin, end) days late, against an even day; shape (n, days).

        0 before the as-of day and on days that are no working days.
        """
        if not len(self):
            return np.zeros((0, end - begin))
        days = self.lateness_from[:, None] + np.arange(begin, end)
        habit = (self.weekday[:, :, None] * self.part[:, None, :]).reshape(len(self), 7 * MONTH_PARTS)
        weight = np.take_along_axis(habit, _kinds(*_years(days))[days - _first_day(days)], axis=1)
        return weight * (self._is_working(days) & (days >= self.as_of[:, None]))

    def _is_working(self, days: np.ndarray) -> np.ndarray:
        """Whether days of shape (n,) or (n, k) are working days of each question's country."""
        names = sorted(set(self.country.tolist()))
        tables = [_calendar(name, self.weekend, *_years(days)) for name in names]
        place = days - _first_day(days)
        if len(tables) == 1:
            return tables[0][place]
        code = np.searchsorted(names, self.country.astype(str)).reshape((-1,) + (1,) * (days.ndim - 1))
        return np.stack(tables)[code, place]

    def next_working_days(self, days: np.ndarray) -> np.ndarray:
        """Each question's day itself where it is a working day for it, else the next one; shape (n,)."""
        found = days.copy()
        for _ in range(LONGEST_REST):
            if not len(found) or (is_working := self._is_working(found)).all():
                break
            found = found + ~is_working
        return found


def _years(days: np.ndarray) -> tuple[int, int]:
    return to_date(days.min()).year, to_date(days.max()).year


def _first_day(days: np.ndarray) -> int:
    return day_number(date(to_date(days.min()).year, 1, 1))


@cache
def _kinds(begin: int, end: int) -> np.ndarray:
    """Weekday and part of the month of every day of some years as one number."""
    days = np.arange(day_number(date(begin, 1, 1)), day_number(date(end + 1, 1, 1)))
    return weekday(days) * MONTH_PARTS + month_part(days)


@cache
def _calendar(country: str, weekend: tuple[int, ...], begin: int, end: int) -> np.ndarray:
    """Whether each day of some years is a working day."""
    return np.concatenate([working_days(country, weekend, year) for year in range(begin, end + 1)])


def pay_days(history: History, rows: np.ndarray, as_of: np.ndarray) -> PayDays:
    """What was known on each as-of day of when the money of these invoice positions comes."""
    past = history.past(rows, as_of)
    own, book = past.paid, past.of("book").paid
    periods = len(history.rule.period_starts)
    everybody = _recent(book, "period", periods) + 1 / periods
    weekdays = _shares(_recent(own, "weekday", 7), _recent(book, "weekday", 7) + 1 / 7)
    parts = _shares(_recent(own, "part", MONTH_PARTS), _recent(book, "part", MONTH_PARTS) + _DAYS_IN_PART)
    return PayDays(
        as_of,
        history.invoices["lateness_from"][rows],
        _recent(own, "period", periods),
        everybody / np.cumsum(everybody, axis=1)[:, -1:],
        weekdays + LEAST_WEIGHT,
        parts / (_DAYS_IN_PART / _DAYS_IN_PART.sum()),
        history.countries[rows],
        history.weekend,
    )


_DAYS_IN_PART = np.array([4, 4, 4, 4, 4, 4, 4, 2.44])
"""Days in each part of an average month."""


def _recent(window: Window, kind: str, many: int) -> np.ndarray:
    measures = tuple(f"{kind}_{n}" for n in range(many))
    return (window.sums(measures, YEAR) + window.sums(measures, RECENT)).astype(np.float64)


def _shares(own: np.ndarray, book: np.ndarray) -> np.ndarray:
    """Shares of each kind, the customer's drawn towards the book's; every row adds up to 1."""
    prior = book / np.cumsum(book, axis=1)[:, -1:]
    counted = np.cumsum(own, axis=1)[:, -1:]
    return (own + PRIOR_SETTLEMENTS * prior) / (counted + PRIOR_SETTLEMENTS)
