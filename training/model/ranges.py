"""Between which probabilities may each one lie? The range beside every probability, by evidence.

It always holds the probability, never falls as the score rises, and is the probability itself once decided.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.catalogue.habit import PRIOR_INVOICES
from training.model.risk_model import OWN_RATE, HorizonModel, RiskModel
from training.model.uncertainty import rate_range

PRIOR_LATE_INVOICES = 4
"""So many late invoices of the whole book weigh in a customer's share of lateness that goes on."""

Range = tuple[np.ndarray, np.ndarray]


def ranges(model: RiskModel, values: np.ndarray, given: pd.DataFrame) -> dict[str, Range]:
    """Low and high, each of shape (n,), of every target's probabilities `given` for feature rows `values`.

    Boosted horizons: what such scores turned out to be, from the lowest past block of time to the highest.
    The others: the middle 80 % of the belief about the smoothed rate that they are.
    """
    waited, evidence = _column(model, values, "days_past_due"), model.evidence(values)
    found: dict[str, Range] = {}
    shorter: HorizonModel | None = None
    for horizon in model.horizons:
        if shorter is not None and horizon.days == shorter.days:
            found[horizon.target] = found[shorter.target]
        else:
            before = (np.ones(len(values)),) * 2 if shorter is None else found[shorter.target]
            low, high = _range(model, horizon, before, values, evidence)
            p, decided = given[horizon.target].to_numpy(), waited > horizon.days
            low = np.where(decided, p, np.minimum(low, p))
            found[horizon.target] = low, np.where(decided, p, np.maximum(high, p))
        shorter = horizon
    return found


def _range(
    model: RiskModel, horizon: HorizonModel, before: Range, values: np.ndarray, evidence: np.ndarray
) -> Range:
    if horizon.uncertainty is not None:
        return horizon.uncertainty.at(model.raw(horizon, values), evidence)
    known = np.maximum(_column(model, values, "matured_count"), 0)
    if horizon.kind == "rate":
        return rate_range(_column(model, values, OWN_RATE[horizon.target]), known + PRIOR_INVOICES)
    late = known * _column(model, values, OWN_RATE["p_late"])
    share, left = model.goes_on(horizon, values)
    low, high = rate_range(share, late + PRIOR_LATE_INVOICES)
    return before[0] * low**left, before[1] * high**left


def _column(model: RiskModel, values: np.ndarray, name: str) -> np.ndarray:
    return values[:, model.features.names.index(name)]
