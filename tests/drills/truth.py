"""Is a quiet book's model right, that is: does its watch cry wolf, or tell of a model that was never right?"""

from __future__ import annotations

from datetime import date

import pandas as pd

from data_samples.simulator import simulate
from data_samples.simulator.book import SETTINGS
from features.catalogue import CATALOGUE
from features.history import History
from features.ledger import Ledger, LedgerSettings
from tests.drills.books import CUSTOMERS, MONTHS, TRAINED_BEFORE
from training.cohort import ask, issued_between
from training.model import RiskModel

FUTURES = 60
ISSUED_BEFORE = date(2026, 6, 1)


def beside_truth(seed: int, model: RiskModel) -> pd.DataFrame:
    """Mean prediction at issue and mean true probability of a quiet book by quarter of deadline, and `gap`."""
    told = simulate(CUSTOMERS, MONTHS, seed, futures=FUTURES)
    ledger = Ledger.from_tables(told.tables, LedgerSettings(**SETTINGS))
    history = History(ledger)
    cohort = ask(history, *issued_between(history, TRAINED_BEFORE, ISSUED_BEFORE), ISSUED_BEFORE)
    true = told.truth["invoices"].set_index("invoice_id")["p_late"]
    rows = pd.DataFrame(
        {
            "predicted": model.predict(CATALOGUE.compute(history, cohort.rows, cohort.as_of))["p_late"].to_numpy(),
            "true": true.reindex(ledger.tables["invoices"]["invoice_id"].to_numpy()[cohort.rows]).to_numpy(float),
            "quarter": pd.to_datetime(cohort.matures_on["p_late"], unit="D").to_period("Q").astype(str),
        }
    ).dropna()  # fmt: skip
    found = rows.groupby("quarter").mean()
    found.loc["all"] = rows[["predicted", "true"]].mean()
    return found.assign(gap=found["predicted"] - found["true"])
