"""What need not be worked out twice? The worklist of a moment."""

from __future__ import annotations

import threading

import pandas as pd

from serving.earlier_scores import EarlierScores
from serving.live import LiveScorer
from serving.office import Office
from serving.scoring import Scorer
from serving.similar import PastScores
from serving.worklist import Worklist


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._list: tuple[LiveScorer, Worklist] | None = None
        self._past: tuple[PastScores, EarlierScores] | None = None

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        with self._lock:
            if self._list is None or self._list[0] is not live:
                self._list = (live, office.worklist(live))
            return self._list[1]

    def past(self, office: Office) -> tuple[PastScores, EarlierScores]:
        """How such scores turned out, and what was said before, by the score log of the home."""
        # made without waiting for the list: two that were made at once read the same files
        self._past = self._past or (PastScores(office.desk.home), EarlierScores(office.desk.home))
        return self._past

    def rows(self, scorer: Scorer, table: str, customer_id: str) -> pd.DataFrame:
        """A customer's rows of a table of the book."""
        return scorer.facts.customer_rows.of(table, customer_id)
