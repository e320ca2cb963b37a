"""What need not be worked out twice? Whatever covers the book, once for each moment: the worklist first of all.

What follows from the books alone about some customers or one invoice is kept longer: a write at the desk makes the book
of those it touches anew, and leaves that of all others the very same object.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from serving.languages import language
from serving.live import LiveScorer
from serving.office import Office
from serving.pages.later import PATIENCE, Again, Later, Works
from serving.portfolio import LookedUp, OpenBook, open_book
from serving.scoring import Scorer
from serving.worklist import Worklist

log = logging.getLogger("bentoml.duecourse")
T = TypeVar("T")
Work = Callable[[Office, Scorer], Any]
"""What takes long and is of the whole book as it was loaded, whatever was written since."""
AT_ONCE = 0.02
"""Seconds that a page waits for what is being made ahead."""
MOST_OF_BOOKS = 500
"""Findings about customers and invoices that are kept; the one asked for longest ago gives way."""


class Kept:
    """One makes what is missing, the others wait for it instead of doing the same.

    A moment ends with the next write at the desk, with another model, policy or book. What such a write leaves as it
    was, the list for one, is not made again.
    """

    def __init__(self, looks_ahead: bool = False) -> None:
        """`looks_ahead`: with the first visit and after every form, what pages share is made before anybody asks."""
        self._looks_ahead = looks_ahead
        self.works: dict[str, Work] = {}
        """What takes long, by name, in the order in which it is worth doing."""
        self._ahead: tuple[Office, Scorer] | None = None
        self._seen: LiveScorer | None = None
        self._making_ahead = Again(self._make_ahead)
        self._lock = threading.Lock()
        self._making: dict[str, threading.RLock] = {}
        self._moment: LiveScorer | None = None
        self._made: dict[str, tuple[object, Any]] = {}
        self._looked_up: LookedUp | None = None
        patience = AT_ONCE if looks_ahead else PATIENCE
        self.later, self.checking = Later(patience), Later(patience)
        """What takes too long for one answer: of the loaded book, and the check of the audit log."""
        self._open_alerts: tuple[LiveScorer, int] | None = None
        self._of_books: OrderedDict[Hashable, tuple[tuple[Scorer, ...], Any]] = OrderedDict()
        self._books: tuple[Scorer | None, ...] = ()

    def once(self, of: object, name: str, make: Callable[[], T]) -> T:
        """What was made under this name of a moment (its LiveScorer) or of another object, or what `make` makes now."""
        making = self._lock_of(of, name)
        with making:  # who wants another thing does not wait here
            kept = self._made.get(name)
            if kept is not None and kept[0] is of:
                found: T = kept[1]
                return found
            made = make()
            with self._lock:
                if not isinstance(of, LiveScorer) or of is self._moment:
                    self._made[name] = (of, made)
            return made

    def _lock_of(self, of: object, name: str) -> threading.RLock:
        """The lock of a name; what was made of a moment that ended is forgotten."""
        with self._lock:
            if isinstance(of, LiveScorer) and of is not self._moment:
                self._moment = of
                self._made = {
                    each: made for each, made in self._made.items() if not isinstance(made[0], LiveScorer)
                }
            return self._making.setdefault(name, threading.RLock())

    def worked_out(self, office: Office, live: LiveScorer, *names: str) -> dict[str, Any]:
        """What these of the works found for the loaded book, or Waiting where they are being done."""
        return self.later.found(live.whole, self._works_of(office, live.whole, names), office.now())

    def _works_of(self, office: Office, whole: Scorer, names: Iterable[str]) -> Works:
        return {name: partial(self.works[name], office, whole) for name in names}

    def look_ahead(self, office: Office, scorer: Scorer, seen: LiveScorer | None = None) -> None:
        """Begin what the pages share: of the moment that a page has `seen`, or of a new one that a form began."""
        if self._looks_ahead and (seen is None or seen is not self._seen):
            self._ahead, self._seen = (office, scorer), seen
            self._making_ahead.ask()

    def _make_ahead(self) -> None:
        assert self._ahead is not None
        office, scorer = self._ahead
        try:
            self._seen = live = office.live(scorer)
            office.worklist(live)  # kept there: nobody who wants another thing waits here
            self.open_book(office, live)
            self.later.begin(live.whole, self._works_of(office, live.whole, self.works), office.now)
        except Exception:
            log.exception("what the pages share could not be made ahead")

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
        rows = made.left_out[made.left_out["case_id"] == case_id].to_dict(orient="records")
        return {str(name): value for name, value in rows[0].items()} if rows else None

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
