"""Has anything recorded about a customer changed since some day? Sums of row hashes, table by table.

A digest depends on the rows alone, not on their order: two views of the same facts have the same one. It tells
facts that came late, or were changed, from a fault of the code that read them.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from features.ledger.book import Ledger, lasting
from features.ledger.tables import TABLES


def customer_digests(ledger: Ledger, before: date) -> pd.DataFrame:
    """Of every customer and table that has any row known before a day; uint64, indexed by customer_id.

    Undated customers count only with what does not change.
    """
    known = _known(ledger, before)
    columns = {
        name: pd.Series(_row_hashes(name, frame)).groupby(frame["customer_id"].to_numpy()).sum()
        for name, frame in known.items()
        if "customer_id" in frame and len(frame)
    }
    index = pd.Index(sorted({str(one) for column in columns.values() for one in column.index}), dtype="str")
    frames = {name: column.reindex(index, fill_value=np.uint64(0)) for name, column in columns.items()}
    return pd.DataFrame(frames, index=index).astype(np.uint64)


def table_digests(ledger: Ledger, before: date) -> dict[str, dict[str, str | int]]:
    """`rows` and `digest` of every table that has any row known before a day."""
    return {
        name: {"rows": len(frame), "digest": f"{int(_row_hashes(name, frame).sum()):016x}"}
        for name, frame in _known(ledger, before).items()
        if len(frame)
    }


def _known(ledger: Ledger, before: date) -> dict[str, pd.DataFrame]:
    known = ledger.known_before(before).tables
    return known | {"customers": lasting(known["customers"], known["invoices"])}


def _row_hashes(name: str, frame: pd.DataFrame) -> np.ndarray:
    """One number per row; it wraps around when summed."""
    columns = [column.name for column in TABLES[name].on_disk]
    return pd.util.hash_pandas_object(frame[columns], index=False).to_numpy(np.uint64)
