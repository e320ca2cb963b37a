"""On which days does a customer pay, and by when must it hear from us to be in the next pay run?

A pay run is looked for among the different days on which a customer's money settled invoices in the last
year: one or two fixed days of the month first, then one or two weekdays. A day of the month that is no working day
counts for the working day before it and for the one after. Few days prove nothing: so many days of chance
are added as `DOUBT_DAYS` before a share is believed, and fewer than `FEWEST_PAY_DAYS` say nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from features.days import (
    NEVER,
    day_number,
    day_of_month,
    days_to_month_end,
    to_date,
    weekday,
    working_days,
)

YEAR = 365
FEWEST_PAY_DAYS = 6
DOUBT_DAYS = 8.0
MONTH_ONE, MONTH_TWO, WEEK_ONE, WEEK_TWO = 0.45, 0.5, 0.6, 0.7
"""Share of pay days, less doubt, from which one or two days of the month or of the week are a pay run."""
SECOND_DAY = 0.15
"""Share of pay days, less doubt, that a second day adds where one alone would do."""
AHEAD_DAYS = 70
"""The next pay run is looked for within so many days."""
LAST, FIRST = 0, 32
"""The last and the first working day of a month, among the days 1 to 31."""
ANCHORS = (LAST, FIRST, *range(1, 32))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CHANCE = {"month": 1.3 / 21, "week": 1 / 5}


@dataclass(frozen=True)
class PayRun:
    """Fixed days on which a customer pays: weekdays (Monday 0) or days of the month (LAST, FIRST, 1 to 31)."""

    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> PayRun:
        """What people write: 'Thursday', 'Monday and Thursday', '15 and last working day'; ValueError."""
        weekdays, month_days = set(), set()
        for word in re.split(r",|;|\band\b|\+|/", text.lower()):
            told = re.sub(r"\b(every|on|the|of|each|month|working|day)\b|\.", " ", word).strip()
            named = [n for n, name in enumerate(WEEKDAYS) if told.rstrip("s") == name.lower()]
            number = re.fullmatch(r"([1-9]|[12]\d|3[01])(st|nd|rd|th)?", told)
            if named:
                weekdays.add(named[0])
            elif told in ("last", "first", "end"):
                month_days.add(FIRST if told == "first" else LAST)
            elif number:
                month_days.add(int(number[1]))
            else:
                raise ValueError(
                    f"{text!r} names no pay run: write 'Thursday', '15 and last working day' or 'first working day'"
                )
        return cls(tuple(sorted(weekdays)), tuple(sorted(month_days, key=_place)))

    def falls_on(self, day: date, country: str = "", weekend: tuple[int, ...] = (5, 6)) -> bool:
        """Whether a working day is one of the run's days."""
        of = calendar(country, weekend, day.year, day.year + 1)
        at = day_number(day) - of.first
        return bool(of.is_working[at] and _days_of(of, self)[at])

    def __str__(self) -> str:
        days = [f"{WEEKDAYS[n]}s" for n in self.weekdays]
        month = [_day_in_words(n) for n in self.month_days]
        said = [f"on {' and '.join(days)}"] if days else []
        return " and ".join(said + ([f"on {' and '.join(month)}"] if month else []))


def _place(day: int) -> int:
    return {FIRST: 0, LAST: 40}.get(day, day)


def _day_in_words(day: int) -> str:
    if day in (LAST, FIRST):
        return f"the {'last' if day == LAST else 'first'} working day of the month"
    if day == 31:
        return "the last day of the month"
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"the {day}{ending}"


@dataclass(frozen=True)
class PayRuns:
    """Pay runs of n customers, as columns of shape (n,)."""

    runs: tuple[PayRun | None, ...]
    is_declared: np.ndarray
    hits: np.ndarray
    """Of `pay_days`, those that lay on the run's days."""
    pay_days: np.ndarray
    """Different days on which money came in the last year."""
    next_on: np.ndarray
    """The next run that can still be reached, a day number; NEVER where there is none."""
    call_by: np.ndarray
    """The day by which a customer has to hear from us to be in it."""


@dataclass(frozen=True)
class Calendar:
    """Working days of a country from the day `first` on, and which anchors a pay day fits."""

    first: int
    is_working: np.ndarray
    month: np.ndarray
    """Whether money on a day fits each of ANCHORS; shape (days, anchors)."""
    week: np.ndarray
    """The same of weekdays, shape (days, 7)."""


@cache
def calendar(country: str, weekend: tuple[int, ...], begin: int, end: int) -> Calendar:
    """The calendar of some whole years."""
    is_working = np.concatenate([working_days(country, weekend, year) for year in range(begin, end + 1)])
    first = day_number(date(begin, 1, 1))
    days = first + np.arange(len(is_working))
    of_month, ends = day_of_month(days), days_to_month_end(days) == 0
    before, after = _neighbours(is_working)
    month = np.zeros((len(days), len(ANCHORS)), bool)
    for place, anchor in enumerate(ANCHORS):
        if anchor == LAST:
            month[before[ends], place] = True
        elif anchor == FIRST:
            month[after[of_month == 1], place] = True
        else:  # "the 31st" of a shorter month is its last day
            on = np.flatnonzero((of_month == anchor) | (ends & (of_month < anchor)))
            month[np.concatenate([on, before[on], after[on]]), place] = True
    week = np.zeros((len(days), 7), bool)
    for each in set(range(7)) - set(weekend):
        on = np.flatnonzero(weekday(days) == each)
        week[np.concatenate([on, before[on], after[on]]), each] = True
    return Calendar(first, is_working, month, week)


def _neighbours(is_working: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each day the place of the last working day up to it, and of the first one from it on."""
    places = np.arange(len(is_working))
    before = np.maximum.accumulate(np.where(is_working, places, 0))
    after = np.minimum.accumulate(np.where(is_working, places, len(places) - 1)[::-1])[::-1]
    return before, after


def pay_runs(
    customer: np.ndarray,
    paid_on: np.ndarray,
    countries: np.ndarray,
    day: int,
    weekend: tuple[int, ...] = (5, 6),
    lead_days: int = 2,
    declared: Mapping[int, PayRun] | None = None,
) -> PayRuns:
    """The pay runs of customers 0 to n - 1, whose countries ('' unknown) are given, as of the start of a day.

    `customer` and `paid_on` are their settlements known before the day. A declared run wins over a learned one.
    """
    many = len(countries)
    seen = np.unique(np.stack([customer, paid_on])[:, paid_on >= day - YEAR], axis=1)
    counted = np.bincount(seen[0], minlength=many)
    runs: list[PayRun | None] = [None] * many
    hits, next_on, call_by = np.zeros(many, np.int64), np.full(many, NEVER), np.full(many, NEVER)
    is_declared = np.zeros(many, bool)
    for country in sorted(set(countries.tolist())):
        of = calendar(country, weekend, to_date(day - YEAR).year, to_date(day + AHEAD_DAYS).year + 1)
        here = np.flatnonzero(countries == country)
        mine = np.isin(seen[0], here)
        place = np.searchsorted(here, seen[0, mine])
        found = _learned(of, place, seen[1, mine] - of.first, counted[here])
        for n, code in enumerate(here.tolist()):
            if declared and code in declared:
                runs[code], is_declared[code] = declared[code], True
            else:
                runs[code] = found[n]
        days_ahead = {
            run: _ahead(of, run, day, lead_days) for run in {runs[code] for code in here.tolist()} if run
        }
        for code in here.tolist():
            if run := runs[code]:
                next_on[code], call_by[code] = days_ahead[run]
        fits = _fits(of, [runs[code] for code in here.tolist()], place, seen[1, mine] - of.first)
        hits[here] = np.bincount(place[fits], minlength=len(here))
    return PayRuns(tuple(runs), is_declared, hits, counted, next_on, call_by)


def _learned(
    of: Calendar, customer: np.ndarray, place: np.ndarray, counted: np.ndarray
) -> list[PayRun | None]:
    """The pay run of each customer of one country, None where its days show none."""
    runs: list[PayRun | None] = [None] * len(counted)
    month = _best_two(of.month[place], customer, counted, MONTH_ONE, MONTH_TWO, _CHANCE["month"])
    week = _best_two(of.week[place], customer, counted, WEEK_ONE, WEEK_TWO, _CHANCE["week"])
    for n in np.flatnonzero(counted >= FEWEST_PAY_DAYS).tolist():
        if month[n]:
            runs[n] = PayRun(month_days=tuple(sorted((ANCHORS[k] for k in month[n]), key=_place)))
        elif week[n]:
            runs[n] = PayRun(weekdays=tuple(sorted(week[n])))
    return runs


def _best_two(
    fits: np.ndarray, customer: np.ndarray, counted: np.ndarray, one: float, two: float, chance: float
) -> list[tuple[int, ...]]:
    """For each customer the kind of day, or the two, on which it pays often enough; () where none."""
    many, every = len(counted), np.arange(len(counted))
    hits = _sums(fits, customer, many)
    best = hits.argmax(axis=1)
    rest = _sums(fits & ~fits[np.arange(len(customer)), best[customer]][:, None], customer, many)
    second = rest.argmax(axis=1)
    believed = (hits[every, best] + DOUBT_DAYS * chance) / (counted + DOUBT_DAYS)
    both = (hits[every, best] + rest[every, second] + 2 * DOUBT_DAYS * chance) / (counted + DOUBT_DAYS)
    also = rest[every, second] / (counted + DOUBT_DAYS) >= SECOND_DAY
    return [
        (first, other) if together >= two and (more or alone < one) else (first,) if alone >= one else ()
        for first, other, alone, together, more in zip(
            *(each.tolist() for each in (best, second, believed, both, also)), strict=True
        )
    ]


def _sums(fits: np.ndarray, customer: np.ndarray, many: int) -> np.ndarray:
    """How many pay days of each customer fit each kind of day; shape (many, kinds). Rows are sorted by customer."""
    found = np.zeros((many, fits.shape[1]), np.int64)
    starts = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    if len(starts):
        found[customer[starts]] = np.add.reduceat(fits, starts, axis=0, dtype=np.int64)
    return found


def _days_of(of: Calendar, run: PayRun) -> np.ndarray:
    """Whether money on each day of the calendar fits a pay run."""
    fits = of.week[:, list(run.weekdays)].any(axis=1)
    places = [ANCHORS.index(anchor) for anchor in run.month_days]
    return np.asarray(fits | of.month[:, places].any(axis=1))


def _fits(of: Calendar, runs: Sequence[PayRun | None], customer: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Whether each pay day lies on its customer's run."""
    different: dict[PayRun, int] = {run: n for n, run in enumerate(dict.fromkeys(run for run in runs if run))}
    table = np.stack([*(_days_of(of, run) for run in different), np.zeros(len(of.is_working), bool)])
    code = np.array([different[run] if run else -1 for run in runs], dtype=np.int64)
    return table[code[customer], place]


def _ahead(of: Calendar, run: PayRun, day: int, lead_days: int) -> tuple[int, int]:
    """The next run that can be reached from a day on, and the day by which a customer has to hear from us."""
    working = np.flatnonzero(of.is_working)
    coming = np.flatnonzero(_days_of(of, run) & of.is_working)
    at = np.searchsorted(working, coming) - lead_days
    call_by = working[np.maximum(at, 0)] + of.first
    reachable = np.flatnonzero((at >= 0) & (call_by >= day) & (coming + of.first <= day + AHEAD_DAYS))
    if not len(reachable):
        return NEVER, NEVER
    return int(coming[reachable[0]] + of.first), int(call_by[reachable[0]])
