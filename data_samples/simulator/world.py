"""In which world does the fictional supplier sell: who its customers are, and what changes on some day?

`World()` is the quiet world of the sample ledger. Another market, or a scenario from `SCENARIOS`, makes another
one; the same customers, months, seed and world always give the same book.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from .calendar import BOOK_CLOSES_ON, Days, Period
from .habits import HABITS

Shares = dict[str, float]
COUNTRIES = {"DE": 0.72, "AT": 0.06, "FR": 0.05, "NL": 0.05, "CH": 0.04, "GB": 0.04, "PL": 0.02, "US": 0.02}
TERMS = {14: 0.2, 30: 0.5, 45: 0.1, 60: 0.12, -30: 0.08}  # -30: 30 days, then end of month


@dataclass(frozen=True)
class Market:
    """Who buys: shares of all customers."""

    habits: Shares = field(default_factory=lambda: {name: habit.share for name, habit in HABITS.items()})
    countries: Shares = field(default_factory=lambda: dict(COUNTRIES))
    terms: dict[int, float] = field(default_factory=lambda: dict(TERMS))
    """agreed days to pay; negative: so many days, then to the end of the month"""
    debtor_types: Shares = field(
        default_factory=lambda: {"company": 0.82, "sole_trader": 0.11, "public_body": 0.07}
    )
    days_later: float = 0.0
    """everybody's usual days against due are shifted by so many"""
    scatter: float = 1.0
    """multiplies everybody's spread from one invoice to the next"""
    pace: float = 1.0
    """multiplies everybody's number of invoices"""
    pace_spread: float = 0.5
    """standard deviation of the logarithm of that number between customers of one rhythm"""
    terms_jitter: int = 0
    """due dates scatter by up to so many days around the agreed terms"""
    standing_orders: float = 0.0
    """chance that an invoice repeats one of its customer's three usual amounts"""
    attention: float = 1.0
    """multiplies the supplier's chance to get round to a reminder or call"""
    invoices_any_day: bool = False
    """invoices are also issued at weekends and on holidays"""


SLOW_ABROAD = Market(
    habits={"prompt": 0.1, "slow_but_sure": 0.6, "erratic": 0.2, "disputing": 0.1},
    countries={"PL": 0.5, "FR": 0.3, "US": 0.2},
    terms={45: 0.3, 60: 0.7},
    debtor_types={"company": 0.75, "sole_trader": 0.25},
)
"""Newcomers unlike anybody in the quiet world: abroad, on long terms, slow."""


@dataclass(frozen=True)
class Scenario:
    """What changes in a world from one day on. Everything is off unless it is set."""

    name: str
    what: str
    """one sentence for people; it is written beside the truth"""
    begins_on: date | None = None
    """first changed day; by default the first of the month after two thirds of the book"""
    weeks: int | None = None
    """how long it lasts; None: for good"""
    days_later: int = 0
    """money that would be ready within the scenario is ready so many calendar days later"""
    newcomers: float = 0.0
    """customers who join, as a share of those before"""
    newcomers_market: Market = SLOW_ABROAD
    acts_on_scores: bool = False
    """invoices issued within the scenario are treated by their risk: `payment.plan_of`"""
    export: str = ""
    """how the recording changes: a name of `exports.CHANGES`; what really happens stays as it is"""

    @property
    def is_quiet(self) -> bool:
        """Nothing changes on any day."""
        return self.name == "quiet"

    def placed(self, period: Period) -> Scenario:
        """The same with its day; raises ValueError where the book does not cover it."""
        first, last = (day.astype(date) for day in (period.first_date, period.closes_on))
        if self.begins_on is None:
            month = period.first_date.astype("datetime64[M]") + -(-2 * period.months // 3)
            placed = min(month.astype("datetime64[D]").astype(date), last)
            return replace(self, begins_on=placed)
        if not first < self.begins_on <= last:
            raise ValueError(
                f"scenario {self.name} on {self.begins_on}: the book runs from {first} to {last}; name a later "
                "day within it, or simulate more months."
            )
        return self

    def days(self, period: Period) -> tuple[int, int]:
        """The first changed day and the first day after the scenario, as numbers."""
        assert self.begins_on is not None
        begins = int((np.datetime64(self.begins_on) - period.origin).astype(int))
        return begins, period.never + 1 if self.weeks is None else begins + 7 * self.weeks

    @property
    def ends_on(self) -> date | None:
        """The first day after it; None where it lasts for good."""
        assert self.begins_on is not None
        return None if self.weeks is None else self.begins_on + timedelta(weeks=self.weeks)

    @property
    def described(self) -> dict[str, object]:
        """What is written to `truth/scenario.yaml`."""
        return {
            "scenario": self.name,
            "what": self.what,
            "begins_on": str(self.begins_on),
            "ends_on": str(self.ends_on) if self.ends_on else None,
            "days_later": self.days_later,
            "newcomers": self.newcomers,
            "acts_on_scores": self.acts_on_scores,
            "export": self.export or None,
        }


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("quiet", "Nothing changes."),
        Scenario("shock", "Everybody pays ten days later, for good.", days_later=10),
        Scenario("passing_shock", "Everybody pays ten days later, for ten weeks.", days_later=10, weeks=10),
        Scenario(
            "new_mix", "Slow customers from abroad join, on long terms, six for every ten.", newcomers=0.6
        ),
        Scenario(
            "import_format",
            "Amounts arrive in hundredths; orders and deliveries are no longer exported.",
            export="format",
        ),
        Scenario("missing_terms", "The day of issue arrives as the due date.", export="terms"),
        Scenario(
            "swapped_dates", "Booking days of payments arrive with day and month swapped.", export="days"
        ),
        Scenario(
            "broken_feed",
            "For four weeks no payment of one division arrives, nor ever will.",
            export="lost",
            weeks=4,
        ),
        Scenario(
            "late_feed",
            "For four weeks no payment arrives; then all of them at once.",
            export="late",
            weeks=4,
        ),
        Scenario(
            "acted_on",
            "The supplier acts on scores: risky invoices are called ahead and reminded early.",
            acts_on_scores=True,
        ),
    )
}
"""Every scenario by its name."""


def scenario_of(text: str) -> Scenario:
    """The scenario of `NAME` or `NAME@YYYY-MM-DD`; raises ValueError for any other text."""
    name, _, day = text.partition("@")
    if name not in SCENARIOS:
        raise ValueError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}.")
    try:
        return replace(SCENARIOS[name], begins_on=date.fromisoformat(day) if day else None)
    except ValueError as error:
        raise ValueError(f"scenario {text!r}: {day!r} is no day; write {name}@YYYY-MM-DD.") from error


@dataclass(frozen=True)
class World:
    """Where a book is set: its customers, what changes, and its last day."""

    market: Market = field(default_factory=Market)
    scenario: Scenario = SCENARIOS["quiet"]
    closes_on: np.datetime64 = BOOK_CLOSES_ON

    def period(self, months: int) -> Period:
        """The months that end on its last day."""
        return Period(months, self.closes_on)


def ready_days(scenario: Scenario, period: Period) -> Days:
    """For every day on which money would be ready in a quiet world the day on which it is ready in this one."""
    ready = np.arange(period.never + 1, dtype=np.int32)
    if scenario.days_later:
        begins, ends = scenario.days(period)
        ready[begins:ends] += scenario.days_later
    return np.minimum(ready, period.never)
