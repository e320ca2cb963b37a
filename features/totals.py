"""How much of something happened before a day? Running totals, windowed questions, and the only leak guard.

Every measure of a stream of dated events is kept as a running total in int64, sorted by (group, day). "Sum of
days late over the last 90 days as of d" is the difference of two running totals found by binary search, so
one answer costs the same in a book of a hundred invoices and in one of ten million, and is exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_DAY_BITS = 32


def _key(group: np.ndarray, day: np.ndarray) -> np.ndarray:
    return (group << _DAY_BITS) | day


class Totals:
    """Running totals of one stream's measures within each group of one grouping."""

    def __init__(self, group: np.ndarray, day: np.ndarray, measures: Mapping[str, np.ndarray]) -> None:
        known = np.flatnonzero(group >= 0)
        key = _key(group[known], day[known])
        order = np.argsort(key, kind="stable")
        self._rows = known[order]
        self._keys = key[order]
        self._measures = measures
        self._totals: dict[str, np.ndarray] = {}

    def position(self, group: np.ndarray, day: np.ndarray) -> np.ndarray:
        """How many events of the groups up to `group` were known strictly before `day`.

        This is the one place that decides what a feature can see: an event of the day itself is not before it.
        """
        return np.searchsorted(self._keys, _key(group, day), side="left")

    def start(self, group: np.ndarray) -> np.ndarray:
        """Where each group's events begin."""
        return np.searchsorted(self._keys, group << _DAY_BITS, side="left")

    def total(self, measure: str) -> np.ndarray:
        """Running total of a measure, shape (events + 1,); the total before any event is 0."""
        if measure not in self._totals:
            values = self._measures[measure][self._rows]
            total = np.zeros(len(values) + 1, dtype=np.int64)
            np.cumsum(values, out=total[1:])
            self._totals[measure] = total
        return self._totals[measure]

    def day_of(self, position: np.ndarray) -> np.ndarray:
        """The day of the event at each position; meaningless (but safe) where there is none."""
        if not len(self._keys):
            return np.zeros_like(position)
        return self._keys[np.minimum(position, len(self._keys) - 1)] & ((1 << _DAY_BITS) - 1)


class Stream:
    """Dated events with int64 measures, and the groups each event belongs to."""

    def __init__(
        self, day: np.ndarray, measures: Mapping[str, np.ndarray], groups: Mapping[str, np.ndarray]
    ) -> None:
        self._day = day
        self._measures = {"count": np.ones(len(day), np.int64), **measures}
        self._groups = groups
        self._totals: dict[str, Totals] = {}

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures that can be asked for."""
        return tuple(self._measures)

    def by(self, grouping: str) -> Totals:
        """The running totals within the groups of `grouping`, made when first asked for."""
        if grouping not in self._totals:
            self._totals[grouping] = Totals(self._groups[grouping], self._day, self._measures)
        return self._totals[grouping]


class Window:
    """Questions about one stream, asked for many (group, as-of day) pairs at once; every answer has shape (n,)."""

    def __init__(self, totals: Totals, group: np.ndarray, as_of: np.ndarray) -> None:
        self._totals = totals
        self._group = group
        self._as_of = as_of
        self._end = totals.position(group, as_of)
        self._begin = totals.start(group)
        self._begins: dict[int | None, np.ndarray] = {None: self._begin}
        self._sums: dict[tuple[str, int | None], np.ndarray] = {}

    def _from(self, last: int | None) -> np.ndarray:
        if last not in self._begins:
            assert last is not None
            self._begins[last] = self._totals.position(self._group, self._as_of - last)
        return self._begins[last]

    def sum(self, measure: str, last: int | None = None) -> np.ndarray:
        """Sum of a measure over the events of the last `last` days (all time without it), int64."""
        asked = (measure, last)
        if asked not in self._sums:
            total = self._totals.total(measure)
            self._sums[asked] = total[self._end] - total[self._from(last)]
        return self._sums[asked]

    def count(self, last: int | None = None) -> np.ndarray:
        """Number of events; an event that took an earlier one back counts -1."""
        return self.sum("count", last)

    def mean(self, measure: str, last: int | None = None, per: str = "count") -> np.ndarray:
        """Sum of a measure over the sum of `per`, float64; NaN where there is nothing to divide by."""
        return ratio(self.sum(measure, last), self.sum(per, last))

    def spread(self, measure: str, last: int | None = None) -> np.ndarray:
        """Standard deviation of a measure, from its total and the total of its squares (`<measure>_squared`)."""
        n, total = self.count(last), self.sum(measure, last)
        # n * sum(x^2) - sum(x)^2 is exact in integers: no cancellation.
        variance = ratio(n * self.sum(f"{measure}_squared", last) - total * total, n * n)
        return np.sqrt(np.maximum(variance, 0.0))

    def recent(self, measure: str, events: int) -> np.ndarray:
        """Mean of a measure over the last `events` events; NaN without any."""
        total = self._totals.total(measure)
        begin = np.maximum(self._begin, self._end - events)
        return ratio(total[self._end] - total[begin], self._end - begin)

    def recent_sum(self, measure: str, events: int) -> np.ndarray:
        """Sum of a measure over the last `events` events, int64."""
        total = self._totals.total(measure)
        return total[self._end] - total[np.maximum(self._begin, self._end - events)]

    def latest(self, measure: str, back: int = 0) -> np.ndarray:
        """The measure of the latest event (`back` events earlier), float64; NaN without one."""
        total = self._totals.total(measure)
        at = self._end - 1 - back
        exists = at >= self._begin
        at = np.where(exists, at, 0)
        if len(total) == 1:
            return np.full(len(at), np.nan)
        return np.where(exists, (total[at + 1] - total[at]).astype(np.float64), np.nan)

    def days_since(self) -> np.ndarray:
        """Days from the latest event to the as-of day, float64; NaN without one."""
        exists = self._end > self._begin
        return np.where(exists, (self._as_of - self._totals.day_of(self._end - 1)).astype(np.float64), np.nan)

    def days_since_first(self) -> np.ndarray:
        """Days from the first event to the as-of day, float64; NaN without one."""
        exists = self._end > self._begin
        return np.where(exists, (self._as_of - self._totals.day_of(self._begin)).astype(np.float64), np.nan)


class Spans:
    """Things that begin and end (an overdue invoice): which running one began first?

    Prefix maximum of the ends, in order of beginning, rises within a group; the first span whose prefix
    maximum reaches a day is the first one still running on it. Spans that begin on or after the day stand
    behind all earlier ones, so they cannot change the answer.
    """

    def __init__(self, group: np.ndarray, begin: np.ndarray, end: np.ndarray, value: np.ndarray) -> None:
        known = np.flatnonzero(group >= 0)
        order = known[np.lexsort((value[known], begin[known], group[known]))]
        self._group, self._begin, self._value = group[order], begin[order], value[order]
        self._reach = np.maximum.accumulate(_key(group[order], end[order])) if len(order) else order

    def first_running(self, group: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        """`value` of the first-begun span that began before `as_of` and had not ended before it; NaN if none."""
        at = np.searchsorted(self._reach, _key(group, as_of), side="left")
        inside = at < len(self._reach)
        at = np.where(inside, at, 0)
        if not len(self._reach):
            return np.full(len(group), np.nan)
        runs = inside & (self._group[at] == group) & (self._begin[at] < as_of)
        return np.where(runs, self._value[at].astype(np.float64), np.nan)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient as float64, NaN where the denominator is not positive."""
    out = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
