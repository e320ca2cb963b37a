"""What need not be worked out twice? Whatever covers the book, once for each moment: the worklist first of all.

What follows from the books alone about some customers or one invoice is kept longer: a write at the desk makes the book
of those it touches anew, and leaves that of all others the very same object.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from serving.languages import language
from serving.live import LiveScorer
from serving.office import Office
from serving.pages.later import Later
from serving.portfolio import LookedUp, OpenBook, open_book
from serving.scoring import Scorer
from serving.worklist import Worklist

T = TypeVar("T")
MOST_OF_BOOKS = 2_000
"""Findings about customers and invoices that are kept; the one asked for longest ago gives way."""


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
        self._of_books: OrderedDict[Hashable, tuple[tuple[Scorer, ...], Any]] = OrderedDict()
        self._books: tuple[Scorer | None, ...] = ()

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

    def of_books(
        self, live: LiveScorer, scorers: Sequence[Scorer], question: Hashable, make: Callable[[], T]
    ) -> T:
        """What was found under this question in these books, or what `make` finds now, in the books and nowhere else.

        Whoever takes it must not change it. Two who ask at once may both find it: it is the same.
        """
        used = tuple(scorers)
        key = (tuple(map(id, used)), language(), question)
        with self._lock:
            self._leave_books(live)
            if key in self._of_books:
                self._of_books.move_to_end(key)
                found: T = self._of_books[key][1]
                return found
        made = make()
        with self._lock:
            if all(any(each is book for book in self._books) for each in used):
                self._of_books[key] = (used, made)
                while len(self._of_books) > MOST_OF_BOOKS:
                    self._of_books.popitem(last=False)
        return made

    def _leave_books(self, live: LiveScorer) -> None:
        """Forget what was found in books that gave way to others: it would hold them in memory."""
        books = (live.whole, live.part)
        if all(a is b for a, b in zip(self._books, books, strict=False)) and self._books:
            return
        self._books = books
        kept = self._of_books.items()
        self._of_books = OrderedDict(
            (key, each) for key, each in kept if all(any(one is book for book in books) for one in each[0])
        )

    def worklist(self, office: Office, live: LiveScorer) -> Worklist:
        """The list of the book day with the policy's places, while desk, model and policy stand."""
        return self.once(live, "worklist", lambda: office.worklist(live))

    def left_out(self, office: Office, live: LiveScorer, case_id: str) -> dict[str, Any] | None:
        """Why a case is not on that list; None where it is, or where nothing of it is open."""
        made = self.worklist(office, live)
        left = made.left_out
        places = self.once(
            made, "left_out", lambda: {name: n for n, name in enumerate(left["case_id"].tolist())}
        )
        if case_id not in places:
            return None
        (row,) = left.iloc[[places[case_id]]].to_dict(orient="records")
        return {str(name): value for name, value in row.items()}

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
