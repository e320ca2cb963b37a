"""How different may worlds be? Markets and ways of recording drawn at random, for a model that must suit any book.

The ranges are wide on purpose: a model that has seen all of them reads a book's habits from its history, not
from what one market happens to be like. Their facts stand beside those of a real book in `../worlds.md`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calendar import BOOK_CLOSES_ON
from .habits import HABITS
from .world import COUNTRIES, Market, World

TERMS_DAYS = (7, 10, 14, 15, 21, 30, 30, 45, 60, 90, -15, -30)
PAY_ON_THE_DAY = 0.25
"""Usual share of payers on the due day, whom the quiet world does not have."""
TELLING_TABLES = (
    "disputes",
    "promises",
    "contacts",
    "credit_reports",
    "complaints",
    "nonpayment_reasons",
    "credit_notes",
)
OPTIONAL_COLUMNS = {
    "invoices": ("delivered_on", "sent_on", "purchase_order", "division"),
    "customers": ("parent_id", "industry", "country", "credit_limit", "debtor_type"),
}


def drawn_world(seed: int) -> World:
    """A world with a market of its own, whose last day lies somewhere in ten years; the same for the same seed."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    return World(drawn_market(rng), closes_on=BOOK_CLOSES_ON - int(rng.integers(0, 3650)))


def drawn_market(rng: np.random.Generator) -> Market:
    """Shares of habits around the usual ones, one to four terms, and everything else somewhere in its range."""
    usual = np.array([habit.share or PAY_ON_THE_DAY for habit in HABITS.values()])
    shares = rng.dirichlet(8 * usual) * np.exp(rng.normal(0, 0.5, len(HABITS)))
    terms = rng.choice(TERMS_DAYS, int(rng.integers(1, 5)), replace=False)
    weights = rng.dirichlet(np.full(len(terms), 1.5))
    return Market(
        habits=dict(zip(HABITS, (shares / shares.sum()).tolist(), strict=True)),
        countries=dict(zip(COUNTRIES, rng.dirichlet(np.full(len(COUNTRIES), 0.5)).tolist(), strict=True)),
        terms=dict(zip(terms.tolist(), weights.tolist(), strict=True)),
        days_later=float(rng.normal(-1, 2.5)),
        scatter=float(np.exp(rng.normal(-0.4, 0.4))),
        pace=float(np.exp(rng.normal(-0.4, 0.6))),
        pace_spread=float(rng.uniform(0.5, 1.8)),
        terms_jitter=int(rng.choice([0, 0, 1, 2, 4])),
        standing_orders=float(rng.choice([0.0, 0.0, 0.1, 0.3])),
        attention=float(rng.uniform(0.0, 1.2)),
        invoices_any_day=bool(rng.random() < 0.3),
    )


def recorded(tables: dict[str, pd.DataFrame], seed: int) -> dict[str, pd.DataFrame]:
    """The tables as some company might keep them: two in five keep invoices and payments alone, others more.

    Of the rest each table and each optional column is kept with a chance drawn for the company.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    kept_share = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.3, 1.0))
    kept = {name: table for name, table in tables.items() if name not in TELLING_TABLES}
    kept |= {name: tables[name] for name in TELLING_TABLES if rng.random() < kept_share}
    if rng.random() > kept_share:
        kept.pop("customers")
    for name, columns in OPTIONAL_COLUMNS.items():
        lost = [column for column in columns if rng.random() > kept_share]
        if name in kept:
            kept[name] = kept[name].drop(columns=lost)
    if rng.random() < 0.5:  # many exports say only when money came, not when it was booked
        kept["payments"] = kept["payments"].drop(columns="known_on")
    return kept
