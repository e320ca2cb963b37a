"""How is a whole fictional book put together, with its truth beside it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from .calendar import Period
from .course import Draws
from .customers import BASE_CURRENCY, SUPPLIER_COUNTRY, Customer, drawn_customers
from .diary import diary_of
from .ledger_tables import ledger_tables
from .master_tables import master_tables
from .orders import drawn_invoices
from .payment import payment_delay
from .story import Chapter, told
from .truth import true_probabilities
from .truth_tables import truth_tables

SETTINGS = {
    "base_currency": BASE_CURRENCY,
    "country": SUPPLIER_COUNTRY,
    "settlement_tolerance": "0.00",
    "time_zone": "Europe/Berlin",
}


@dataclass(frozen=True)
class Book:
    """A fictional ledger as seen at the end of its last day, and the truth behind it.

    `tables` hold text exactly as it stands in the files: ISO dates, decimal amounts, empty where missing.
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def simulate(
    customers: int, months: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Book:
    """A book of so many customers over so many months, the last of them June 2026.

    The same arguments always give the same book. `progress(done, total)` is called after each customer.
    """
    if customers < 1 or months < 1:
        raise ValueError(f"customers={customers}, months={months}: a book needs at least 1 of each.")
    period = Period(months)
    people_seed, groups_seed, tables_seed, *seeds = np.random.SeedSequence(seed).spawn(3 + customers)
    drawn, groups = drawn_customers(
        customers, period, np.random.default_rng(groups_seed), people_seed.spawn(customers)
    )
    chapters = []
    for done, (customer, own_seed) in enumerate(zip(drawn, seeds, strict=True), start=1):
        chapters.append(lived(customer, period, own_seed))
        if progress:
            progress(done, customers)
    story = told(chapters, period)
    notes_seed, master_seed = tables_seed.spawn(2)
    tables = ledger_tables(story, np.random.default_rng(notes_seed))
    tables |= master_tables(drawn, groups, period, np.random.default_rng(master_seed))
    return Book(tables, truth_tables(story))


def lived(customer: Customer, period: Period, seed: np.random.SeedSequence) -> Chapter:
    """What really happened to the invoices of one customer, and what was likely to."""
    orders, life, futures = (np.random.default_rng(child) for child in seed.spawn(3))
    invoices = drawn_invoices(customer, period, orders)
    diary = diary_of(customer, period)
    course = payment_delay(customer, invoices, diary, Draws(life, 1))
    return Chapter(customer, invoices, course, true_probabilities(customer, invoices, diary, futures))


def write(book: Book, folder: Path | str) -> None:
    """Write a book as a ledger folder: one CSV for each table, `ledger.yaml`, and the truth in `truth/`."""
    folder = Path(folder)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, table in book.tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    for name, table in book.truth.items():
        table.to_csv(folder / "truth" / f"{name}.csv", index=False, lineterminator="\n")
    (folder / "ledger.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False), encoding="utf-8")
