"""Which weekday, which part of the month, which next working day?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.days import (
    NEVER,
    day_number,
    day_numbers,
    day_of_month,
    days_to_month_end,
    next_working_days,
    to_date,
    weekday,
)
from features.lateness import LatenessRule

CALENDAR = [
    # day, weekday, day of month, days to month end
    ("1970-01-01", 3, 1, 30),
    ("2024-02-28", 2, 28, 1),
    ("2024-02-29", 3, 29, 0),
    ("2023-02-28", 1, 28, 0),
    ("2024-12-31", 1, 31, 0),
    ("2024-03-03", 6, 3, 28),
]


@pytest.mark.parametrize(("text", "day_of_week", "of_month", "to_end"), CALENDAR)
def test_the_calendar(text: str, day_of_week: int, of_month: int, to_end: int) -> None:
    days = np.array([day_number(date.fromisoformat(text))])
    assert [int(f(days)[0]) for f in (weekday, day_of_month, days_to_month_end)] == [
        day_of_week,
        of_month,
        to_end,
    ]
    assert to_date(days[0]) == date.fromisoformat(text)


def test_missing_dates_are_never() -> None:
    column = pd.Series(np.array(["1970-01-02", "NaT"], "datetime64[s]"))
    assert day_numbers(column).tolist() == [1, NEVER]


WORKING = [
    # due, country, weekend, next working day
    ("2024-03-01", "", (5, 6), "2024-03-01"),
    ("2024-03-02", "", (5, 6), "2024-03-04"),
    ("2024-03-01", "AE", (4, 5), "2024-03-03"),
    ("2024-03-29", "DE", (5, 6), "2024-04-02"),
    ("2024-03-29", "US", (5, 6), "2024-03-29"),
    ("2024-03-29", "XX", (5, 6), "2024-03-29"),
    ("2023-12-30", "DE", (5, 6), "2024-01-02"),
    ("2024-12-25", "GB", (5, 6), "2024-12-27"),
]


@pytest.mark.parametrize(("due", "country", "weekend", "expected"), WORKING)
def test_the_next_working_day(due: str, country: str, weekend: tuple[int, ...], expected: str) -> None:
    rolled = next_working_days(np.array([day_number(date.fromisoformat(due))]), [country], weekend)
    assert to_date(rolled[0]).isoformat() == expected


def test_each_day_is_rolled_by_its_own_country() -> None:
    good_friday = day_number(date(2024, 3, 29))
    rolled = next_working_days(np.full(3, good_friday), ["DE", "US", "DE"]) - good_friday
    assert rolled.tolist() == [4, 0, 4]
    assert len(next_working_days(np.array([], np.int64), [])) == 0


def test_calendar_days_are_not_rolled() -> None:
    saturday = np.array([day_number(date(2024, 3, 2))])
    ways = [
        LatenessRule(calendar_days=calendar).lateness_from(saturday, ["DE"], (5, 6))
        for calendar in (True, False)
    ]
    assert [int((each - saturday)[0]) for each in ways] == [0, 2]


@pytest.mark.parametrize("days", [-1, 366])
def test_a_rule_out_of_range_says_which_number_to_give(days: int) -> None:
    with pytest.raises(ValueError, match=f"late_after_days is {days}: give a whole number from 0 to 365"):
        LatenessRule(days)
