"""What need not be worked out twice? Whatever covers the book, once for each moment: the worklist first of all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from serving.earlier_scores import EarlierScores
from serving.live import LiveScorer
from serving.office import Office
from serving.pages.later import Later
from serving.portfolio import LookedUp, OpenBook, open_book
from serving.similar import PastScores
from serving.worklist import Worklist

T = TypeVar("T")


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same.

    A moment ends with the next write at the desk, with another model, policy or book. What such a write leaves as it
    was, the list for one, is not made again.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._moment: LiveScorer | None = None
        self._made: dict[str, tuple[object, Any]] = {}
        self._looked_up: LookedUp | None = None
        self.later, self.checking = Later(), Later()
        """What takes too long for one answer: of the loaded book, and the check of the audit log."""
        self._open_alerts: tuple[LiveScorer, int] | None = None
        self._past: tuple[PastScores, EarlierScores] | None = None

    def once(self, of: object, name: str, make: Callable[[], T]) -> T:
        """What was made under this name of a moment (its LiveScorer) or of another object, or what `make` makes now."""
        with self._lock:
            if isinstance(of, LiveScorer) and of is not self._moment:
                self._moment = of
                self._made = {
                    each: made for each, made in self._made.items() if not isinstance(made[0], LiveScorer)
                }
            if name not in self._made or self._made[name][0] is not of:
                self._made[name] = (of, make())
            found: T = self._made[name][1]
            return found

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        return self.once(live, "worklist", lambda: office.worklist(live))

    def left_out(self, office: Office, live: LiveScorer) -> dict[str, dict[str, Any]]:
        """Every case that is not on that list, by its number, and why."""

        made = self.worklist(office, live)

        def by_case() -> dict[str, dict[str, Any]]:
            rows = made.left_out.to_dict(orient="records")
            return {str(row["case_id"]): {str(name): value for name, value in row.items()} for row in rows}

        return self.once(made, "left_out", by_case)

    def open_alerts(self, office: Office, live: LiveScorer) -> int:
        """How many alerts nobody has taken up yet."""
        # every page shows it, so none waits here for a list that is being made for another
        kept = self._open_alerts
        if kept is None or kept[0] is not live:
            kept = self._open_alerts = (live, office.desk.counts("alerts").get("open", 0))
        return kept[1]

    def open_book(self, office: Office, live: LiveScorer) -> OpenBook:
        """The open invoices of the moment as the portfolio looks at them."""

        def made() -> OpenBook:
            if self._looked_up is None or self._looked_up.whole is not live.whole:
                self._looked_up = LookedUp(live.whole)
            return open_book(live, items, self._looked_up)

        items = office.items(live)
        return self.once(items, "open_book", made)

    def past(self, office: Office) -> tuple[PastScores, EarlierScores]:
        """How such scores turned out, and what was said before, by the score log of the home; it outlasts moments."""
        # made without waiting for a list: two that were made at once read the same files
        self._past = self._past or (PastScores(office.desk.home), EarlierScores(office.desk.home))
        return self._past
