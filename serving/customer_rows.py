"""What does a book hold of one customer? Its rows in every table, found without walking the book.

From these rows a small ledger of the customer alone is made. With the book as context its history answers like the
book's, bit for bit, in the time of a few hundred rows: what stands behind a reason, and what would be if.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pandas as pd

from features.history import History
from features.ledger import Ledger
from serving.sorted_rows import Sorted


class CustomerRows:
    """The rows of every customer of a history by table; each table is sorted when it is first asked for."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._sorted: dict[str, Sorted] = {}
        self._lock = threading.Lock()

    def of(self, table: str, customer_id: str) -> pd.DataFrame:
        """A customer's rows of a table, in the table's order."""
        codes = self.history.customer_codes(pd.Series([customer_id], dtype="str"))
        by_customer = self._by_customer(table)
        begin, end = (int(np.searchsorted(by_customer.keys, codes[0] + step)) for step in (0, 1))
        picked = by_customer.rows[begin:end] if codes[0] >= 0 else by_customer.rows[:0]
        return self.history.tables[table].iloc[picked]

    def ledger(self, customer_id: str) -> Ledger:
        """Everything about one customer, with all exchange rates."""
        tables = {
            name: self.of(name, customer_id).reset_index(drop=True) if "customer_id" in frame else frame
            for name, frame in self.history.tables.items()
        }
        return replace(self.history.ledger, tables=tables)

    def alone(self, customer_id: str) -> History:
        """The history of one customer; totals of groups, segments and the book stay the book's."""
        return History(self.ledger(customer_id), self.history.rule, context=self.history.context)

    def _by_customer(self, table: str) -> Sorted:
        with self._lock:  # one sorts, the others wait for it instead of doing the same
            if table not in self._sorted:
                ids = self.history.tables[table]["customer_id"]
                self._sorted[table] = Sorted.of(self.history.customer_codes(ids))
            return self._sorted[table]
