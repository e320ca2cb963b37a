"""How are score rows ordered, and how do they become plain objects?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd


def records(scored: pd.DataFrame | Mapping[str, Any]) -> list[dict[str, Any]]:
    """Score rows, as a table or its columns, as JSON-ready objects."""
    columns = {name: _json_ready(scored[name]) for name in map(str, scored)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _json_ready(column: Any) -> list[Any]:
    """The values of a column; days as ISO texts, missing ones None."""
    listed = column if isinstance(column, list) else column.tolist()
    values = [None if value is pd.NaT or value != value else value for value in listed]
    return [value.isoformat()[:10] if isinstance(value, date) else value for value in values]


def ranked(scored: pd.DataFrame, tiers: Sequence[str]) -> pd.DataFrame:
    """Score rows by tier from worst to best, then by money at risk, then by invoice id."""
    order = {tier: place for place, tier in enumerate(reversed(list(tiers)))}
    at_risk = scored["amount_open"].astype(float).fillna(0) * scored["p_late"]
    keys = scored.assign(_tier=scored["tier"].map(order), _risk=-at_risk)
    return keys.sort_values(["_tier", "_risk", "invoice_id"], kind="stable")[scored.columns]
