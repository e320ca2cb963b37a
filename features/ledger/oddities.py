"""Is a history believable as a whole, or does it look like a broken export?

Cell by cell everything may be right and yet a month of invoices be missing. What is found here changes nothing
in the ledger: it is said by `check`, by every command that reads a ledger, and in the data sheet of a training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.ledger.problems import Problem
from features.ledger.tables import TABLES

if TYPE_CHECKING:
    from features.ledger.book import Ledger

FEWEST_ROWS = 20
"""Fewer rows than this say nothing about a pattern in time."""
USUAL_MONTH_ROWS = 10
THIN_MONTH = 0.05
"""A month with less than this share of the rows of a usual one counts as missing."""
MOST_ON_ONE_DAY = 0.9
NEW_DAYS, HISTORY_DAYS, NEW_ROWS = 60, 180, 5
"""A currency is new where so many invoices, all in the last days of a history at least so long, are in it."""
SILENT_DAYS, MOST_AFTER_SILENCE = 90, 0.01
"""Facts after a silence this long are a slip of the pen where they are no more than this share of all facts."""
SHORT_HISTORY_DAYS = 90


def oddities(ledger: Ledger) -> list[Problem]:
    """What is odd about the whole: each a `note` that names the table, the column and the value.

    An empty ledger has nothing odd about it.
    """
    if ledger.latest_fact is None:
        return []
    found = (
        _stray_future(ledger),
        _issued_ahead(ledger),
        _short_history(ledger),
        _missing_months(ledger, "invoices"),
        _missing_months(ledger, "payments"),
        _no_payments(ledger),
        _one_payment_day(ledger),
        _one_customer(ledger),
        _no_customers(ledger),
        _new_currencies(ledger),
    )
    return [problem for problems in found for problem in problems]


def _note(table: str, column: str | None, value: object, code: str, message: str, mend: str) -> Problem:
    text = None if value is None else str(value)
    return Problem(table, None, column, None, text, "note", code, message, mend)


def _stray_future(ledger: Ledger) -> Iterator[Problem]:
    """A typing error of decades would move the default as-of day, and with it every open invoice's age."""
    end = _usual_end(ledger)
    for name, frame in ledger.tables.items():
        stray = _days(frame["known_on"])
        stray = stray[stray > end]
        if len(stray):
            rows = "1 row" if len(stray) == 1 else f"{len(stray):,} rows"
            message = f"is the latest day of {rows} far after all other facts, which end on {end}"
            mend = f"Correct the year, or pass --as-of {end + 1} so that these rows do not count."
            yield _note(name, _dated_by(name), stray.max(), "stray_future", message, mend)


def _usual_end(ledger: Ledger) -> np.datetime64:
    """The last day on which anything was learned, but for a few facts that follow a long silence."""
    every = np.sort(np.concatenate([_days(frame["known_on"]) for frame in ledger.tables.values()]))
    before = np.flatnonzero(np.diff(every).astype(int) > SILENT_DAYS)
    few_follow = before[len(every) - before - 1 <= max(MOST_AFTER_SILENCE * len(every), 1)]
    return every[few_follow[0]] if len(few_follow) else every[-1]


def _dated_by(table: str) -> str:
    return TABLES[table].event or "known_on"


def _issued_ahead(ledger: Ledger) -> Iterator[Problem]:
    issued, latest = _days(ledger.tables["invoices"]["issued_on"]), ledger.latest_fact
    ahead = issued[issued > np.datetime64(latest, "D")]
    if len(ahead):
        message = f"is the latest of {len(ahead):,} invoices dated after the last recorded fact, {latest}"
        mend = "They are scored from their day of issue on; correct the day if it is a slip."
        yield _note("invoices", "issued_on", ahead.max(), "issued_ahead", message, mend)


def _short_history(ledger: Ledger) -> Iterator[Problem]:
    first, end = _days(ledger.tables["invoices"]["issued_on"]).min(), _usual_end(ledger)
    days = int((end - first).astype(int))
    if days < SHORT_HISTORY_DAYS:
        message = f"is the first day, {days} days before the last recorded fact, {end}"
        mend = "A model of its own wants the terms, the horizon and some months of invoices: export further back."
        yield _note("invoices", "issued_on", first, "short_history", message, mend)


def _missing_months(ledger: Ledger, table: str) -> Iterator[Problem]:
    """Whole months, neither the first nor the last, with next to no rows where every other month has many."""
    column = _dated_by(table)
    days = _days(ledger.tables[table][column])
    months = days[days <= _usual_end(ledger)].astype("datetime64[M]").astype(int)
    if not len(months):
        return
    rows = np.bincount(months - months.min())[1:-1]
    usual = np.median(rows) if len(rows) else 0
    if usual < USUAL_MONTH_ROWS:
        return
    for place in np.flatnonzero(rows < THIN_MONTH * usual):
        month = np.datetime64(int(months.min() + 1 + place), "M")
        message = f"is a month of {rows[place]} rows where {usual:.0f} are usual"
        mend = "Export that month again: what is missing looks like customers who stopped buying or paying."
        yield _note(table, column, month, "month_missing", message, mend)


def _no_payments(ledger: Ledger) -> Iterator[Problem]:
    if not len(ledger.tables["payments"]):
        message = "holds no row: every invoice counts as open, and as late once its due date has passed"
        mend = "Export the payments of the same time; without them nobody's habit can be learned."
        yield _note("payments", None, None, "no_payments", message, mend)


def _one_payment_day(ledger: Ledger) -> Iterator[Problem]:
    days, rows = np.unique(_days(ledger.tables["payments"]["paid_on"]), return_counts=True)
    if rows.sum() >= FEWEST_ROWS and rows.max() > MOST_ON_ONE_DAY * rows.sum():
        message = f"stands on {rows.max():,} of {rows.sum():,} payments"
        mend = "A day of booking or of migration is no day of payment: export the day the money came."
        yield _note("payments", "paid_on", days[rows.argmax()], "one_payment_day", message, mend)


def _one_customer(ledger: Ledger) -> Iterator[Problem]:
    customers = ledger.tables["invoices"]["customer_id"]
    if customers.nunique() == 1:
        message = "is the same on every invoice"
        mend = (
            "Nothing can be learned of how others pay, and no figure can have a range: export more customers."
        )
        yield _note("invoices", "customer_id", None, "one_customer", message, mend)


def _no_customers(ledger: Ledger) -> Iterator[Problem]:
    if not len(ledger.tables["customers"]):
        message = "is not given: countries, groups, industries and sorts of debtor are unknown"
        mend = (
            "Add it where you can: holidays, sister companies and the policy's care for people depend on it."
        )
        yield _note("customers", None, None, "no_customers", message, mend)


def _new_currencies(ledger: Ledger) -> Iterator[Problem]:
    invoices = ledger.tables["invoices"]
    issued = pd.Series(_days(invoices["issued_on"]), invoices.index)
    last = issued.max()
    for currency, days in issued.groupby(invoices["currency"]):
        first = days.min()
        is_new = len(days) >= NEW_ROWS and (last - first).days < NEW_DAYS
        if is_new and (last - issued.min()).days >= HISTORY_DAYS:
            message = f"is first seen on {first.date()}, on {len(days):,} of {(issued >= first).sum():,} invoices since"
            mend = "Amounts in it have no past to compare with: check that it is meant, and add its exchange rates."
            yield _note("invoices", "currency", currency, "new_currency", message, mend)


def _days(column: pd.Series) -> np.ndarray:
    values = column.to_numpy().astype("datetime64[D]")
    return values[~np.isnat(values)]
