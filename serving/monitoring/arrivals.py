"""Do facts arrive as they used to? Volumes, pauses, holes, columns, dates and currencies of what came in.

Each figure of each of the last weeks is held against the book's own year (weeks.py). A feed that stops is told
from a quiet week by its pause: more than twice the longest pause of the year before, in working days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.days import day_numbers, to_date
from features.ledger import Ledger
from serving.monitoring.alarms import Alarm, Severity
from serving.monitoring.measures import VITAL, Measure, measures_of
from serving.monitoring.weeks import WEEK, Departure, departure, working_days
from training.settings import MonitoringSettings

YEAR = 364
FEWEST_ARRIVALS = 100
"""Rows of a table in the year before; below, a pause means nothing."""
FEWEST_ARRIVAL_DAYS = 30
HOLE = 5
"""Working days without anything, at least, that are called a hole."""
FAR_AHEAD = 31
"""Days beyond everything else at which a fact's day is taken for a slip of the pen."""


@dataclass(frozen=True)
class Weekly:
    """One measure's figure of each week before the as-of day, in the unit it is said in."""

    measure: Measure
    values: np.ndarray
    departure: Departure | None


class Arrivals:
    """The arrivals of a ledger, ready to be asked as of any day."""

    def __init__(self, ledger: Ledger, settings: MonitoringSettings) -> None:
        self.ledger, self.settings = ledger, settings
        self.measures = measures_of(ledger)
        self.known_on = {
            name: np.sort(day_numbers(frame["known_on"].dropna())) for name, frame in ledger.tables.items()
        }
        days = [known for name, known in self.known_on.items() if len(known)]
        self.begins = int(min(known[0] for known in days)) if days else 0

    def weekly(self, as_of: int) -> list[Weekly]:
        """Every measure by week, with its departure if the last week is unlike the year before."""
        weeks = min(self.settings.weeks_of_history, max((as_of - self.begins) // WEEK, 0))
        if not weeks:
            return []
        worked = self._worked(as_of - WEEK * weeks, as_of).reshape(weeks, WEEK).sum(axis=1)
        found = []
        for measure in self.measures:
            values = measure.weekly(as_of, weeks, worked)
            # Before a table's first row it was not empty: it was not exported, or not looked at.
            began = self.known_on[measure.table][0] if len(measure.days) else as_of
            values[: max(weeks - (as_of - 1 - int(began)) // WEEK, 0)] = np.nan
            unlike = departure(values, measure.floor, self.settings)
            if unlike and measure.only_more and not unlike.is_higher:
                unlike = None
            found.append(Weekly(measure, values, unlike))
        return found

    def alarms(self, as_of: int) -> list[Alarm]:
        """Everything unusual about what arrived."""
        stopped = list(self._pauses(as_of))
        silent = {alarm.subject for alarm in stopped}
        unusual = [
            _unusual(each.measure, each.departure, as_of)
            for each in self.weekly(as_of)
            if each.departure and each.measure.table not in silent
        ]
        return [*stopped, *unusual, *self._ahead(as_of), *self._currencies(as_of)]

    def _worked(self, begin: int, end: int) -> np.ndarray:
        settings = self.ledger.settings
        return working_days(begin, end, settings.country or "", tuple(settings.weekend_days))

    def _pauses(self, as_of: int) -> Iterator[Alarm]:
        """Feeds that have stopped, and holes in the year before."""
        for name, known in self.known_on.items():
            year = known[(known >= as_of - YEAR) & (known < as_of)]
            days = np.unique(year)
            if len(year) < FEWEST_ARRIVALS or len(days) < FEWEST_ARRIVAL_DAYS:
                continue
            begin = int(days[0])
            counted = np.cumsum(self._worked(begin, as_of))
            # Working days strictly between one arrival and the next; last, those up to the as-of day.
            gaps = counted[days[1:] - 1 - begin] - counted[days[:-1] - begin]
            pause = int(counted[-1] - counted[days[-1] - begin])
            usual = np.sort(gaps)
            longest, second = int(usual[-1]), int(usual[-2])
            is_hole = longest >= HOLE and longest > 3 * max(second, 1)
            reference = second if is_hole else longest
            if pause > max(2 * reference, 2):
                yield _stopped(name, pause, reference, int(days[-1]))
            elif is_hole:
                at = int(np.argmax(gaps))
                yield _hole(name, longest, second, int(days[at]), int(days[at + 1]))

    def _ahead(self, as_of: int) -> Iterator[Alarm]:
        """A few facts far ahead of all others are slips of the pen, and pull the default as-of day with them."""
        for name in VITAL:
            before = self.known_on[name][self.known_on[name] < as_of]
            if lonely := _lonely(before):
                sentence = (
                    f"{lonely:,} rows of {name} became known {FAR_AHEAD} days or more after all others, "
                    f"up to {to_date(int(before[-1]))}"
                )
                mend = "Mend these dates in the export, or name the true day with --as-of."
                yield Alarm("watch", "data", "dated_ahead", name, sentence, mend, float(lonely))

    def _currencies(self, as_of: int) -> Iterator[Alarm]:
        """Currencies first seen lately, with or without a rate."""
        invoices = self.ledger.tables["invoices"]
        known = day_numbers(invoices["known_on"])
        recent = as_of - WEEK * self.settings.recent_weeks
        if not len(known) or known.min() >= recent:
            return
        for currency, rows in invoices.groupby("currency", sort=True).indices.items():
            days = known[rows]
            first, count = int(days.min()), int((days < as_of).sum())
            if not recent <= first < as_of:
                continue
            converted = (invoices["money_unit"].to_numpy()[rows] != currency).any() or str(
                currency
            ) == self.ledger.settings.base_currency
            share = count / max(int(((known >= first) & (known < as_of)).sum()), 1)
            severity: Severity = "watch" if share >= 0.01 and not converted else "note"
            rate = "with a rate" if converted else "without a rate, so its amounts stand alone"
            sentence = (
                f"the currency {currency} appears for the first time: {count:,} invoices, "
                f"{share:.0%} of all since, {rate}"
            )
            mend = "See whether the currency is right; if so, add its rates to exchange_rates."
            yield Alarm(
                severity,
                "data",
                "new_currency",
                str(currency),
                sentence,
                mend,
                share,
                0.0,
                to_date(first),
                share,
            )


def _lonely(known: np.ndarray) -> int:
    """How many of the last rows, at most one in a hundred, stand alone after a long pause; days are sorted."""
    breaks = np.flatnonzero(np.diff(known) >= FAR_AHEAD)
    after = len(known) - 1 - int(breaks[-1]) if len(breaks) else 0
    return after if len(known) >= FEWEST_ARRIVALS and after <= len(known) / 100 else 0


def _unusual(measure: Measure, found: Departure, as_of: int) -> Alarm:
    latest, extreme = measure.natural(found.latest), measure.natural(found.extreme)
    low, high = measure.natural(found.low), measure.natural(found.high)
    since = to_date(as_of - WEEK * found.weeks)
    was = f"{shown(low, measure)} to {shown(high, measure)}"
    lately = "week" if measure.over_weeks == 1 else f"{measure.over_weeks} weeks"
    sentence = (
        f"{measure.says}: {shown(latest, measure)} in the last {lately}, {was} in the weeks before {since}"
    )
    return Alarm(
        measure.fault, "data", measure.code, measure.subject, sentence, measure.mend, latest, extreme, since,
        found.beyond,
    )  # fmt: skip


def _stopped(name: str, pause: int, longest: int, last: int) -> Alarm:
    severity: Severity = "act" if name in VITAL else "watch"
    sentence = (
        f"no {name} have arrived since {to_date(last)}, for {pause} working days; "
        f"the longest pause of the year before was {longest}"
    )
    mend = f"Mend the export of {name}; until then figures about lateness cannot be trusted."
    if name not in VITAL:
        mend = f"Mend the export of {name}."
    return Alarm(
        severity,
        "data",
        "stopped",
        name,
        sentence,
        mend,
        float(pause),
        float(longest),
        to_date(last + 1),
        100.0,
    )


def _hole(name: str, length: int, second: int, last: int, next_day: int) -> Alarm:
    sentence = (
        f"nothing of {name} is recorded between {to_date(last)} and {to_date(next_day)}, for {length} working days; "
        f"the next longest pause of the year is {second}"
    )
    mend = "Export that time again: features and outcomes of it are incomplete."
    return Alarm(
        "note", "data", "hole", name, sentence, mend, float(length), float(second), to_date(last + 1)
    )


def shown(value: float, measure: Measure) -> str:
    """A figure as people say it."""
    if measure.unit == "share":
        return f"{100 * value:.0f} %"
    if measure.unit == "days":
        return f"{value:.1f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
