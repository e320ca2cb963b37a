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
from .customers import BASE_CURRENCY, SUPPLIER_COUNTRY, Customer, Group, drawn_customers, drawn_newcomers
from .diary import diary_of
from .exports import changed
from .ledger_tables import ledger_tables
from .master_tables import master_tables
from .orders import drawn_invoices
from .payment import payment_delay
from .story import Chapter, Story, told
from .truth import FUTURES, true_probabilities
from .truth_tables import truth_tables
from .world import Scenario, World

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
    scenario: Scenario


def simulate(
    customers: int,
    months: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    world: World | None = None,
    futures: int = FUTURES,
) -> Book:
    """A book of so many customers over so many months, the last of them June 2026 unless `world` says otherwise.

    The same arguments always give the same book. With 0 `futures` its true probabilities stay unknown, which
    saves most of the time. `progress(done, total)` is called after each customer. Raises
    ValueError where the book is empty or does not cover the day of the world's scenario.
    """
    if customers < 1 or months < 1:
        raise ValueError(f"customers={customers}, months={months}: a book needs at least 1 of each.")
    world = world or World()
    period = world.period(months)
    scenario = world.scenario.placed(period)
    root = np.random.SeedSequence(seed)
    people_seed, groups_seed, tables_seed, *seeds = root.spawn(3 + customers)
    drawn, groups = drawn_customers(
        customers, period, world.market, np.random.default_rng(groups_seed), people_seed.spawn(customers)
    )
    newcomers = round(scenario.newcomers * customers)
    drawn += drawn_newcomers(scenario, customers, period, people_seed.spawn(newcomers))
    seeds += root.spawn(newcomers)
    chapters = []
    for done, (customer, own_seed) in enumerate(zip(drawn, seeds, strict=True), start=1):
        chapters.append(lived(customer, period, scenario, futures, own_seed))
        if progress:
            progress(done, len(drawn))
    return _book(told(chapters, period), drawn, groups, scenario, tables_seed)


def _book(
    story: Story,
    customers: list[Customer],
    groups: list[Group],
    scenario: Scenario,
    seed: np.random.SeedSequence,
) -> Book:
    notes_seed, master_seed = seed.spawn(2)
    tables = ledger_tables(story, np.random.default_rng(notes_seed))
    tables |= master_tables(customers, groups, story.period, np.random.default_rng(master_seed))
    return Book(changed(tables, scenario), truth_tables(story), scenario)


def lived(
    customer: Customer, period: Period, scenario: Scenario, futures: int, seed: np.random.SeedSequence
) -> Chapter:
    """What really happened to the invoices of one customer, and what was likely to."""
    orders, life, likely = (np.random.default_rng(child) for child in seed.spawn(3))
    invoices = drawn_invoices(customer, period, orders)
    diary = diary_of(customer, period, scenario)
    course = payment_delay(customer, invoices, diary, Draws(life, 1))
    truth = true_probabilities(customer, invoices, diary, futures, likely)
    return Chapter(customer, invoices, course, truth)


def write(book: Book, folder: Path | str) -> None:
    """Write a book as a ledger folder: one CSV for each table, `ledger.yaml`, and the truth in `truth/`.

    A scenario is described in `truth/scenario.yaml`; a quiet book has none.
    """
    folder = Path(folder)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, table in book.tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    for name, table in book.truth.items():
        table.to_csv(folder / "truth" / f"{name}.csv", index=False, lineterminator="\n")
    if not book.scenario.is_quiet:
        described = yaml.safe_dump(book.scenario.described, sort_keys=False, allow_unicode=True)
        (folder / "truth" / "scenario.yaml").write_text(described, encoding="utf-8")
    (folder / "ledger.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False), encoding="utf-8")
