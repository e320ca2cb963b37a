"""Of the things that are running on a day, which is the oldest?"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import groupby

import numpy as np

from features.totals import DAY_BITS, key_of


class Spans:
    """Things that begin and end (an overdue invoice): what is the least value (its due day) among those running?

    Where the value is the day of beginning, the least is the first-begun: the prefix maximum of the ends, in
    order of beginning, rises within a group, and the first span whose prefix maximum reaches a day is the first
    one still running on it. The few others (seen late, or reopened) are swept one by one.
    """

    def __init__(self, group: np.ndarray, begin: np.ndarray, end: np.ndarray, value: np.ndarray) -> None:
        usual = np.flatnonzero((group >= 0) & (begin == value))
        order = usual[np.lexsort((begin[usual], group[usual]))]
        self._group, self._value = group[order], value[order]
        self._reach = np.maximum.accumulate(key_of(group[order], end[order])) if len(order) else order
        others = np.flatnonzero((group >= 0) & (begin != value))
        self._keys, self._least = _swept(group[others], begin[others], end[others], value[others])

    def least_running(self, group: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        """The least value of the spans that began before `as_of` and had not ended before it; NaN if none."""
        return np.fmin(self._first_begun(group, as_of), self._least_of_others(group, as_of))

    def _first_begun(self, group: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        if not len(self._reach):
            return np.full(len(group), np.nan)
        at = np.searchsorted(self._reach, key_of(group, as_of), side="left")
        at = np.where(at < len(self._reach), at, 0)
        runs = (
            (self._group[at] == group) & (self._value[at] < as_of) & (self._reach[at] >= key_of(group, as_of))
        )
        return np.where(runs, self._value[at].astype(np.float64), np.nan)

    def _least_of_others(self, group: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        at = np.searchsorted(self._keys, key_of(group, as_of), side="left") - 1
        if not len(self._keys):
            return np.full(len(group), np.nan)
        return np.where((at >= 0) & (self._keys[at] >> DAY_BITS == group), self._least[at], np.nan)


def _swept(
    group: np.ndarray, begin: np.ndarray, end: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least value running after each day on which a span begins or ends: sorted keys, and the values."""
    keys, least = [], []
    begins = sorted(zip(group.tolist(), begin.tolist(), value.tolist(), end.tolist(), strict=True))
    for number, spans in groupby(begins, key=lambda span: span[0]):
        waiting, running = list(spans)[::-1], list[tuple[int, int]]()
        for day in sorted({span[1] for span in waiting} | {span[3] for span in waiting}):
            while waiting and waiting[-1][1] <= day:
                heappush(running, waiting.pop()[2:])
            while running and running[0][1] <= day:
                heappop(running)
            keys.append((number << DAY_BITS) | day)
            least.append(running[0][0] if running else np.nan)
    return np.array(keys, np.int64), np.array(least, np.float64)
