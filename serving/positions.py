"""Where do invoices stand in a book? Looked up in small steps, in an index that is made once for each book.

Looking up hundreds of thousands of texts at once holds up everybody else in the process: a page would wait a third of
a second for figures that are worked out beside it.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from features.history import History
from serving.lasting import once_each

STEP = 10_000
"""Ids that are looked up at once: some milliseconds."""


def positions_of(history: History, ids: pd.Series) -> np.ndarray:
    """Positions of invoice ids in a history, int64; -1 where unknown. The same as the history says itself."""
    index = index_of(history)
    found = [index.get_indexer(_index(ids.iloc[at : at + STEP])) for at in range(0, len(ids), STEP)]
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)


def position_of(history: History, invoice_id: str) -> int:
    """The same of one invoice."""
    try:
        return cast(int, index_of(history).get_loc(invoice_id))  # each id stands there once
    except KeyError:
        return -1


@once_each
def index_of(history: History) -> pd.Index:
    """The ids of a history's invoices, ready to be looked up in."""
    index = _index(history.tables["invoices"]["invoice_id"])
    index.get_indexer(index[:1])  # with the first question pandas makes its table of hashes
    return index


def _index(ids: pd.Series) -> pd.Index:
    return pd.Index(ids.to_numpy(dtype=object), dtype=object)
