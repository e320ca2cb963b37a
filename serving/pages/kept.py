"""What need not be worked out twice? The worklist of a moment."""

from __future__ import annotations

import threading

import pandas as pd

from serving.live import LiveScorer
from serving.office import Office
from serving.scoring import Scorer
from serving.worklist import Worklist


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._list: tuple[LiveScorer, Worklist] | None = None

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        with self._lock:
            if self._list is None or self._list[0] is not live:
                self._list = (live, office.worklist(live))
            return self._list[1]

    def rows(self, scorer: Scorer, table: str, customer_id: str) -> pd.DataFrame:
        """A customer's rows of a table of the book."""
        return scorer.facts.customer_rows.of(table, customer_id)
