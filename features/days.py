"""Which day is it, as a whole number, and which day is the next working one?

Days are int64 counts since 1970-01-01 everywhere below the tables, so that differences are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

import holidays
import numpy as np
import pandas as pd

NEVER = 1 << 30
"""A day after every real one: what a missing date becomes, so that it is never in the past."""

MONTH_PARTS = 8
"""How many values `month_part` has."""

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return day.toordinal() - _EPOCH


def to_date(number: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(int(number) + _EPOCH)


def day_numbers(column: pd.Series) -> np.ndarray:
    """Day numbers of a datetime column, shape (n,), int64; missing dates become NEVER."""
    values = column.to_numpy(dtype="datetime64[s]").astype("datetime64[D]")
    return np.where(np.isnat(values), NEVER, values.astype(np.int64))


def weekday(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday (1970-01-01 was a Thursday)."""
    return (days + 3) % 7


def day_of_month(days: np.ndarray) -> np.ndarray:
    """1 to 31."""
    dates = days.astype("datetime64[D]")
    return (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1


def month_part(days: np.ndarray) -> np.ndarray:
    """0 to 7: four days each, the last part with what is left of the month."""
    return (day_of_month(days) - 1) // 4


def days_to_month_end(days: np.ndarray) -> np.ndarray:
    """0 on the last day of a month."""
    dates = days.astype("datetime64[D]")
    return ((dates.astype("datetime64[M]") + 1).astype("datetime64[D]") - dates).astype(np.int64) - 1


@cache
def public_holidays(country: str, year: int) -> tuple[int, ...]:
    """Day numbers of a country's public holidays in `year`; none for a country the library does not know."""
    if country not in holidays.list_supported_countries(include_aliases=False):
        return ()
    return tuple(sorted(day_number(day) for day in holidays.country_holidays(country, years=year)))


@cache
def working_days(country: str, weekend: tuple[int, ...], year: int) -> np.ndarray:
    """Whether each day of a year is a working day of a country, which may be empty or unknown; shape (days,)."""
    first = day_number(date(year, 1, 1))
    days = np.arange(first, day_number(date(year + 1, 1, 1)))
    return ~np.isin(weekday(days), weekend) & ~np.isin(days, public_holidays(country, year))


def next_working_days(
    days: np.ndarray, countries: Sequence[str], weekend: Iterable[int] = (5, 6)
) -> np.ndarray:
    """Each day itself where it is a working day of its country, else the next one.

    `days` and `countries` have shape (n,); an empty or unknown country knows weekends only.
    """
    weekmask = [day not in set(weekend) for day in range(7)]
    rolled = np.empty_like(days)
    codes, names = pd.factorize(np.asarray(countries, dtype=object))
    for code, name in enumerate(names):
        mask = codes == code
        rolled[mask] = _roll(days[mask], str(name), weekmask)
    return rolled


def _roll(days: np.ndarray, country: str, weekmask: list[bool]) -> np.ndarray:
    if not len(days):
        return days
    years = range(to_date(days.min()).year, to_date(days.max()).year + 2)
    free = [day for year in years for day in public_holidays(country, year)] if country else []
    rolled = np.busday_offset(
        days.astype("datetime64[D]"),
        0,
        roll="forward",
        weekmask=weekmask,
        holidays=np.array(free, "datetime64[D]"),
    )
    return rolled.astype(np.int64)
