"""Are pay runs found where there are some, and not where there are none; and is the next one the right day?"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from features.days import NEVER, day_number, to_date
from serving.pay_runs import FIRST, LAST, PayRun, PayRuns, pay_runs

DAY = date(2026, 3, 2)
"""A Monday."""


def runs(days: list[date], country: str = "", lead_days: int = 2, **more: PayRun) -> PayRuns:
    """The pay run of one customer who paid on some days."""
    paid = np.array([day_number(day) for day in days], dtype=np.int64)
    declared = {0: more["declared"]} if more else None
    return pay_runs(
        np.zeros(len(paid), np.int64),
        paid,
        np.array([country]),
        day_number(DAY),
        lead_days=lead_days,
        declared=declared,
    )


def weekly(weekday: int, many: int) -> list[date]:
    last = DAY - timedelta(days=(DAY.weekday() - weekday) % 7 or 7)
    return [last - timedelta(days=7 * n) for n in range(many)]


def monthly(*days: int) -> list[date]:
    """Every month of the year before DAY; 0 is the last day that is no weekend."""
    found = []
    for month in range(12):
        year, number = (2025, 3 + month) if month < 10 else (2026, month - 9)
        for day in days:
            on = date(year, number, day or 28)
            if not day:
                on = (date(year + number // 12, number % 12 + 1, 1)) - timedelta(days=1)
                on -= timedelta(days=max(on.weekday() - 4, 0))
            found.append(on)
    return found


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (weekly(3, 12), PayRun(weekdays=(3,))),
        (weekly(3, 12) + weekly(0, 2), PayRun(weekdays=(3,))),
        (weekly(0, 9) + weekly(3, 9), PayRun(weekdays=(0, 3))),
        (weekly(3, 5), None),
        ([day for weekday in range(5) for day in weekly(weekday, 6)], None),
        (monthly(15), PayRun(month_days=(15,))),
        (monthly(0), PayRun(month_days=(LAST,))),
        (monthly(15, 0), PayRun(month_days=(15, LAST))),
        (monthly(15)[:2], None),
        ([DAY - timedelta(days=400 + 7 * n) for n in range(20)], None),
        ([], None),
    ],
    ids=str,
)
def test_a_pay_run_is_found_where_there_is_one(days: list[date], expected: PayRun | None) -> None:
    assert runs(days).runs == (expected,)


def test_it_is_told_with_its_evidence() -> None:
    found = runs(weekly(3, 12) + weekly(0, 2) + weekly(3, 3))
    assert (found.hits.tolist(), found.pay_days.tolist()) == ([12], [14])  # a day counts once
    assert str(found.runs[0]) == "on Thursdays"


@pytest.mark.parametrize(
    ("day", "country", "lead_days", "next_on", "call_by"),
    [
        (date(2026, 3, 2), "", 2, date(2026, 3, 5), date(2026, 3, 3)),  # Monday: call on Tuesday
        (date(2026, 3, 3), "", 2, date(2026, 3, 5), date(2026, 3, 3)),
        (date(2026, 3, 4), "", 2, date(2026, 3, 12), date(2026, 3, 10)),  # too late for this week's
        (date(2026, 3, 4), "", 0, date(2026, 3, 5), date(2026, 3, 5)),
        (date(2026, 5, 11), "DE", 2, date(2026, 5, 13), date(2026, 5, 11)),  # Ascension Day is a Thursday
        (date(2026, 5, 11), "", 2, date(2026, 5, 14), date(2026, 5, 12)),
    ],
)
def test_the_next_run_is_the_first_that_can_still_be_reached(
    day: date, country: str, lead_days: int, next_on: date, call_by: date
) -> None:
    found = pay_runs(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.array([country]), day_number(day),
        lead_days=lead_days, declared={0: PayRun(weekdays=(3,))},
    )  # fmt: skip
    assert (to_date(found.next_on[0]), to_date(found.call_by[0])) == (next_on, call_by)
    assert found.is_declared.tolist() == [True]


def test_without_a_run_there_is_no_next_one() -> None:
    found = runs([])
    assert (found.next_on.tolist(), found.call_by.tolist()) == ([NEVER], [NEVER])


def test_what_was_declared_wins_over_what_was_learned() -> None:
    found = runs(weekly(3, 12), declared=PayRun(weekdays=(1,)))
    assert found.runs == (PayRun(weekdays=(1,)),)
    assert found.hits.tolist() == [0] and found.pay_days.tolist() == [12]


def test_the_same_alone_as_together() -> None:
    drawn = np.random.default_rng(1)
    customer = np.sort(drawn.integers(0, 30, 400))
    paid = day_number(DAY) - 1 - drawn.integers(0, 50, 400) * 7 - customer % 3
    country = np.array(["DE", "", "US"])[np.arange(30) % 3]
    whole = pay_runs(customer, paid, country, day_number(DAY))
    assert sum(run is not None for run in whole.runs) >= 10
    for n in range(30):
        mine = customer == n
        alone = pay_runs(np.zeros(mine.sum(), np.int64), paid[mine], country[[n]], day_number(DAY))
        assert alone.runs[0] == whole.runs[n]
        assert (alone.next_on[0], alone.hits[0]) == (whole.next_on[n], whole.hits[n])


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("Thursday", PayRun(weekdays=(3,)), "on Thursdays"),
        ("every thursday", PayRun(weekdays=(3,)), "on Thursdays"),
        ("Mondays and Thursdays", PayRun(weekdays=(0, 3)), "on Mondays and Thursdays"),
        (
            "15, last working day",
            PayRun(month_days=(15, LAST)),
            "on the 15th and the last working day of the month",
        ),
        ("on the 1st and the 22nd", PayRun(month_days=(1, 22)), "on the 1st and the 22nd"),
        (
            "first working day of the month",
            PayRun(month_days=(FIRST,)),
            "on the first working day of the month",
        ),
        ("31", PayRun(month_days=(31,)), "on the last day of the month"),
    ],
)
def test_what_people_write_is_understood_and_said_again(text: str, expected: PayRun, said: str) -> None:
    assert PayRun.parse(text) == expected
    assert str(expected) == said
    assert PayRun.parse(said) == expected or text == "31"


@pytest.mark.parametrize("text", ["", "soon", "32", "0", "Thursday or so", "monthly", "15th and never"])
def test_what_names_no_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 'Thursday'"):
        PayRun.parse(text)


def test_a_day_is_known_to_be_a_run_or_not() -> None:
    run = PayRun.parse("15 and last working day")
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(31)]
    # The 15th is a Sunday: the Friday before and the Monday after fit it.
    assert [day.day for day in days if run.falls_on(day)] == [13, 16, 31]
