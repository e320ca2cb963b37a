"""On which days does a customer pay, and on which does the supplier work?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calendar import Days, Flags, Period, rolled, working_days
from .customers import SUPPLIER_COUNTRY, Customer
from .habits import Payer
from .world import Scenario, ready_days

RUN_FALLS_OUT = 0.03
RUN_FALLS_OUT_AT_YEAR_END = 0.3
DUNNING_WEEKDAY = 1


@dataclass(frozen=True)
class Diary:
    """For every day the next day on which money is ready, the payer pays or works, the supplier works or reminds."""

    ready: Days
    """the day itself, unless a scenario makes everybody later"""
    pays: Days
    working: Days
    supplier_works: Days
    supplier_reminds: Days
    run_falls_out: np.ndarray
    """chance that nothing is paid, for every week, known beforehand"""
    month: np.ndarray
    never: int
    helps: tuple[int, int]
    """first day of issue of invoices treated by their risk, and the first day after them"""

    def on(self, next_such_day: Days, day: np.ndarray) -> Days:
        """The next such day on or after each day; days beyond the horizon are never."""
        return next_such_day[np.minimum(day, self.never)]


def run_days(payer: Payer, period: Period) -> Flags:
    """The days on which the payer pays, before holidays move them."""
    if payer.run_days:
        is_month_end = period.month_end == np.arange(period.never + 1)
        return np.isin(period.day_of_month, payer.run_days) | ((31 in payer.run_days) & is_month_end)
    week = (np.arange(period.never + 1) + period.weekday[0]) // 7
    return np.isin(period.weekday, payer.pay_weekdays) & (week % payer.run_every_weeks == 0)


def pay_days(payer: Payer, period: Period, working: Days) -> Days:
    """For every day on which money is ready the day on which it leaves."""
    pays = rolled(period, run_days(payer, period), working)
    if payer.pays_before_weekend:
        saturdays = np.flatnonzero(period.weekday == 5)[1:]
        fridays = saturdays - 1
        left_on_friday = pays[fridays] == fridays
        pays[saturdays[left_on_friday]] = fridays[left_on_friday]
    return pays


def diary_of(customer: Customer, period: Period, scenario: Scenario) -> Diary:
    """The diary of one customer and its supplier in a world where this scenario holds."""
    working = working_days(period, customer.country)
    supplier = working_days(period, SUPPLIER_COUNTRY)
    year_end = (period.month == 12) & (period.day_of_month >= 22)
    falls_out = np.where(year_end, RUN_FALLS_OUT_AT_YEAR_END, RUN_FALLS_OUT)
    return Diary(
        ready=ready_days(scenario, period),
        pays=pay_days(customer.payer, period, working),
        working=working,
        supplier_works=supplier,
        supplier_reminds=rolled(period, period.weekday == DUNNING_WEEKDAY, supplier),
        run_falls_out=falls_out[::7],
        month=period.month,
        never=period.never,
        helps=scenario.days(period) if scenario.acts_on_scores else (period.never, period.never),
    )
