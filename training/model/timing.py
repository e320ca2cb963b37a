"""When will each invoice be paid? A distribution over days that agrees with the probabilities of every horizon.

Time is counted in days late and cut into periods (features/lateness.py): single days near the due date, wider
ones outward, an open tail. A hazard is the chance to be settled in a period by those still open at its start.
The classifiers of the horizons are anchors: hazards only say how the probability between two of them is
spread over periods, a customer's pay days how that of a period is spread over its days.

Worked example: p_late (5 days) is .30 and p_late_30 is .10. Then .70 of the distribution lies on days up to 5
late, .20 on days 6 to 30. If the hazards put two thirds of the latter into days 6 to 10, they get .1333, and a
customer who pays on Thursdays gets nearly all of it on the Thursday among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import lightgbm as lgb
import numpy as np

from features.featureset import FeatureSet
from features.lateness import EARLIEST, LatenessRule
from features.paydays import PayDays
from training.model.cash import CashLaw
from training.model.levels import Levels

MOST_DAYS = 730
"""Beyond so many days from the due date (or the as-of day, if later) nothing more is said: 'not within two years'."""
CHUNK_ROWS = 1_024
"""Questions worked on at once: each has some thirty periods and some hundred days."""
WIDTHS = (0, 1, 3, 6, 10, 20)
OWN_PRIOR = 3.0
"""So many settlements of the book's are added to the customer's own where its hazards are told."""
PERIOD_COLUMNS = (
    "period_start",
    "period_wait",
    "period_days",
    "period_weight",
    "period_own_hazard",
    "period_book_hazard",
    "period_from_last",
    "period_from_mean",
    "period_weekday",
)
"""What a hazard is learned from beside the features of the question."""


@dataclass(frozen=True)
class Grid:
    """Where the periods and horizons of a lateness rule lie on the axis of days late."""

    starts: np.ndarray
    """First day late of each period, the last one open; shape (periods + 1,)."""
    edges: np.ndarray
    """The same as places on the axis of days, which begins at EARLIEST."""
    horizons: tuple[tuple[str, int, int], ...]
    """(target, days, first period after it), in ascending order of days, each number of days once."""

    @classmethod
    def of(cls, rule: LatenessRule) -> Grid:
        starts = rule.period_starts
        by_days = {days: target for target, days in reversed(rule.horizons.items())}
        horizons = [(by_days[days], days, int(np.searchsorted(starts, days + 1))) for days in sorted(by_days)]
        return cls(starts, starts - EARLIEST, tuple(horizons))

    @property
    def days(self) -> int:
        """Length of the axis of days."""
        return int(self.edges[-1])


@dataclass(frozen=True)
class Course:
    """Distributions over the days of n questions: how much is still open after each day."""

    facts: PayDays
    survival: np.ndarray
    """P(not settled by the end of the day), shape (n, days) from EARLIEST days late on."""
    tail_days: float
    """Mean wait of those who are open after the last day of the axis."""

    @property
    def _tail_begins(self) -> np.ndarray:
        axis_ends = self.facts.lateness_from + EARLIEST + self.survival.shape[1]
        return np.maximum(self.facts.as_of, axis_ends)

    @property
    def _clipped_on(self) -> np.ndarray:
        return np.maximum(self.facts.as_of, self.facts.lateness_from) + MOST_DAYS

    def open_after(self, days: np.ndarray) -> np.ndarray:
        """P(not settled by the end of day numbers) of shape (n, k)."""
        place = days - self.facts.lateness_from[:, None] - EARLIEST
        inside = np.clip(place, 0, self.survival.shape[1] - 1)
        found = np.where(place < 0, 1.0, np.take_along_axis(self.survival, inside, axis=1))
        waited = np.maximum(days - self._tail_begins[:, None] + 1, 0)
        found = np.where(waited > 0, self.survival[:, -1:] * np.exp(-waited / self.tail_days), found)
        return np.where(days < self.facts.as_of[:, None], 1.0, found)

    def width(self) -> np.ndarray:
        """How wide each distribution is by its own 10 % and 90 %, as a label; shape (n,).

        The narrower, the more its lumps decide what a level means.
        """
        n = len(self.survival)
        days = self.day_of(np.full(n, 0.9)) - self.day_of(np.full(n, 0.1))
        return np.array(["0", "1", "2-3", "4-6", "7-10", "11-20", "more"])[np.searchsorted(WIDTHS, days)]

    def day_of(self, level: np.ndarray) -> np.ndarray:
        """The first day by whose end `level` of each distribution has been settled; a working day; shape (n,)."""
        left = 1.0 - level
        reached = self.survival <= left[:, None]
        place = self.facts.lateness_from + EARLIEST + np.argmax(reached, axis=1)
        wait = np.ceil(self.tail_days * np.log(self.survival[:, -1] / np.maximum(left, 1e-12)))
        late = self._tail_begins + np.clip(wait, 1, 2 * MOST_DAYS).astype(np.int64) - 1
        day = np.where(reached.any(axis=1), place, late)
        return self.facts.next_working_days(np.clip(day, self.facts.as_of, self._clipped_on))


def habit_of(values: np.ndarray, features: FeatureSet) -> np.ndarray:
    """Days late of the latest settlement and the mean of the latest dozen, shape (n, 2)."""
    names = ("last_days_late", "mean_days_late_last_12")
    return values[:, [features.names.index(name) for name in names]]


@dataclass(frozen=True)
class Timing:
    """How the time to payment is spread between the horizons."""

    kind: Literal["boosted", "empirical"]
    """`boosted` hazards by LightGBM; `empirical` the customer's own frequencies, drawn towards the book's."""
    note: str
    tail_days: float
    levels: Levels
    cash: CashLaw = field(default_factory=CashLaw)
    """How money comes where that differs from settlement."""
    booster: lgb.Booster | None = field(default=None, compare=False)

    def courses(
        self,
        grid: Grid,
        features: FeatureSet,
        facts: PayDays,
        values: np.ndarray,
        p: np.ndarray,
        threads: int = 1,
    ) -> Iterator[tuple[Course, slice]]:
        """Distributions that agree with the horizons' probabilities `p`, shape (n, horizons), a chunk at a time."""
        for part in _chunks(len(facts)):
            mine = facts.at(part)
            weight = mine.day_weights(EARLIEST, int(grid.starts[-1]))
            hazard = self._hazards(grid, mine, weight, values[part], features, threads)
            yield Course(mine, reconciled(grid, mine, weight, hazard, p[part]), self.tail_days), part

    def open_after_horizons(
        self, grid: Grid, features: FeatureSet, facts: PayDays, values: np.ndarray, threads: int = 1
    ) -> np.ndarray:
        """P(not settled after each horizon) by the hazards alone, shape (n, horizons)."""
        found = np.ones((len(facts), len(grid.horizons)))
        for part in _chunks(len(facts)):
            mine = facts.at(part)
            weight = mine.day_weights(EARLIEST, int(grid.starts[-1]))
            hazard = self._hazards(grid, mine, weight, values[part], features, threads)
            found[part] = np.cumprod(1.0 - hazard, axis=1)[:, [end - 1 for _, _, end in grid.horizons]]
        return found

    def _hazards(
        self,
        grid: Grid,
        facts: PayDays,
        weight: np.ndarray,
        values: np.ndarray,
        features: FeatureSet,
        threads: int,
    ) -> np.ndarray:
        """The chance to be settled in each period for those open at its start, shape (n, periods)."""
        in_period = period_weights(grid.edges, weight)
        columns = period_columns(grid, facts, in_period, habit_of(values, features))
        if self.booster is None:
            return np.where(in_period > 0, columns[:, :, PERIOD_COLUMNS.index("period_own_hazard")], 0.0)
        row, period = np.nonzero(in_period > 0)
        hazard = np.zeros(in_period.shape)
        if len(row):
            rows = np.concatenate([columns[row, period], values[row]], axis=1)
            hazard[row, period] = np.asarray(self.booster.predict(rows, num_threads=threads))
        return hazard


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(begin, begin + CHUNK_ROWS) for begin in range(0, rows, CHUNK_ROWS))


def period_weights(edges: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sum of the day weights between successive edges, the first of which is where they begin; (n, edges - 1)."""
    total = _running(weight)
    return total[:, edges[1:] - edges[0]] - total[:, edges[:-1] - edges[0]]


def _running(weight: np.ndarray) -> np.ndarray:
    # A running sum adds from left to right, so a question's figures do not depend on the others beside it.
    return np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight, axis=1)], axis=1)


def period_columns(grid: Grid, facts: PayDays, in_period: np.ndarray, habit: np.ndarray) -> np.ndarray:
    """PERIOD_COLUMNS of each question and period, shape (n, periods, columns).

    `habit` holds days late of the latest settlement and the mean of the latest dozen, NaN where unknown.
    """
    at_risk_from = np.maximum(grid.starts[:-1], (facts.as_of - facts.lateness_from)[:, None])
    columns = (
        at_risk_from,
        at_risk_from + (facts.lateness_from - facts.as_of)[:, None],
        np.maximum(grid.starts[1:] - at_risk_from, 0),
        in_period,
        _hazard_of(
            facts.own[:, :-1] + OWN_PRIOR * facts.book[:, :-1],
            facts.own[:, -1:] + OWN_PRIOR * facts.book[:, -1:],
        ),
        _hazard_of(facts.book[:, :-1], facts.book[:, -1:]),
        at_risk_from - habit[:, :1],
        at_risk_from - habit[:, 1:],
        (at_risk_from + facts.lateness_from[:, None] + 3) % 7,
    )
    return np.stack([column.astype(np.float64) for column in columns], axis=2)


def _hazard_of(counts: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Frequency in each period among what is in it or later, shape (n, periods)."""
    later = np.cumsum(np.concatenate([beyond, counts[:, ::-1]], axis=1), axis=1)[:, :0:-1]
    return counts / later


def reconciled(
    grid: Grid, facts: PayDays, weight: np.ndarray, hazard: np.ndarray, p: np.ndarray
) -> np.ndarray:
    """P(not settled by the end of each day) with the shape of the hazards and exactly `p` after each horizon.

    Between two horizons the hazards' masses are scaled to what the horizons leave there; where they leave
    something and no working day lies between, it is spread evenly. Shape (n, days).
    """
    is_open = np.arange(grid.days) + EARLIEST >= (facts.as_of - facts.lateness_from)[:, None]
    mass = np.cumprod(np.concatenate([np.ones((len(p), 1)), 1.0 - hazard], axis=1), axis=1)[:, :-1] * hazard
    survival = np.ones((len(p), grid.days))
    before, first = np.ones(len(p)), 0
    for place, (_, _, end) in enumerate(grid.horizons):
        days = slice(int(grid.edges[first]), int(grid.edges[end]))
        share = _share_settled(
            grid.edges[first : end + 1], weight[:, days], mass[:, first:end], is_open[:, days]
        )
        after = p[:, place]
        survival[:, days] = after[:, None] + (before - after)[:, None] * (1.0 - share)
        before, first = after, end
    return survival


def _share_settled(
    edges: np.ndarray, weight: np.ndarray, mass: np.ndarray, is_open: np.ndarray
) -> np.ndarray:
    """Of all that is settled between two horizons, the share by the end of each day; exactly 1 on the last."""
    none = np.asarray(mass.max(axis=1) <= 0)
    if none.any():
        weight = np.where(none[:, None], is_open, weight)
        mass = np.where(none[:, None], period_weights(edges, weight), mass)
    days, total = _running(weight), _running(mass)
    period = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    begins, ends = edges[:-1] - edges[0], edges[1:] - edges[0]
    in_period = days[:, ends] - days[:, begins]
    gone = (days[:, 1:] - days[:, begins][:, period]) / np.where(in_period > 0, in_period, 1.0)[:, period]
    settled = total[:, :-1][:, period] + mass[:, period] * gone
    # In a period's last day `gone` is 1, but a sum of parts may miss the running total by its last bit.
    settled[:, ends - 1] = total[:, 1:]
    whole = total[:, -1:]
    return np.where(whole > 0, np.minimum(settled / np.where(whole > 0, whole, 1.0), 1.0), 1.0)


def timing_told(timing: Timing) -> dict[str, Any]:
    """Everything about a timing but its booster, JSON-ready."""
    levels = {"everybody": list(timing.levels.everybody), "shifts": timing.levels.shifts}
    own = {name: getattr(timing, name) for name in ("kind", "note", "tail_days")}
    return own | {"levels": levels, "cash": timing.cash.told()}


def timing_from(told: dict[str, Any], booster: lgb.Booster | None) -> Timing:
    """The timing that `timing_told` told; models made before there was a law of cash get one that changes nothing."""
    levels = told["levels"]
    shifts = {
        name: {label: tuple(shift) for label, shift in of.items()} for name, of in levels["shifts"].items()
    }
    cash = CashLaw.of(told["cash"]) if "cash" in told else CashLaw()
    own = {name: told[name] for name in ("kind", "note", "tail_days")}
    return Timing(**own, levels=Levels(tuple(levels["everybody"]), shifts), cash=cash, booster=booster)


def golden_facts(waited: np.ndarray, periods: int) -> PayDays:
    """Made-up facts about invoices that have waited so many days past due: the same for every model."""
    n, due = len(waited), np.full(len(waited), 20_000)
    even = np.full((n, periods), 1 / periods)
    return PayDays(
        due + waited.astype(np.int64),
        due,
        np.tile(np.arange(periods, dtype=np.float64) % 3, (n, 1)),
        even,
        np.tile([0.3, 0.1, 0.1, 0.4, 0.1, 0.0, 0.0], (n, 1)),
        np.ones((n, 8)),
        np.full(n, "", dtype=object),
        (5, 6),
    )
