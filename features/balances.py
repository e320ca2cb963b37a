"""What was owed on each invoice, day by day, as far as we knew?

An invoice's balance is a step function of the day we learned things. Worked example, carried through the
comments: invoice of 100 seen on day 10; 60 paid on day 20 and known on day 21; the bank takes the 60 back on
day 25 (known 25); 100 paid and known on day 40.

    steps:   (10, 100)  (21, 40)  (25, 100)  (40, 0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers


@dataclass(frozen=True)
class Steps:
    """Balances after each day on which one changed, sorted by (invoice, day); every invoice has a first step."""

    invoice: np.ndarray
    """Position of the invoice, int64, shape (n,)."""
    day: np.ndarray
    """The day we learned of the step."""
    balance: np.ndarray
    """Open balance at the end of that day, minor units of the invoice's money unit."""
    settled_on: np.ndarray
    """The day of the payment or credit that completed the settlement; NEVER while open."""
    by_credit_alone: np.ndarray
    """True where the invoice is closed and no money came: it says nothing about how the customer pays."""

    def before(self, as_of: int) -> Steps:
        """The steps known before day `as_of`."""
        return self.at(self.day < as_of)

    def at(self, mask: np.ndarray) -> Steps:
        """The steps where `mask` holds."""
        return Steps(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    def last(self) -> tuple[np.ndarray, Steps]:
        """Positions of the invoices that have a step, and their last one."""
        ends = np.flatnonzero(np.append(self.invoice[1:] != self.invoice[:-1], True))[: len(self.invoice)]
        return self.invoice[ends], self.at(ends)


def seen_on(invoices: pd.DataFrame) -> np.ndarray:
    """The first day at whose end each invoice was known to exist."""
    return np.maximum(day_numbers(invoices["issued_on"]), day_numbers(invoices["known_on"]))


def balance_steps(
    invoices: pd.DataFrame, payments: pd.DataFrame, credit_notes: pd.DataFrame, tolerance: np.ndarray
) -> Steps:
    """The balance of every invoice as a step function of what we knew.

    `tolerance` is what may be missing from each invoice when it counts as settled, in its minor units.
    """
    events = _events(invoices, payments, credit_notes)
    invoice, day, paid_on, amount, money = (events[name].to_numpy() for name in events)
    # Of an unknown amount we can only see whether anything came: it counts as one, and so does every payment.
    is_known = invoices["amount_known"].to_numpy(dtype=bool)
    owed = np.where(is_known, invoices["amount"].to_numpy(dtype=np.int64), 1)
    first = (
        np.flatnonzero(np.append(True, invoice[1:] != invoice[:-1])) if len(invoice) else np.array([], int)
    )
    paid = _running(amount, first, invoice)
    came = _running(money, first, invoice)
    latest = np.maximum.accumulate((invoice << 32) | paid_on) & 0xFFFFFFFF
    # However large the tolerance, an unpaid invoice is not a settled one.
    settled = owed[invoice] - paid <= np.minimum(tolerance, np.maximum(owed - 1, 0))[invoice]
    says_nothing = settled & ((came <= 0) | (owed[invoice] == 0))
    keep = np.append((invoice[1:] != invoice[:-1]) | (day[1:] != day[:-1]), True)[: len(invoice)]
    settled_on = _start_of_run(invoice, settled, latest)
    in_unit = invoices["money_amount"].to_numpy(dtype=np.int64) / np.where(owed == 0, 1, owed)
    balance = np.where(settled, 0, np.clip(owed[invoice] - paid, 0, owed[invoice]))
    return Steps(
        invoice, day, np.rint(balance * in_unit[invoice]).astype(np.int64), settled_on, says_nothing
    ).at(keep)


def _events(invoices: pd.DataFrame, payments: pd.DataFrame, credit_notes: pd.DataFrame) -> pd.DataFrame:
    """Issue, payments and credits of the known invoices in one order: invoice, known day, event day."""
    position = pd.Series(np.arange(len(invoices)), index=invoices["invoice_id"].to_numpy())
    seen, is_known = seen_on(invoices), invoices["amount_known"].to_numpy(dtype=bool)
    zero = np.zeros(len(invoices), np.int64)
    parts = [(np.arange(len(invoices)), seen, zero, zero, zero)]
    for table, dated, is_money in ((payments, "paid_on", 1), (credit_notes, "credited_on", 0)):
        applied = table[table["invoice_id"].isin(position.index)]
        invoice = position.reindex(applied["invoice_id"]).to_numpy(dtype=np.int64)
        event = day_numbers(applied[dated])
        # A payment can be booked before its invoice is known; it says nothing until then.
        known = np.maximum(np.maximum(day_numbers(applied["known_on"]), event), seen[invoice])
        amount = applied["amount"].to_numpy(dtype=np.int64)
        amount = np.where(is_known[invoice], amount, np.where(amount < 0, -1, 1))
        parts.append((invoice, known, event, amount, amount * is_money))
    columns = [np.concatenate([part[i] for part in parts]).astype(np.int64) for i in range(5)]
    order = np.lexsort((columns[3], columns[2], columns[1], columns[0]))
    names = ("invoice", "day", "paid_on", "amount", "money")
    return pd.DataFrame({name: column[order] for name, column in zip(names, columns, strict=True)})


def _running(amount: np.ndarray, first: np.ndarray, invoice: np.ndarray) -> np.ndarray:
    """Cumulative amount within each invoice; `first` holds where an invoice's events begin."""
    total = np.cumsum(amount)
    before = np.zeros(invoice[-1] + 1 if len(invoice) else 0, np.int64)
    before[invoice[first]] = total[first] - amount[first]
    return total - before[invoice]


def _start_of_run(invoice: np.ndarray, settled: np.ndarray, latest: np.ndarray) -> np.ndarray:
    """The latest event day at the moment each present run of `settled` began; NEVER where open.

    A later over-payment or a second credit does not move the day of settlement; a bounced payment does.
    """
    begins = settled & np.append(True, (invoice[1:] != invoice[:-1]) | ~settled[:-1])[: len(settled)]
    where = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    return np.where(settled, latest[where], NEVER)
