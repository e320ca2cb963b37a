"""How fast is the feature code? `make bench` prints medians and ratios; nothing here is a test.

Times are of the processor, so that neighbours on a shared machine disturb them least. Three figures:
nanoseconds per feature, row and core on a large book; milliseconds for one customer of 200 invoices with the
whole catalogue; and peak memory of a training. Each beside a yardstick of the same run.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.history import History
from features.ledger import Ledger

FIRST_DAY = np.datetime64("2022-01-03")


def random_ledger(invoices: int, customers: int, seed: int = 1) -> Ledger:
    """A plain ledger of `invoices` invoices over three years, nine in ten of them paid."""
    draw = np.random.default_rng(seed)
    customer = draw.integers(0, customers, invoices)
    issued = FIRST_DAY + draw.integers(0, 1000, invoices)
    due = issued + draw.choice([14, 30, 45, 60], invoices)
    names = np.char.add("C", customer.astype(str))
    ids = np.char.add("I", np.arange(invoices).astype(str))
    amount = np.round(np.exp(draw.normal(6, 1.2, invoices)), 2)
    table = pd.DataFrame(
        {
            "invoice_id": ids,
            "customer_id": names,
            "issued_on": issued.astype(str),
            "due_on": due.astype(str),
            "amount": amount.astype(str),
            "currency": "EUR",
            "division": draw.choice(["north", "south", "web"], invoices),
        }
    )
    paid = draw.random(invoices) < 0.9
    on = due + np.rint(draw.gamma(2, 6, invoices) - 8).astype(int)
    payments = pd.DataFrame(
        {"invoice_id": ids[paid], "paid_on": on[paid].astype(str), "amount": amount[paid].astype(str)}
    )
    return Ledger.from_tables({"invoices": table, "payments": payments})


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Median processor time of `runs` calls, after one that warms up."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def large_book(invoices: int) -> None:
    """Nanoseconds per feature and row on a book of `invoices` invoices, scored at issue, on one core."""
    began = time.process_time()
    ledger = random_ledger(invoices, max(invoices // 50, 1))
    print(f"{invoices:,} invoices made and read in {time.process_time() - began:.1f} s")
    began = time.process_time()
    history = History(ledger)
    rows = np.arange(len(history.invoices["issued_on"]))
    as_of = history.invoices["issued_on"]
    CATALOGUE.compute(history, rows[:10], as_of[:10])
    print(f"history of {len(CATALOGUE.names)} features built in {time.process_time() - began:.1f} s")
    seconds = median_seconds(lambda: CATALOGUE.compute(history, rows, as_of), 3)
    cells = len(rows) * len(CATALOGUE.names)
    array = np.random.default_rng(0).normal(size=len(rows))
    yardstick = median_seconds(lambda: np.sort(array), 3) / len(rows)
    print(
        f"features: {seconds:.1f} s, {1e9 * seconds / cells:.0f} ns per column and row; "
        f"{seconds / cells / yardstick:.2f} times numpy's sort of as many numbers"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def one_customer(invoices: int = 200) -> None:
    """Milliseconds for one customer's questions with the whole catalogue."""
    ledger = random_ledger(invoices, 1)
    history = History(ledger)
    rows, as_of = np.arange(invoices), history.invoices["issued_on"]
    seconds = median_seconds(lambda: CATALOGUE.compute(history, rows, as_of), 50)
    one = median_seconds(lambda: CATALOGUE.compute(history, rows[:1], as_of[:1]), 50)
    built = median_seconds(lambda: CATALOGUE.compute(History(ledger), rows[:1], as_of[:1]), 10)
    print(
        f"one customer of {invoices} invoices: {1e3 * seconds:.2f} ms for all {invoices} questions, "
        f"{1e3 * one:.2f} ms for one, {1e3 * built:.2f} ms with its history built from the tables"
    )


def training(invoices: int) -> None:
    """Wall time and peak memory of a training on a book of `invoices` invoices."""
    from datetime import date

    from training.model.fitting import fit_model
    from training.settings import TrainingSettings

    ledger = random_ledger(invoices, max(invoices // 50, 1))
    began = time.process_time()
    model = fit_model(History(ledger), date(2025, 1, 1), TrainingSettings(), progress=print)
    rows = model.card["horizons"]["p_late"]["rows"]
    print(f"training on {rows:,} rows: {time.process_time() - began:.0f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=1_000_000, help="size of the large book")
    parser.add_argument("--training", type=int, help="also train on a book of so many invoices")
    given = parser.parse_args()
    one_customer()
    if given.training:
        training(given.training)
    else:
        large_book(given.invoices)


if __name__ == "__main__":
    main()
