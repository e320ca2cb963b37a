"""What do the curves of a report hold, as numbers? For pages that draw them in their own way.

Calibration: invoices in groups of equal count, what was predicted of each group and what came. Capacity: what a list
of so many invoices would have held, the likeliest first for the late ones, the most money at risk first for the money.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.measures import calibration_bins, capacity_curve
from training.scored import known_rows

POINTS = 21
"""Shares of the list at which a capacity curve is told: every twentieth."""
FEWEST_OF_A_MONTH = 100
"""A month with fewer known outcomes has no calibration curve of its own."""
BINS, BINS_OF_A_MONTH = 10, 5
PERFECT = "perfect"


def curves(scored: pd.DataFrame, target: str, models: list[str], unit: str | None) -> dict[str, Any]:
    """The curves of one horizon for some models, JSON-ready; money counts in `unit` only."""
    rows = known_rows(scored, target)
    late = rows[f"outcome_{target}"]
    if not len(rows):
        return {"calibration": {}, "calibration_by_month": {}, "capacity": {}}
    chances = {model: rows[f"{target}__{model}"] for model in models}
    return {
        "calibration": {model: _bins(p, late, BINS) for model, p in chances.items()},
        "calibration_by_month": {
            str(month): _bins(chances["model"][part.index], late[part.index], BINS_OF_A_MONTH)
            for month, part in rows.groupby(rows["as_of"].dt.strftime("%Y-%m"))
            if len(part) >= FEWEST_OF_A_MONTH
        },
        "capacity": {model: _capacity(p, rows, late, unit) for model, p in chances.items()}
        | {PERFECT: _capacity(late, rows, late, unit)},
    }


def _bins(chances: pd.Series, late: pd.Series, many: int) -> list[dict[str, float]]:
    told = calibration_bins(chances, late, many)
    return [
        {"rows": int(rows), "predicted": float(predicted), "observed": float(observed)}
        for rows, predicted, observed in told.itertuples(index=False)
    ]


def _capacity(
    chances: pd.Series, rows: pd.DataFrame, late: pd.Series, unit: str | None
) -> list[dict[str, float | None]]:
    """Late ones found, late among the listed, and late money caught, by the share of all that is listed."""
    found = np.concatenate([[0.0], late.to_numpy()[np.argsort(-chances.to_numpy(), kind="stable")].cumsum()])
    shares = np.linspace(0.0, 1.0, POINTS)
    listed = np.rint(shares * len(late)).astype(int)
    money = rows[rows["money_unit"] == unit].index
    caught = capacity_curve(chances[money], late[money], rows["money_amount"][money], POINTS)["caught"]
    return [
        {
            "listed": float(share),
            "late_found": float(found[many] / found[-1]) if found[-1] else None,
            "late_among_listed": float(found[many] / many) if many else None,
            "money_caught": None if np.isnan(money_caught) else float(money_caught),
        }
        for share, many, money_caught in zip(shares, listed, caught, strict=True)
    ]
