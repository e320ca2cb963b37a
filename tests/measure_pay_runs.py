"""Are pay runs found where a simulated book has them? `python -m tests.measure_pay_runs BOOK --as-of DATE`

BOOK is a folder of `duecourse simulate`, which knows the truth: customers who pay on one or two fixed weekdays or
days of the month, and customers who pay on any working day.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.history import History
from features.ledger import Ledger
from serving.facts import Facts
from serving.pay_runs import FIRST, LAST, PayRun
from serving.profile import profiles

FEWEST = 8
"""Customers with fewer pay days in the last year are not asked about."""


def compared(book: Path, day: date) -> pd.DataFrame:
    """One row per customer with enough pay days: its true days, what was found, and whether that is right."""
    facts = Facts(History(Ledger.load(book)))
    truth = pd.read_csv(book / "truth" / "customers.csv", dtype=str).set_index("customer_id")
    found = profiles(facts, np.arange(len(facts.history.customers)), day)
    rows = [
        {"customer": each.customer_id, "true": _true(truth.loc[each.customer_id]), "found": each.pay_run}
        for each in found
        if each.pay_days >= FEWEST and each.customer_id in truth.index
    ]
    return pd.DataFrame(rows).assign(
        right=lambda table: [_fits(*pair) for pair in zip(table["true"], table["found"], strict=True)]
    )


def _true(row: pd.Series) -> PayRun | None:
    """The one or two fixed days of a customer; None where it pays on more."""
    if isinstance(row["run_days"], str):
        days = tuple(int(day) for day in row["run_days"].split())
        return PayRun(month_days=days) if len(days) <= 2 else None
    weekdays = tuple(int(day) for day in row["pay_weekdays"].split())
    return PayRun(weekdays=weekdays) if len(weekdays) <= 2 else None


def _fits(true: PayRun | None, found: str | None) -> bool:
    """Whether what was found names the true days; the first and the last working day stand for 1 and 31."""
    if true is None or found is None:
        return true is None and found is None
    told = PayRun.parse(found.replace("last day of the month", "31"))
    days = {{FIRST: 1, LAST: 31}.get(day, day) for day in told.month_days}
    return set(told.weekdays) == set(true.weekdays) and days == set(true.month_days)


def main() -> None:
    """Print how many were found, and how many of these rightly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("book", type=Path)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    given = parser.parse_args()
    table = compared(given.book, given.as_of)
    has_run = table["true"].notna()
    claimed = table["found"].notna()
    print(
        f"{len(table)} customers with at least {FEWEST} pay days, {has_run.sum()} of them with one or two fixed days"
    )
    print(
        f"found for {(has_run & claimed).sum()} of these, the very days for {(has_run & table['right']).sum()}"
    )
    print(f"claimed for {(~has_run & claimed).sum()} of the {(~has_run).sum()} that pay on more days")


if __name__ == "__main__":
    main()
