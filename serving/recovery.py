"""Of money that is so many days past due, how much still came in? The recovery curve of a ledger, with ranges.

For every invoice that was still open some days after its due date, what was open then is compared with the
money (not the credit notes) that came for it within the following year. Only ages that lie a whole follow-up
before the as-of day count, so nothing is held against invoices that still have time. The range is that of a
ratio of sums over customers (linearised variance, 95 %), since one customer's invoices stand or fall together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.days import day_number, day_numbers
from features.history import History
from serving.positions import positions_of
from serving.sorted_rows import Sorted, key

AGES = (1, 31, 61, 91, 121, 181, 271, 366)
"""Days past due from which each band begins; the last has no end."""
FEWEST_CUSTOMERS = 10
"""Fewer customers than this tell nothing about others."""
SPREAD = 1.96


@dataclass(frozen=True)
class Band:
    """One age: what was open at its beginning, which share of it came in, and the range of that share."""

    from_day: int
    invoices: int
    customers: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RecoveryCurve:
    """Recovery by age as of a day, looking `follow_up_days` ahead."""

    as_of: date
    follow_up_days: int
    bands: tuple[Band, ...]

    def at(self, days_past_due: float) -> tuple[float, float, float] | None:
        """The share that came in after that age, with its range; of an older age than the ledger tells, the last."""
        reached = [band for band in self.bands if band.from_day <= days_past_due and band.share is not None]
        if not reached:
            return None
        band = reached[-1]
        assert band.share is not None and band.low is not None and band.high is not None
        return band.share, band.low, band.high


def recovery_curve(history: History, as_of: date, follow_up_days: int = 365) -> RecoveryCurve:
    """The curve as known before `as_of`; amounts in the book's money unit, currencies are never added together.

    Where invoices stand in several units, the unit with the most invoices is looked at.
    """
    own, today = history.invoices, day_number(as_of)
    units, counts = np.unique(own["unit"], return_counts=True)
    unit = units[np.argmax(counts)] if len(units) else -1
    rows = np.flatnonzero((own["unit"] == unit) & (own["amount"] > 0))
    money = Cash.of(history)
    bands = []
    for begin in AGES:
        at = own["due_on"][rows] + begin
        still = rows[at + follow_up_days < today]
        bands.append(_band(history, money, still, begin, follow_up_days))
    return RecoveryCurve(as_of, follow_up_days, tuple(bands))


def _band(history: History, money: Cash, rows: np.ndarray, begin: int, follow_up_days: int) -> Band:
    at = history.invoices["due_on"][rows] + begin
    owed = _owed(history, rows, at)
    rows, at, owed = rows[owed > 0], at[owed > 0], owed[owed > 0]
    came = np.clip(money.between(rows, at, at + follow_up_days), 0, owed)
    _, place = np.unique(history.invoices["customer"][rows], return_inverse=True)
    customers = int(place.max(initial=-1)) + 1
    if customers < FEWEST_CUSTOMERS:
        return Band(begin, len(rows), customers, None, None, None)
    of, total = np.bincount(place, came), np.bincount(place, owed)
    share = of.sum() / total.sum()
    variance = customers / (customers - 1) * ((of - share * total) ** 2).sum() / total.sum() ** 2
    spread = SPREAD * float(np.sqrt(variance))
    low, high = max(0.0, float(share) - spread), min(1.0, float(share) + spread)
    return Band(begin, len(rows), customers, float(share), low, high)


def _owed(history: History, rows: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Minor units open of each invoice at the start of a day."""
    steps = history.steps
    at = np.searchsorted(key(steps.invoice, steps.day), key(rows, day)) - 1
    known = (at >= 0) & (steps.invoice[np.maximum(at, 0)] == rows) if len(steps.day) else at >= 0
    return (
        np.where(known, steps.balance[np.maximum(at, 0)], 0)
        if len(steps.day)
        else np.zeros(len(rows), np.int64)
    )


@dataclass(frozen=True)
class Cash:
    """Money (no credit notes) that came for each invoice: by invoice and the day it became known, running."""

    found: Sorted
    total: np.ndarray

    @classmethod
    def of(cls, history: History, is_converted: bool = True) -> Cash:
        """Of all payments, in minor units of the book's money unit, or of the invoices' own currency."""
        table = history.tables["payments"]
        invoice = positions_of(history, table["invoice_id"])
        day = np.maximum(day_numbers(table["paid_on"]), day_numbers(table["known_on"]))
        found = Sorted.of(key(invoice, day))
        own = history.invoices
        at = np.maximum(invoice, 0)
        rate = (
            own["amount"][at] / np.maximum(own["amount_in_own_currency"][at], 1)
            if len(own["amount"])
            else 0.0
        )
        amount = table["amount"].to_numpy(np.float64) * (rate if is_converted else 1.0)
        running = np.cumsum((np.rint(amount) * (invoice >= 0))[found.rows])
        return cls(found, np.append(0.0, running))

    def between(self, rows: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """What came for each invoice from one day to before another."""
        first, last = (np.searchsorted(self.found.keys, key(rows, day)) for day in (begin, end))
        return self.total[last] - self.total[first]
