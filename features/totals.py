"""How much of something happened before a day? Running totals, windowed questions, and the only leak guard.

Every measure of a stream of dated events is kept as a running total in int64, sorted by (group, day). "Sum of
days late over the last 90 days as of d" is the difference of two running totals found by binary search, so
one answer costs the same in a book of a hundred invoices and in one of ten million, and is exact.

An event can be taken back (a bounced payment), and an event can count for a group only from a later day on
(we learn the country of a customer). Both are entries that become visible on a later day than the one they
are dated. Worked example: 8 days late, dated and visible on day 20; taken back on day 100, which is an entry
of -8 visible on day 100 and dated 20. As of day 105 the last 30 days hold neither, though one became visible
in them: a window asks for the dates of what is visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from features.days import NEVER

DAY_BITS = 32


def key_of(group: np.ndarray, day: np.ndarray) -> np.ndarray:
    """One number that sorts by group, then day."""
    return (group << DAY_BITS) | day


class Totals:
    """Running totals of one stream's measures within each group of one grouping.

    `day` is the day on which each entry becomes visible, `dated` (by default the same) the day that windows
    look at.
    """

    def __init__(
        self,
        group: np.ndarray,
        day: np.ndarray,
        measures: Mapping[str, np.ndarray],
        dated: np.ndarray | None = None,
    ) -> None:
        known = np.flatnonzero(group >= 0)
        key = key_of(group[known], day[known])
        order = np.argsort(key, kind="stable")
        self.rows = known[order]
        self._keys = key[order]
        self._measures = measures
        self._totals: dict[str, np.ndarray] = {}
        self._matrices: dict[tuple[str, ...], np.ndarray] = {}
        groups = int(group.max(initial=-1)) + 1
        # Where each group begins, from group -1 (unknown: no events) to the one after the last.
        begins = np.searchsorted(self._keys, np.arange(groups) << DAY_BITS)
        self._starts = np.concatenate([[0], begins, [len(self._keys)]])
        # A search among the different keys alone is quick where many events share a group and a day.
        first = np.flatnonzero(np.append(True, self._keys[1:] != self._keys[:-1])[: len(self._keys)])
        self._different = self._keys[first] if 4 * len(first) < len(self._keys) else None
        self._first = np.append(first, len(self._keys))
        is_late = np.zeros(len(known), bool) if dated is None else dated[known] < day[known]
        late = known[is_late]
        self._late = (group[late], day[late], late if dated is None else dated[late], late)
        self._outside: dict[int, Totals] = {}

    def position(self, group: np.ndarray, day: np.ndarray) -> np.ndarray:
        """How many events of the groups up to `group` were known strictly before `day`.

        This is the one place that decides what a feature can see: an event of the day itself is not before it.
        """
        if self._different is None:
            return self._keys.searchsorted(key_of(group, day), side="left")
        return self._first.take(self._different.searchsorted(key_of(group, day), side="left"))

    def start(self, group: np.ndarray) -> np.ndarray:
        """Where each group's events begin; for an unknown group (-1), 0."""
        return self._starts.take(group + 1, mode="clip")

    def total(self, measure: str) -> np.ndarray:
        """Running total of a measure, shape (events + 1,); the total before any event is 0."""
        if measure not in self._totals:
            values = self._measures[measure][self.rows]
            total = np.zeros(len(values) + 1, dtype=np.int64)
            np.cumsum(values, out=total[1:])
            self._totals[measure] = total
        return self._totals[measure]

    def matrix(self, measures: tuple[str, ...]) -> np.ndarray:
        """Running totals of several measures side by side, shape (events + 1, measures)."""
        if measures not in self._matrices:
            values = np.stack([self._measures[measure][self.rows] for measure in measures], axis=1)
            self._matrices[measures] = np.zeros((len(values) + 1, len(measures)), dtype=np.int64)
            np.cumsum(values, axis=0, out=self._matrices[measures][1:])
        return self._matrices[measures]

    def outside(self, last: int) -> Totals | None:
        """What became visible within the last `last` days but is dated before them; None if that cannot be.

        Each entry is there from the day on which both hold until the day on which the first no longer does.
        """
        group, day, dated, rows = self._late
        if not len(rows):
            return None
        if last not in self._outside:
            begins, ends = np.maximum(day, dated + last), day + last
            both = {name: np.concatenate([of[rows], -of[rows]]) for name, of in self._measures.items()}
            self._outside[last] = Totals(np.tile(group, 2), np.concatenate([begins, ends]), both)
        return self._outside[last]

    def day_of(self, position: np.ndarray) -> np.ndarray:
        """The day of the event at each position; meaningless (but safe) where there is none."""
        if not len(self._keys):
            return np.zeros_like(position)
        return self._keys[np.minimum(position, len(self._keys) - 1)] & ((1 << DAY_BITS) - 1)


class Stream:
    """Dated events with int64 measures, and the groups each event belongs to.

    `until` is the day on which we learned that an event does not hold (NEVER where it does); `since`, for some
    groupings, the day from which each event counts for its group.
    """

    def __init__(
        self,
        day: np.ndarray,
        measures: Mapping[str, np.ndarray],
        groups: Mapping[str, np.ndarray],
        until: np.ndarray | None = None,
        since: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._until = np.full(len(day), NEVER) if until is None else until
        back = np.flatnonzero(self._until < NEVER)
        self._has_taken_back = len(back) > 0
        self._event = np.concatenate([np.arange(len(day)), back]) if len(back) else np.arange(len(day))
        self._day = np.concatenate([day, self._until[back]])
        self._events = len(day)
        self._measures = {"count": np.ones(len(day), np.int64), **measures}
        if self._has_taken_back:
            self._measures = {name: np.concatenate([of, -of[back]]) for name, of in self._measures.items()}
        self._groups, self._since = groups, since or {}
        self._totals: dict[str, Totals] = {}
        self._lasting: dict[str, Lasting] = {}

    def by(self, grouping: str) -> Totals:
        """The running totals within the groups of `grouping`, made when first asked for."""
        if grouping not in self._totals:
            group, dated = self._groups[grouping][self._event], self._day[self._event]
            self._totals[grouping] = Totals(group, self._visible_on(grouping), self._measures, dated)
        return self._totals[grouping]

    def _visible_on(self, grouping: str) -> np.ndarray:
        if grouping not in self._since:
            return self._day
        return np.maximum(self._day, self._since[grouping][self._event])

    def lasting(self, grouping: str) -> Lasting:
        """The events of `grouping` in order, without the entries that take them back."""
        if grouping not in self._lasting:
            totals = self.by(grouping)
            if self._has_taken_back:
                group, day = self._groups[grouping], self._visible_on(grouping)[: self._events]
                totals = Totals(group, day, {name: of[: self._events] for name, of in self._measures.items()})
            until = self._until[totals.rows] if self._has_taken_back else None
            self._lasting[grouping] = Lasting(totals, until)
        return self._lasting[grouping]


class Lasting:
    """Events in order of (group, day), and until when each of them holds (None: all for ever)."""

    def __init__(self, totals: Totals, until: np.ndarray | None) -> None:
        self.totals, self.until = totals, until
        taken_back = np.zeros(0, np.int64) if until is None else (until < NEVER).astype(np.int64)
        self.taken_back = np.concatenate([[0], np.cumsum(taken_back)])


class Window:
    """Questions about one stream, asked for many (group, as-of day) pairs at once; every answer has shape (n,)."""

    def __init__(self, stream: Stream, grouping: str, group: np.ndarray, as_of: np.ndarray) -> None:
        self._stream, self._grouping = stream, grouping
        self._totals = stream.by(grouping)
        self._group = group
        self._as_of = as_of
        self._end = self._totals.position(group, as_of)
        self._begins: dict[int | None, np.ndarray] = {None: self._totals.start(group)}
        self._outsides: dict[int | None, tuple[np.ndarray, np.ndarray]] = {}
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
            found = total.take(self._end) - total.take(self._from(last))
            outside = self._totals.outside(last) if last is not None else None
            if outside is not None:
                total, (begin, end) = outside.total(measure), self._outside(outside, last)
                found -= total.take(end) - total.take(begin)
            self._sums[asked] = found
        return self._sums[asked]

    def sums(self, measures: tuple[str, ...], last: int | None = None) -> np.ndarray:
        """The same of several measures at once, shape (n, measures)."""
        total = self._totals.matrix(measures)
        found = total[self._end] - total[self._from(last)]
        outside = self._totals.outside(last) if last is not None else None
        if outside is not None:
            total, (begin, end) = outside.matrix(measures), self._outside(outside, last)
            found -= total[end] - total[begin]
        return found

    def _outside(self, outside: Totals, last: int | None) -> tuple[np.ndarray, np.ndarray]:
        if last not in self._outsides:
            begin, end = outside.start(self._group), outside.position(self._group, self._as_of)
            self._outsides[last] = (begin, end)
        return self._outsides[last]

    def count(self, last: int | None = None) -> np.ndarray:
        """Number of events that still hold."""
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
        """Mean of a measure over the last `events` events that still hold; NaN without any."""
        begin, end, some = self._order
        total = self._lasting.totals.total(measure)
        first = np.maximum(begin, end - events)
        found, count = total[end] - total[first], end - first
        if len(some):
            at = self._walk(some, events)
            held = at >= 0
            found[some] = np.where(held, total[at + 1] - total[np.maximum(at, 0)], 0).sum(axis=0)
            count[some] = held.sum(axis=0)
        return ratio(found, count)

    def latest(self, measure: str, back: int = 0) -> np.ndarray:
        """The measure of the latest event that still holds (`back` events earlier), float64; NaN without one."""
        total = self._lasting.totals.total(measure)
        at = self._latest(back)
        if len(total) == 1:
            return np.full(len(at), np.nan)
        value = total[np.maximum(at, 0) + 1] - total[np.maximum(at, 0)]
        return np.where(at >= 0, value.astype(np.float64), np.nan)

    def days_since(self) -> np.ndarray:
        """Days from the latest event that still holds to the as-of day, float64; NaN without one."""
        at = self._latest()
        days = self._as_of - self._lasting.totals.day_of(np.maximum(at, 0))
        return np.where(at >= 0, days.astype(np.float64), np.nan)

    def days_since_first(self) -> np.ndarray:
        """Days from the first event to the as-of day, float64; NaN without one."""
        exists = self._end > self._from(None)
        days = self._as_of - self._totals.day_of(self._from(None))
        return np.where(exists, days.astype(np.float64), np.nan)

    @cached_property
    def _lasting(self) -> Lasting:
        return self._stream.lasting(self._grouping)

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each question's events begin and end, and the questions with an event that was taken back."""
        lasting = self._lasting
        begin = lasting.totals.start(self._group)
        end = lasting.totals.position(self._group, self._as_of)
        if lasting.until is None:
            return begin, end, np.array([], np.int64)
        return begin, end, np.flatnonzero(lasting.taken_back[end] > lasting.taken_back[begin])

    def _latest(self, back: int = 0) -> np.ndarray:
        """Position of the latest event that still holds (`back` events earlier), -1 without one."""
        begin, end, some = self._order
        at = np.where(end - 1 - back >= begin, end - 1 - back, -1)
        if len(some):
            at[some] = self._walk(some, back + 1)[back]
        return at

    def _walk(self, some: np.ndarray, events: int) -> np.ndarray:
        """Positions of the last events that still hold, for some questions, shape (events, n); -1 for none."""
        begin, end, _ = self._order
        assert self._lasting.until is not None
        at, found = end[some] - 1, np.zeros(len(some), np.int64)
        held = np.full((events, len(some)), -1)
        while (active := np.flatnonzero((at >= begin[some]) & (found < events))).size:
            holds = active[self._lasting.until[at[active]] >= self._as_of[some[active]]]
            held[found[holds], holds] = at[holds]
            found[holds] += 1
            at[active] -= 1
        return held


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient as float64, NaN where the denominator is not positive."""
    return numerator / np.where(denominator > 0, denominator, np.nan)
