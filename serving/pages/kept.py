"""What need not be worked out twice? The worklist of a moment, and where each customer's rows lie in a book."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd

from serving.live import LiveScorer
from serving.office import Office
from serving.pages.later import Later
from serving.portfolio import LookedUp, OpenBook, open_book
from serving.scoring import Scorer
from serving.sorted_rows import Sorted
from serving.worklist import Worklist

MOST_BOOKS = 4
"""Books whose tables stay sorted: the whole one, and the parts that writes of the last moments changed."""


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._list: tuple[LiveScorer, Worklist] | None = None
        self._sorted: dict[int, tuple[Scorer, dict[str, Sorted]]] = {}
        self._open: tuple[LiveScorer, OpenBook] | None = None
        self._looked_up: LookedUp | None = None
        self.later = Later()

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        with self._lock:
            if self._list is None or self._list[0] is not live:
                self._list = (live, office.worklist(live))
            return self._list[1]

    def open_book(self, office: Office, live: LiveScorer) -> OpenBook:
        """The open invoices of the moment as the portfolio looks at them."""
        with self._lock:
            if self._looked_up is None or self._looked_up.whole is not live.whole:
                self._looked_up = LookedUp(live.whole)
            if self._open is None or self._open[0] is not live:
                self._open = (live, open_book(live, office.items(live), self._looked_up))
            return self._open[1]

    def rows(self, scorer: Scorer, table: str, customer_id: str) -> pd.DataFrame:
        """A customer's rows of a table of the book."""
        codes = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
        by_customer = self._by_customer(scorer, table)
        begin, end = (int(np.searchsorted(by_customer.keys, codes[0] + step)) for step in (0, 1))
        picked = by_customer.rows[begin:end] if codes[0] >= 0 else by_customer.rows[:0]
        return scorer.history.tables[table].iloc[picked]

    def _by_customer(self, scorer: Scorer, table: str) -> Sorted:
        history = scorer.history
        with self._lock:
            if id(history) not in self._sorted or self._sorted[id(history)][0].history is not history:
                while len(self._sorted) >= MOST_BOOKS:
                    # not the oldest: that is the whole book, which all answers share
                    del self._sorted[list(self._sorted)[min(1, len(self._sorted) - 1)]]
                self._sorted[id(history)] = (scorer, {})
            known = self._sorted[id(history)][1]
            if table not in known:
                known[table] = Sorted.of(history.customer_codes(history.tables[table]["customer_id"]))
            return known[table]
