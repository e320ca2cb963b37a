"""Which scores do simulated invoices get through a shock, with and without rolling recalibration?

What `data_samples.through_a_shock` compares, without two trainings for every book: one small model per seed, which
knows nothing of what comes, scores every later invoice of each book when it is issued.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from data_samples.simulator import simulate, write
from data_samples.simulator.world import SCENARIOS, World
from features.catalogue import CATALOGUE
from features.history import History
from features.ledger import Ledger
from tests.drills.books import RECIPE
from training.cohort import ask, issued_between
from training.model import RiskModel
from training.model.fitting import fit_model
from training.model.recalibration import predict_as_served

TAUGHT_BEFORE, BEGINS_ON, ASKED_BEFORE = date(2025, 7, 1), date(2025, 11, 3), date(2026, 5, 25)
MONTHS, FUTURES = 24, 200
KNOWN_BY = date(2026, 7, 1)
NAMES = ("quiet", "passing_shock", "shock")


def scored(seed: int, customers: int, folder: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Per scenario the folder of its book and the files of its scores with and without recalibration."""
    model: RiskModel | None = None
    for name in NAMES:
        book = folder / f"{name}-{customers}-{seed}"
        files = book, book.with_suffix(".with.csv"), book.with_suffix(".without.csv")
        if not files[-1].exists():
            scenario = replace(SCENARIOS[name], begins_on=BEGINS_ON)
            write(simulate(customers, MONTHS, seed, world=World(scenario=scenario), futures=FUTURES), book)
            ledger = Ledger.load(book)
            if model is None:  # before the shock all books of a seed are the same
                model = fit_model(History(ledger.known_before(TAUGHT_BEFORE)), TAUGHT_BEFORE, RECIPE)
            with_, without = scores(model, History(ledger))
            with_.to_csv(files[1], index=False)
            without.to_csv(files[2], index=False)
        yield files


def scores(model: RiskModel, history: History) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores at issue of all invoices of the watched time, with and without recalibration."""
    cohort = ask(history, *issued_between(history, TAUGHT_BEFORE, ASKED_BEFORE), KNOWN_BY)
    values = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    asked = cohort.table()[["invoice_id", "as_of"]].assign(outcome=cohort.outcomes["p_late"])
    given = predict_as_served(model, cohort, values), model.predict(values)
    first, second = (pd.concat([asked, predicted.reset_index(drop=True)], axis=1) for predicted in given)
    return first, second
