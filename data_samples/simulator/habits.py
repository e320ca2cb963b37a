"""How does each kind of payer pay?

One row per habit (a share of 0: in other markets alone); each customer draws its own figures from the ranges
of its row. All days are calendar days against the due date after it was rolled to a working day; negative is early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Habit:
    """A kind of payer, as ranges that its customers draw their own figures from."""

    share: float
    """of all customers"""
    usual_days: Range
    """when a payment is ready, against due"""
    spread_days: Range
    """standard deviation of the same from one invoice to the next"""
    strain_days: Range
    """days later for each unit of financial strain"""
    forgets: Range = (0.01, 0.04)
    """chance that an invoice is overlooked for some weeks"""
    disputes: Range = (0.004, 0.02)
    """chance of a dispute"""
    pays_in_parts: Range = (0.0, 0.02)
    """chance of a part payment"""
    answers: Range = (0.5, 0.7)
    """chance that a contact is answered and taken seriously"""
    keeps: Range = (0.8, 0.95)
    """chance that a promise is kept"""
    season_days: Range = (0.0, 0.0)
    """days later at the height of the bad season"""
    strain_trend: Range = (0.0, 0.0)
    """units of strain added by the end of the trouble"""
    trouble_months: Range = (0.0, 0.0)
    """how long the strain takes to build up"""
    run: str = "none"
    """`weekday` or `monthday`: pays everything that is ready on fixed days only"""


HABITS = {
    "prompt": Habit(0.35, (-9, -2), (1, 2.5), (0.5, 2)),
    "pay_run_weekday": Habit(0.17, (-9, -3), (0.4, 1.2), (0.5, 1.5), forgets=(0.02, 0.06), run="weekday"),
    "pay_run_monthday": Habit(0.11, (-18, -7), (0.4, 1.5), (0.5, 2), forgets=(0.02, 0.06), run="monthday"),
    "slow_but_sure": Habit(
        0.09, (4, 36), (2, 4), (1, 3), forgets=(0.02, 0.05), answers=(0.2, 0.4), keeps=(0.75, 0.9)
    ),
    "erratic": Habit(
        0.07, (-7, 2), (6, 12), (2, 5), forgets=(0.1, 0.22), pays_in_parts=(0.02, 0.08), keeps=(0.4, 0.65)
    ),
    "deteriorating": Habit(
        0.07,
        (-6, 0),
        (1.5, 3.5),
        (6, 10),
        pays_in_parts=(0.02, 0.06),
        answers=(0.3, 0.5),
        keeps=(0.5, 0.75),
        strain_trend=(3, 5.5),
        trouble_months=(5, 11),
    ),
    "seasonal": Habit(0.05, (-5, -1), (1.5, 3), (1, 2), season_days=(14, 40)),
    "disputing": Habit(
        0.045, (-5, 2), (2, 4), (1, 2), disputes=(0.15, 0.32), answers=(0.35, 0.55), keeps=(0.65, 0.85)
    ),
    "new": Habit(0.03, (-6, 4), (1.5, 5), (1, 4), forgets=(0.02, 0.08)),
    "cant_pay": Habit(
        0.055,
        (-3, 4),
        (3, 6),
        (7, 12),
        pays_in_parts=(0.1, 0.25),
        answers=(0.15, 0.3),
        keeps=(0.15, 0.35),
        strain_trend=(4.5, 7),
        trouble_months=(2, 5),
    ),
    "on_the_day": Habit(0.0, (-0.5, 0.8), (0.2, 1.0), (0.2, 1)),
}


@dataclass(frozen=True)
class Payer:
    """The figures one customer drew from its habit: what the truth knows and the ledger does not."""

    habit: str
    usual_days: float
    spread_days: float
    strain_days: float
    forgets: float
    disputes: float
    pays_in_parts: float
    answers: float
    keeps: float
    season_days: float
    strain_trend: float
    trouble_months: float
    bad_month: int
    pay_weekdays: tuple[int, ...]
    """Monday 0 to Friday 4: the days on which it pays at all"""
    run_every_weeks: int
    """2 for a run every other week, 0 for payers by day of the month"""
    run_days: tuple[int, ...]
    """days of the month, 31 for the last one; empty for payers by weekday"""
    pays_before_weekend: bool
    """what is ready on a Saturday leaves on the Friday before, not on the Monday after"""
    counts_from_receipt: float
    """days later for every day between issue and sending"""


ANY_WEEKDAY = (0, 1, 2, 3, 4)
RUN_DAYS = ((10, 25), (5, 20), (15, 31), (1, 15), (10, 20, 31), (15,), (31,))
RUN_DAYS_SHARES = (0.2, 0.16, 0.16, 0.12, 0.16, 0.1, 0.1)
FIGURES = (
    "usual_days",
    "spread_days",
    "strain_days",
    "forgets",
    "disputes",
    "pays_in_parts",
    "answers",
    "keeps",
    "season_days",
    "strain_trend",
    "trouble_months",
)


def drawn_payer(habit: str, rng: np.random.Generator) -> Payer:
    """One customer's own figures within the ranges of its habit."""
    kind = HABITS[habit]
    figures = {name: float(rng.uniform(*getattr(kind, name))) for name in FIGURES}
    monthly = kind.run == "monthday"
    return Payer(
        habit=habit,
        bad_month=int(rng.integers(1, 13)),
        pay_weekdays=ANY_WEEKDAY if monthly else drawn_weekdays(kind.run, rng),
        run_every_weeks=0
        if monthly
        else int(rng.choice([1, 2], p=[0.8, 0.2]))
        if kind.run == "weekday"
        else 1,
        run_days=RUN_DAYS[int(rng.choice(len(RUN_DAYS), p=RUN_DAYS_SHARES))] if monthly else (),
        pays_before_weekend=bool(rng.random() < 0.5),
        counts_from_receipt=float(rng.uniform(0.2, 1.0)),
        **figures,
    )


def drawn_weekdays(run: str, rng: np.random.Generator) -> tuple[int, ...]:
    """The weekdays on which somebody sits down to pay: one for a pay run, else two, three or all."""
    count = 1 if run == "weekday" else int(rng.choice([2, 3, 5], p=[0.2, 0.25, 0.55]))
    days = rng.choice(5, count, replace=False, p=[0.12, 0.22, 0.16, 0.28, 0.22])
    return tuple(sorted(days.tolist()))
