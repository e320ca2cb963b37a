"""What does a request see, and how does it write? The book of this moment, the desk beside it, and the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import numpy as np

from features.ledger import Ledger
from serving.book import book_day, joined
from serving.desk import Actor, Desk, Writing, request_digest
from serving.earlier_scores import EarlierScores
from serving.live import Live, LiveScorer
from serving.policy import Policy
from serving.profile import Declared
from serving.roles import Caller
from serving.scoring import Scorer
from serving.similar import PastScores
from serving.since import Since, since
from serving.sorted_rows import Sorted, numbered
from serving.tiers import KIND as TIER_CHANGES
from serving.tiers import Tiers, kept_changes, tiers_at, tiers_now
from serving.worklist import About, Items, Worklist, items_of
from serving.worklist.items import items_now
from serving.worklist.memory import Remembered, list_before, waited_before
from serving.worklist.told import KINDS, Told, told

T = TypeVar("T")
Changes = list[dict[str, Any]]
EVERYBODY = 10**9
"""A capacity that leaves nobody out for want of a place."""


@dataclass(frozen=True)
class Answer:
    """What a write answers with; kept under its idempotency key."""

    status: int
    content: Any
    version: int | None = None
    """Of the record it made or changed: its ETag."""
    is_repeated: bool = False
    """Whether the same request was answered before and did nothing this time."""


class Latest(Generic[T]):
    """What was made last, kept while it is asked for of the very same objects: their large columns are not read.

    One makes it, the others wait for it instead of doing the same.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], T] | None = None
        self._lock = threading.Lock()

    def of(self, make: Callable[[], T], *objects: object) -> T:
        """What was made of these objects, or what `make` makes now."""
        with self._lock:
            kept = self._kept
            if kept is None or any(each is not now for each, now in zip(kept[0], objects, strict=True)):
                kept = self._kept = (objects, make())
            return kept[1]


class Office:
    """The desk and the book side by side; safe to share between threads."""

    def __init__(
        self,
        desk: Desk,
        export: Ledger,
        now: Callable[[], datetime],
        follows_policy: bool = True,
        place: str = "",
    ) -> None:
        """`place` is where the export lies: lists of the days before are remembered by it."""
        self.desk, self.now = desk, now
        # First the number, then the rows: what comes in between is read twice, and never missed.
        since = desk.sequence()
        recorded = desk.ledger_rows()
        self.ledger = joined(export, recorded)
        """The export and what the desk held at the start: what the Scorer of the whole book is made of."""
        self.book_day = book_day(export, recorded)
        """The day that is worked on, where nobody names another."""
        self.place = place
        self.past, self.earlier = PastScores(desk.home), EarlierScores(desk.home)
        """How such scores turned out, and what was said before, by the score log of the home."""
        self._items: list[tuple[Scorer, Items]] = []
        self._items_now: tuple[LiveScorer, Items] | None = None
        self._items_lock = threading.RLock()
        self._tiers, self._whole_tiers = Latest[Tiers | None](), Latest[Tiers | None]()
        self._rows = Latest[tuple[dict[str, int], Sorted]]()
        self._worklist = Latest[Worklist]()
        self._before: Remembered | None = None
        self._told: tuple[tuple[int, date], Told] | None = None
        self._changes: tuple[int, Changes] | None = None
        self._live = Live(export, desk, since, follows_policy)

    def live(self, scorer: Scorer) -> LiveScorer:
        """The scorer of this moment."""
        return self._live.over(scorer)

    def worklist(
        self,
        live: LiveScorer,
        capacity: int | None = None,
        by_skill: Mapping[str, int] | None = None,
        about: About | None = None,
    ) -> Worklist:
        """The list of the book day, or what it says of some cases; ValueError for roles the policy does not have."""
        found, items, tiers = self.told(live.as_of), self.items(live), self.tiers(live)
        before = self._list_before(live.as_of)

        def make() -> Worklist:
            return Worklist.make(
                live,
                capacity=capacity,
                by_skill=by_skill,
                states=found.states,
                waited=before.waited if before else {},
                declared=found.declared,
                last_reviewed=found.last_reviewed,
                items=items,
                tiers=tiers,
                about=about,
            )

        is_usual = capacity is None and not by_skill and about is None
        return self._worklist.of(make, items, found, tiers, before) if is_usual else make()

    def _list_before(self, day: date) -> Remembered | None:
        """The list remembered before a day; the same object as long as it says the same."""
        found = list_before(self.desk.home, self.place, day)
        if found != self._before:
            self._before = found
        return self._before

    def list_under(self, live: LiveScorer, policy: Policy) -> Worklist:
        """The list of the book day as another policy would make it, with its own capacity; nothing is changed.

        It is told without the model's reasons and the habits of its customers.
        """
        part = None if live.part is None else live.part.with_policy(policy)
        other = replace(live, whole=live.whole.with_policy(policy), part=part)
        found = self.told(live.as_of)
        items = items_now(other, live.as_of, found.declared, None)
        return Worklist.of(
            items,
            policy,
            live.as_of,
            states=found.states,
            waited=waited_before(self.desk.home, self.place, live.as_of),
            last_reviewed=found.last_reviewed,
            tiers=tiers_at(other, items, self._changes_of_tiers()),
        )

    def case(self, live: LiveScorer, case_id: str) -> Worklist:
        """What the list of the book day says of one case, as if there were a place for it; no other is looked at.

        It is told without the model's reasons and the habits of its customers.
        """
        found = self.told(live.as_of)
        return Worklist.of(
            self.items_of(live, case_id),
            live.whole.policy,
            live.as_of,
            EVERYBODY,
            states=found.states,
            last_reviewed=found.last_reviewed,
            tiers=self.tiers(live),
        )

    def items_of(self, live: LiveScorer, case_id: str) -> Items:
        """The open invoices of one case with the decisions on them."""
        items = self.items(live)
        names, by_case = self._rows.of(lambda: _by_case(items), items)
        place = names.get(case_id, -1)
        begin, end = np.searchsorted(by_case.keys, [place, place + 1])
        return items.at(by_case.rows[begin:end])

    def since(self, live: LiveScorer, made: Worklist) -> Since:
        """What changed since the list of the day before."""
        before = list_before(self.desk.home, self.place, live.as_of)
        return since(live, made, before, self.tiers(live))

    def prepare(self, scorer: Scorer) -> None:
        """Decide on every open invoice of the whole book and read the score log, so that no caller waits for it."""
        self.worklist(self.live(scorer), 0)
        self.past.read(scorer.facts, scorer.model, scorer.as_of)
        self.earlier.read(scorer.as_of)

    def told(self, day: date) -> Told:
        """What people told the desk that orders a day: case states, reviews, pay runs and channels."""
        asked = (self.desk.latest(*KINDS), day)
        kept = self._told
        if kept is None or kept[0] != asked:
            found = told((record for kind in KINDS for record in self.desk.find(kind)), day)
            kept = self._told = (asked, found)
        return kept[1]

    def _changes_of_tiers(self) -> Changes:
        """The changes of tiers that the desk keeps, read anew only where one was written."""
        latest = self.desk.latest(TIER_CHANGES)
        kept = self._changes
        if kept is None or kept[0] != latest:
            kept = self._changes = (latest, kept_changes(self.desk))
        return kept[1]

    def items(self, live: LiveScorer) -> Items:
        """The open invoices of this moment with the decisions on them."""
        with self._items_lock:  # one decides, the others wait for it instead of doing the same
            kept = self._items_now
            if kept is None or not kept[0].is_like(live):
                declared = self.told(live.as_of).declared
                whole = self._kept_items(live.whole, declared)
                kept = self._items_now = (live, items_now(live, live.as_of, declared, whole))
            return kept[1]

    def tiers(self, live: LiveScorer) -> Tiers | None:
        """The tiers of customers and groups at this moment; None where the policy has none."""
        items, changes = self.items(live), self._changes_of_tiers()

        def make() -> Tiers | None:
            return tiers_now(live, items, changes, self._tiers_of_whole(live.whole, changes))

        return self._tiers.of(make, items, changes)

    def _tiers_of_whole(self, whole: Scorer, changes: Changes) -> Tiers | None:
        """Those of the whole book, as it was loaded: only customers of whom the desk knows more are looked at again."""
        items = self._kept_items(whole, self.told(whole.as_of).declared)
        return self._whole_tiers.of(lambda: tiers_at(whole, items, changes), items, changes)

    def _kept_items(self, whole: Scorer, declared: Declared) -> Items:
        """The open invoices of the whole book, decided once: the part the desk knows more of is decided anew.

        Those of the Scorer before stay beside them: it answers on until a prepared one takes its place.
        """
        with self._items_lock:
            for scorer, items in self._items:
                if scorer is whole:
                    return items
            items = items_of(whole, whole.as_of, declared)
            self._items = [(whole, items), *self._items[:1]]
            return items

    def write(
        self, caller: Caller, request: tuple[Any, ...], key: str, act: Callable[[Writing], Answer]
    ) -> Answer:
        """What `act` did in one transaction, or what the same request under the same key was answered before.

        Whatever `act` raises leaves nothing behind.
        """
        digest = request_digest(*request)
        with self.desk.writing(actor_of(caller), self.now()) as writing:
            before = writing.once(key, digest)
            if before is not None:
                return Answer(before["status"], before["content"], before["version"], is_repeated=True)
            answer = act(writing)
            kept = {"status": answer.status, "content": answer.content, "version": answer.version}
            writing.remember(key, digest, kept)
        return answer


def actor_of(caller: Caller) -> Actor:
    """The caller as the desk's audit log names it."""
    return Actor(caller.name, caller.role)


def _by_case(items: Items) -> tuple[dict[str, int], Sorted]:
    """The number of each case, and the rows of items by it."""
    names, code = numbered(items.case_id)
    return {name: n for n, name in enumerate(names.tolist())}, Sorted.of(code)
