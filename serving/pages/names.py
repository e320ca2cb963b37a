"""What are these customers called? The newest name known, of many at once."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from features.days import day_number
from serving.live import LiveScorer


def names_of(live: LiveScorer, customer_ids: Collection[str]) -> dict[str, str]:
    """The name of each customer; '' where nobody knows one."""
    found: dict[str, str] = dict.fromkeys(customer_ids, "")
    for scorer in (live.whole, live.part):
        if scorer is None:
            continue
        ids = [each for each in customer_ids if live.of_customer(each) is scorer]
        codes = scorer.history.customer_codes(pd.Series(ids, dtype="str"))
        known = np.flatnonzero(codes >= 0)
        names = scorer.facts.master(codes[known], day_number(live.as_of) + 1)["name"].tolist()
        found |= {ids[at]: str(name) for at, name in zip(known.tolist(), names, strict=True)}
    return found
