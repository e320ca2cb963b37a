"""What about a history should somebody know before they trust a model of it?"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from features.catalogue import CATALOGUE
from features.days import day_number
from features.featureset import FeatureSet
from features.history import History
from training.cohort import Cohort, ask, issued_between
from training.model import RiskModel
from training.model.silence import silences

RECENT_DAYS = 28
"""A column that has said nothing for so long has fallen silent."""
EARLIER_DAYS = 365
MOST_ROWS = 6_000
"""So many invoices are enough to see whether a column says something; of more, every second and so on."""


def training_oddities(history: History, cut: date, features: FeatureSet = CATALOGUE) -> list[str]:
    """Sentences on what was known before `cut`: one outcome only, and columns that have fallen silent."""
    cohort = ask(history, *issued_between(history, cut - timedelta(days=EARLIER_DAYS), cut), cut)
    cohort = cohort.where(np.arange(len(cohort)) % (len(cohort) // MOST_ROWS + 1) == 0)
    values = features.compute(history, cohort.rows, cohort.as_of)
    recent = cut - timedelta(days=RECENT_DAYS)
    is_recent = cohort.as_of >= day_number(recent)
    return _one_outcome(cohort) + _fallen_silent(features, values[~is_recent], values[is_recent], recent)


def scoring_oddities(model: RiskModel, history: History, as_of: date) -> list[str]:
    """Sentences on columns that were alive in the model's sample and say nothing in the latest invoices."""
    recent = as_of - timedelta(days=RECENT_DAYS)
    rows, asked = issued_between(history, recent, as_of)
    rows, asked = rows[-MOST_ROWS:], asked[-MOST_ROWS:]
    values = model.features.compute(history, rows, asked)
    return _fallen_silent(model.features, model.sample.to_numpy(np.float64), values, recent)


def _fallen_silent(features: FeatureSet, before: np.ndarray, recent: np.ndarray, since: date) -> list[str]:
    mend = f"Look at what fills it: was a feed lost since {since}, or a column of the export?"
    return [f"{silence}. {mend}" for silence in silences(features.names, before, recent)]


def _one_outcome(cohort: Cohort) -> list[str]:
    """Whether everybody, or nobody, of the matured invoices was late: there is nothing to tell apart."""
    target, days = next(iter(cohort.history.rule.horizons.items()))
    known = cohort.outcomes[target][~np.isnan(cohort.outcomes[target])]
    if not len(known) or 0 < known.sum() < len(known):
        return []
    who = "every one" if known.all() else "none"
    said = f"{who} of {len(known):,} matured invoices was more than {days} days late"
    mend = "Check paid_on and due_on, or choose another --late-after: a model has nothing to tell apart here."
    return [f"{said}. {mend}"]
