"""From how much history on does a model of one's own pay? `python -m tests.learning_curve --seeds 6`

Simulated tenants of worlds that the shipped prior has not seen. One day divides each book; invoices issued in the
two months after it are judged. A tenant whose export begins one month before that day knows less than one whose
export begins a year before it, so every length of history is judged on the same invoices.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from data_samples import simulator
from data_samples.simulator.random_worlds import drawn_world, recorded
from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger
from training.baselines import Baselines
from training.cohort import ask, issued_between, replay
from training.contenders import FirstHorizon, first_horizon
from training.model.fitting import Lesson, fit_horizon, lesson
from training.prior import shipped_prior
from training.settings import TrainingSettings

MONTHS = (1, 2, 3, 6, 9, 12)
JUDGED_DAYS, MATURING_DAYS = 61, 75
BOOK_MONTHS = 17
"""A year before the day that divides the book, the judged invoices, and the time in which they mature."""
OWN = {"use_prior": False, "fewest_late_to_fit": 10, "fewest_late_to_calibrate": 5}
"""Settings under which trees of one's own are grown from whatever there is."""
STEPS = (0, 50, 100, 200, 300, 500, 1000, 10**9)
"""Matured late invoices by which tenants are put together in the second table."""
NAMES = ("prior", "updated", "own", "customer_rate", "logistic")


def tenant(seed: int, customers: int) -> Ledger:
    """A simulated book of a world of its own, kept as some company might keep it."""
    book = simulator.simulate(customers, BOOK_MONTHS, seed, world=drawn_world(seed), futures=0)
    return Ledger.from_tables(recorded(book.tables, seed))


def begun_on(ledger: Ledger, day: date) -> Ledger:
    """The ledger of a company whose export begins on a day: invoices issued from then on, and what concerns them."""
    first = pd.Timestamp(day)
    invoices = ledger.tables["invoices"]
    kept = set(invoices.loc[invoices["issued_on"] >= first, "invoice_id"])

    def is_exported(table: pd.DataFrame) -> pd.Series:
        is_late_enough = table["known_on"] >= first
        if "invoice_id" not in table:
            return is_late_enough
        return table["invoice_id"].isin(kept) | (table["invoice_id"].isna() & is_late_enough)

    tables = {
        name: table if name == "customers" else table[is_exported(table)].reset_index(drop=True)
        for name, table in ledger.tables.items()
    }
    return replace(ledger, tables=tables)


def judged(ledger: Ledger, cut: date, settings: TrainingSettings) -> dict[str, float]:
    """AUC and log loss of every candidate taught before `cut`, on invoices issued just after it."""
    history, latest = History(ledger), ledger.latest_fact
    assert latest is not None
    target = first_horizon(history.rule)[0]
    known = replay(history, cut)
    values = CATALOGUE.compute(history, known.rows, known.as_of)
    taught = lesson(known, values, target, day_number(cut), settings.most_rows)
    asked = issued_between(history, cut, cut + timedelta(days=JUDGED_DAYS))
    cohort = ask(history, *asked, latest)
    rows = CATALOGUE.compute(history, cohort.rows, cohort.as_of)
    late = cohort.outcomes[target]
    given = predictions(taught, rows, history, settings)
    found = {"late_invoices": float(taught.late_invoices()), "judged": float((~np.isnan(late)).sum())}
    for name, p in given.items():
        found |= measured(name, late, p)
    return found


def predictions(
    taught: Lesson, rows: np.ndarray, history: History, settings: TrainingSettings
) -> dict[str, np.ndarray]:
    """What each candidate says of the rows; `own` is NaN where not even a few were late."""
    target, days = first_horizon(history.rule)
    never_own = settings.model_copy(update={"fewest_late_to_leave_prior": 10**9})
    recipes = {
        "prior": never_own.model_copy(update={"prior_rows": 1e12}),
        "updated": never_own,
        "own": settings.model_copy(update=OWN),
    }
    given = {}
    for name, recipe in recipes.items():
        prior = shipped_prior() if recipe.use_prior else None
        model, _ = fit_horizon(target, taught, [], CATALOGUE, recipe, days, prior=prior)
        given[name] = FirstHorizon(model, CATALOGUE).predict(rows)[target].to_numpy()
        if model.booster is None:
            given[name] = np.full(len(rows), np.nan)
    simple = Baselines(target, taught, CATALOGUE, history.rule).predict(rows)
    return given | {name: simple[name] for name in ("customer_rate", "logistic")}


def measured(name: str, late: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """AUC and log loss of the rows with a known outcome; NaN for a candidate that could not be made."""
    known = ~np.isnan(late)
    if np.isnan(p).all():
        return {f"auc_{name}": float("nan"), f"loss_{name}": float("nan")}
    clipped = np.clip(p[known], 1e-4, 1 - 1e-4)
    return {
        f"auc_{name}": float(roc_auc_score(late[known], clipped)),
        f"loss_{name}": float(log_loss(late[known], clipped, labels=[0, 1])),
    }


def curve(
    seeds: Iterable[int], customers: int, months: Sequence[int], settings: TrainingSettings
) -> pd.DataFrame:
    """One line per tenant and length of history."""
    lines = []
    for seed in seeds:
        ledger = tenant(seed, customers)
        latest = ledger.latest_fact
        assert latest is not None
        cut = latest - timedelta(days=JUDGED_DAYS + MATURING_DAYS)
        for length in months:
            begins = (pd.Timestamp(cut) - pd.DateOffset(months=length)).date()
            found = judged(begun_on(ledger, begins), cut, settings)
            lines.append({"seed": seed, "months": length} | found)
    return pd.DataFrame(lines)


def told(found: pd.DataFrame) -> list[str]:
    """Means by months of history, and by matured late invoices: where do trees of one's own pay?"""
    head = "".join(f"{name:>16}" for name in NAMES)
    lines = [
        f"AUC / log loss, means over tenants, and how often own trees beat the prior updated\n{'months':>14}{head}"
    ]
    lines += [f"{months:14}{_cells(rows)}" for months, rows in found.groupby("months")]
    lines.append(f"{'late known':>14}{head}")
    steps = pd.cut(
        found["late_invoices"], STEPS, right=False, labels=[f"{step} and more" for step in STEPS[:-1]]
    )
    lines += [f"{step:>14}{_cells(rows)}" for step, rows in found.groupby(steps, observed=True)]
    return lines


def _cells(rows: pd.DataFrame) -> str:
    """Means of the lines that have every candidate, so that candidates are compared on the same tenants."""
    whole = rows.dropna()
    means = (f"{whole[f'auc_{name}'].mean():.3f} / {whole[f'loss_{name}'].mean():.3f}" for name in NAMES)
    wins = int((whole["loss_own"] < whole["loss_updated"]).sum())
    return "".join(f"{mean:>16}" for mean in means) + f"   {wins} of {len(whole)}"


def main() -> None:
    """Print both tables, and every tenant's own lines where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="tenants, from seed 1 on")
    parser.add_argument("--customers", type=int, default=150)
    parser.add_argument("--output", help="a CSV file for the figures of every tenant")
    given = parser.parse_args()
    found = curve(range(1, given.seeds + 1), given.customers, MONTHS, TrainingSettings())
    if given.output:
        found.to_csv(given.output, index=False)
    print(*told(found), sep="\n")


if __name__ == "__main__":
    main()
