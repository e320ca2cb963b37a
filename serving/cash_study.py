"""How good are cash forecasts? Past days forecast by models of their time, against the cash that came.

Beside them stands the ageing rule: of money as long past due as this, the share that came in each week after
earlier days. Actual cash is what was paid on the invoices that were open on the day, up to the undisputed
part of each; invoices issued later are in neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers
from features.history import History
from features.ledger import Ledger
from serving.forecast import WEEK, Forecast, forecast
from serving.policy import Policy
from serving.positions import positions_of
from serving.scoring import Scorer
from training.model import RiskModel

AGEING = (-60, -30, -21, -14, -7, 0, 7, 14, 30, 60, 90)
"""Days past due at which an ageing bucket ends."""
LEARNED_DAYS = 364
"""The ageing rule learns from every week of the year before."""
EVERY_DAYS = 14


@dataclass(frozen=True)
class CashStudy:
    """Forecast and actual cash of every past day, unit and week."""

    weeks: pd.DataFrame
    """One row per (as_of, currency, week): expected, p10, p90, naive, actual in minor units."""

    @property
    def unit(self) -> str:
        """The unit with the most cash: figures are of it alone, as units are never added."""
        return str(self.weeks.groupby("currency")["actual"].sum().idxmax())

    @property
    def days(self) -> int:
        """Number of past days."""
        return int(self.weeks["as_of"].nunique())

    def figures(self) -> list[dict[str, Any]]:
        """Per week, and of all weeks: errors as shares of the actual cash, bias, and coverage of the range."""
        rows = self.weeks[self.weeks["currency"] == self.unit]
        return [_figures(rows[rows["week"] == week], week) for week in [*sorted(set(rows["week"]) - {0}), 0]]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "as_of_days": self.days,
            "currency": self.unit,
            "figures": self.figures(),
            "verdict": self.verdict(),
        }

    def verdict(self) -> str:
        """The finding in one sentence."""
        weeks = self.weeks[(self.weeks["week"] > 0) & (self.weeks["currency"] == self.unit)]
        found = _figures(weeks, "all")
        better = "better" if found["error"] < found["naive_error"] else "worse"
        return (
            f"Week by week the forecast missed {found['error']:.0%} of the cash, {better} than the ageing rule "
            f"({found['naive_error']:.0%}); its range, meant for 80 %, held {found['coverage']:.0%} of the weeks."
        )


def _figures(rows: pd.DataFrame, week: Any) -> dict[str, Any]:
    actual = rows["actual"].sum()
    held = (rows["p10"] <= rows["actual"]) & (rows["actual"] <= rows["p90"])
    scale = max(float(actual), 1.0)
    return {
        "week": "all" if week == 0 else week,
        "actual": float(actual),
        "error": float((rows["actual"] - rows["expected"]).abs().sum() / scale),
        "naive_error": float((rows["actual"] - rows["naive"]).abs().sum() / scale),
        "bias": float((rows["expected"].sum() - actual) / scale),
        "coverage": float(held.mean()),
        "forecasts": len(rows),
    }


def study_cash(
    ledger: Ledger,
    model: RiskModel,
    begin: date,
    end: date,
    weeks: int,
    scenarios: int,
    seed: int,
    progress: Callable[[str], None],
) -> CashStudy:
    """Forecasts on every second week of [begin, end) by a model that knew only what was known before `begin`.

    Raises ValueError where no day of the window has seen its weeks pass before the ledger ends.
    """
    latest = ledger.latest_fact
    last = latest + timedelta(days=1 - WEEK * weeks) if latest else begin - timedelta(days=1)
    window = [begin + timedelta(days=k) for k in range(0, (end - begin).days, EVERY_DAYS)]
    days = [day for day in window if day <= last]
    if not days:
        raise ValueError(
            f"no forecast of {begin} or later has seen its {weeks} weeks pass: the ledger ends on {latest}. "
            "Choose an earlier window."
        )
    receipts = Receipts.of(History(ledger, model.rule))
    parts = []
    for day in days:
        progress(f"forecasting as of {day}")
        scorer = Scorer(ledger.known_before(day), model, Policy.load(), day)
        parts.append(
            _compared(forecast(scorer, day, weeks, scenarios, seed), scorer.history, receipts, weeks)
        )
    return CashStudy(pd.concat(parts, ignore_index=True))


@dataclass(frozen=True)
class Receipts:
    """Every payment on an invoice: of which, when, and how much in the unit in which the book adds up."""

    history: History
    invoice: np.ndarray
    day: np.ndarray
    known_on: np.ndarray
    amount: np.ndarray

    @classmethod
    def of(cls, history: History) -> Receipts:
        """The payments of a history."""
        table = history.tables["payments"]
        invoice = positions_of(history, table["invoice_id"])
        at = np.flatnonzero(invoice >= 0)
        invoice, own = invoice[at], history.invoices
        rate = own["amount"][invoice] / np.maximum(own["amount_in_own_currency"][invoice], 1)
        amount = np.rint(table["amount"].to_numpy(np.int64)[at] * rate)
        return cls(
            history, invoice, day_numbers(table["paid_on"])[at], day_numbers(table["known_on"])[at], amount
        )

    def by_week(self, share: np.ndarray, day: int, weeks: int, group: np.ndarray, groups: int) -> np.ndarray:
        """Cash learned of from a day on, per group and week; shape (groups, weeks).

        `share` of what comes on each invoice counts (0: not asked about); what was paid before the day but
        learned of later belongs to the first week.
        """
        week = np.maximum(self.day - day, 0) // WEEK
        counts = (self.known_on >= day) & (week < weeks) & (share[self.invoice] > 0)
        cell = group[self.invoice[counts]] * weeks + week[counts]
        money = self.amount[counts] * share[self.invoice[counts]]
        return np.bincount(cell, money, groups * weeks).reshape(groups, weeks)


def _compared(found: Forecast, known: History, receipts: Receipts, weeks: int) -> pd.DataFrame:
    """The forecast of a day beside the ageing rule's and what came, one row per unit and week (0: all weeks)."""
    total = found.cash[(found.cash["by"] == "total") & found.cash["kind"].isin(["week", "all_weeks"])]
    rows = total[["currency", "week"]].reset_index(drop=True)
    for name in ("expected", "p10", "p90"):
        rows[name] = total[name].to_numpy(np.float64)
    day, full = day_number(found.as_of), receipts.history
    units = sorted(set(rows["currency"]))
    asked = found.invoices
    place = positions_of(full, asked["invoice_id"])
    open_share = 1 - asked["amount_disputed"].to_numpy() / np.maximum(asked["amount_open"].to_numpy(), 1)
    share, unit = np.zeros(len(full.invoices["due_on"])), np.zeros(len(full.invoices["due_on"]), np.int64)
    share[place] = open_share
    unit[place] = [units.index(name) for name in full.tables["invoices"]["money_unit"].iloc[place]]
    actual = receipts.by_week(share, day, weeks, unit, len(units))
    naive = ageing_forecast(known, Receipts.of(known), share[place], day, weeks, units)
    at = rows["currency"].map(units.index).to_numpy()
    week = rows["week"].to_numpy(np.int64)
    for name, cash in (("actual", actual), ("naive", naive)):
        whole = np.concatenate([cash.sum(axis=1, keepdims=True), cash], axis=1)
        rows[name] = whole[at, week]
    return rows.assign(as_of=pd.Timestamp(found.as_of))


def ageing_forecast(
    known: History, receipts: Receipts, share: np.ndarray, day: int, weeks: int, units: list[str]
) -> np.ndarray:
    """Cash per unit and week if money of an age comes as it came before; shape (units, weeks).

    `share` is the undisputed share of each invoice open on the day.
    """
    own = known.invoices
    unit = np.array(
        [units.index(name) if name in units else -1 for name in known.tables["invoices"]["money_unit"]]
    )
    buckets = len(AGEING) + 1
    stood, came = np.zeros((len(units) * buckets, weeks)), np.zeros((len(units) * buckets, weeks))
    for earlier in range(day - WEEK, day - LEARNED_DAYS - 1, -WEEK):
        rows, balance = _balances(known, earlier)
        passed = (day - earlier) // WEEK
        group = np.maximum(unit, 0) * buckets + np.searchsorted(AGEING, earlier - own["due_on"])
        is_open = np.zeros(len(unit))
        is_open[rows] = unit[rows] >= 0
        stood[:, :passed] += np.bincount(group[rows], balance * is_open[rows], len(stood))[:, None]
        came[:, :passed] += receipts.by_week(is_open, earlier, weeks, group, len(stood))[:, :passed]
    rate = np.where(stood > 0, came / np.where(stood > 0, stood, 1), 0.0)
    rows, balance = _balances(known, day)
    bucket = np.searchsorted(AGEING, day - own["due_on"][rows])
    now = np.bincount(unit[rows] * buckets + bucket, balance * share, len(stood))
    return (now[:, None] * rate).reshape(len(units), buckets, weeks).sum(axis=1)


def _balances(history: History, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the invoices open on a day, and what was open of each."""
    rows, last = history.steps.before(day).last()
    is_open = last.settled_on == NEVER
    return rows[is_open], last.balance[is_open]
