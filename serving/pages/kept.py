"""What need not be worked out twice in the same moment? The worklist, while desk, model and policy stand."""

from __future__ import annotations

import threading

from serving.live import LiveScorer
from serving.office import Office
from serving.worklist import Worklist


class Kept:
    """The last list that was made; one makes it, the others wait for it instead of doing the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._list: tuple[LiveScorer, Worklist] | None = None

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places."""
        with self._lock:
            if self._list is None or self._list[0] is not live:
                self._list = (live, office.worklist(live))
            return self._list[1]
