"""How does a write at the desk change the very next answer, in a book of any size?

The Scorer of the whole book is made once. When the desk has grown, the customers it has grown by (and those of
their groups) are read again into a small ledger of all that changed, with the book's totals as context; an
invoice scored alone has the bits it has in the book, so nobody can tell the difference. An answer is given by
one `LiveScorer`, a snapshot: what comes in while it is worked out counts for the next.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import day_number
from features.ledger import Ledger, minor_digits
from serving.book import customers_of, part_of, with_customers
from serving.desk.checks import InvoiceFacts
from serving.desk.errors import DeskUnavailable
from serving.desk.kinds import LEDGER_KINDS
from serving.desk_facts import KINDS as DESK_KINDS
from serving.desk_facts import facts_at_desk
from serving.in_force import policy_of
from serving.lasting import once_each
from serving.scoring import Scorer
from serving.sorted_rows import among

if TYPE_CHECKING:
    from serving.desk import Desk
    from serving.policy import Policy
    from training.model import Explanation

MOST_REPLACED_INVOICES = 50_000
"""Parts of so many invoices may await being given back: a few hundred megabytes."""

log = logging.getLogger("bentoml.duecourse")
SCORED_BY = (*LEDGER_KINDS, *DESK_KINDS)
"""The kinds of records that scores and decisions depend on."""


@dataclass(frozen=True)
class Groups:
    """Who belongs to whom: of every customer its parent, if it has one, and the members of every group by its head."""

    parents: Mapping[str, str | None]
    members: Mapping[str, list[str]]

    @classmethod
    def of(cls, parents: Mapping[str, str | None]) -> Groups:
        """The groups of customers with these parents."""
        found: dict[str, set[str]] = {}
        for each, parent in parents.items():
            if parent is not None:
                found.setdefault(_top(each, parents), set()).add(each)
        return cls(parents, {head: sorted(of | ({head} & parents.keys())) for head, of in found.items()})


@dataclass(frozen=True)
class LiveScorer:
    """One moment's scorer: `whole` for most customers, `part` for those of whom the desk knows more."""

    whole: Scorer
    part: Scorer | None
    changed: frozenset[str]
    """Customers that `part` answers for."""
    open_scores: Callable[[Scorer, date, bool], pd.DataFrame]
    """Score rows of all open invoices of the whole book, kept between answers."""

    @property
    def as_of(self) -> date:
        """The book day."""
        return self.whole.as_of

    def is_like(self, other: LiveScorer) -> bool:
        """Whether both score and decide alike: nothing that matters to that was written between them."""
        return self.whole is other.whole and self.part is other.part

    def with_policy(self, policy: Policy) -> LiveScorer:
        """The same moment under another policy."""
        part = None if self.part is None else self.part.with_policy(policy)
        return replace(self, whole=self.whole.with_policy(policy), part=part)

    def of_invoice(self, invoice_id: str) -> Scorer:
        """The scorer that answers for an invoice."""
        is_changed = self.part is not None and self.part.facts.position(invoice_id) >= 0
        return self.part if self.part is not None and is_changed else self.whole

    def invoice(self, invoice_id: str) -> InvoiceFacts | None:
        """What the book says of an invoice at the end of the book day; None where nobody knows it."""
        facts = self.of_invoice(invoice_id).facts
        position = facts.position(invoice_id)
        if position < 0:
            return None
        row, today = np.array([position]), np.array([day_number(self.as_of) + 1])
        currency = str(facts.named["currency"][position])
        digits = minor_digits(currency)
        known = bool(facts.amount_known(row)[0])
        amount = int(facts.history.invoices["amount_in_own_currency"][position])
        return InvoiceFacts(
            invoice_id,
            str(facts.named["customer_id"][position]),
            Decimal(amount).scaleb(-digits) if known else None,
            Decimal(int(facts.amount_open(row, today)[0])).scaleb(-digits) if known else None,
            currency,
            digits,
        )

    def knows_customer(self, customer_id: str) -> bool:
        """Whether anything is recorded of a customer."""
        scorers = [each for each in (self.whole, self.part) if each is not None]
        return any((each.history.customer_codes(pd.Series([customer_id])) >= 0).any() for each in scorers)

    def members_of(self, case_id: str) -> list[str]:
        """The customers of a case, by its own id or that of one of them."""
        groups = self._groups
        head = _top(case_id, groups.parents)
        return list(groups.members.get(head) or ([head] if head in groups.parents else []))

    def case_of(self, customer_id: str) -> str:
        """The case that a customer belongs to: the head of its group, or itself."""
        return _top(customer_id, self._groups.parents)

    @cached_property
    def _groups(self) -> Groups:
        """Those of the whole book, unless the desk knows another customer or another parent."""
        found = _groups_of(self.whole)
        told = {} if self.part is None else _parents_of(self.part)
        if told.items() <= found.parents.items():
            return found
        return Groups.of({**found.parents, **told})

    def of_customer(self, customer_id: str) -> Scorer:
        """The scorer that answers for a customer."""
        return self.part if self.part is not None and customer_id in self.changed else self.whole

    def score_of(self, invoice_id: str, as_of: date | None = None) -> dict[str, Any]:
        """The full score row of one invoice; UnknownIdError, NotOpenError."""
        return self.of_invoice(invoice_id).score_of(invoice_id, as_of)

    def explain(self, invoice_id: str, as_of: date | None = None) -> tuple[dict[str, Any], Explanation]:
        """The score row of one invoice and its explanation; UnknownIdError, NotOpenError."""
        return self.of_invoice(invoice_id).explain(invoice_id, as_of)

    def customer(self, customer_id: str, as_of: date | None = None) -> dict[str, Any]:
        """How a customer pays and what it owes; UnknownIdError."""
        return self.of_customer(customer_id).customer(customer_id, as_of)

    def score_invoices(self, invoice_ids: list[str], as_of: date | None) -> tuple[list[dict], list[dict]]:
        """Score rows in the order asked, and what was not scored."""
        if self.part is None:
            return self.whole.score_invoices(invoice_ids, as_of)
        rows: dict[int, dict[str, Any]] = {}
        problems: dict[int, dict[str, Any]] = {}
        for scorer in (self.whole, self.part):
            places = [place for place, each in enumerate(invoice_ids) if self.of_invoice(each) is scorer]
            scored, wrong = scorer.score_invoices([invoice_ids[place] for place in places], as_of)
            lost = [int(each["pointer"].rpartition("/")[2]) for each in wrong]
            kept = [place for at, place in enumerate(places) if at not in set(lost)]
            rows |= dict(zip(kept, scored, strict=True))
            for at, problem in zip(lost, wrong, strict=True):
                problems[places[at]] = problem | {"pointer": f"/invoice_ids/{places[at]}"}
        return [rows[at] for at in sorted(rows)], [problems[at] for at in sorted(problems)]

    @property
    def open_count(self) -> int:
        """How many invoices are open, as far as the whole book knows; deciding on them is another matter."""
        return len(self.whole.history.open_on(day_number(self.as_of)))

    def open_cases(self) -> dict[str, np.ndarray]:
        """The facts and scores of every open invoice, as the policy looks at them."""
        whole = self.whole.decide_open().cases
        if self.part is None:
            return whole
        others = ~among(whole["customer_id"], self.changed)
        part = self.part.decide_open().cases
        return {name: np.concatenate([column[others], part[name]]) for name, column in whole.items()}

    def score_open(self, as_of: date | None = None, full: bool = False) -> pd.DataFrame:
        """One score row per invoice open on the day, ordered by invoice id."""
        day = as_of or self.as_of
        whole = self.open_scores(self.whole, day, full)
        if self.part is None:
            return whole
        others = whole[~whole["customer_id"].isin(list(self.changed))]
        parts = [each for each in (others, self.part.score_open(day, full)) if len(each)]
        if not parts:
            return others
        return pd.concat(parts).sort_values("invoice_id", kind="stable", ignore_index=True)


class Live:
    """The desk beside the book: gives the LiveScorer of this moment. Safe to use from several threads.

    While the desk's database does not answer, what it said last goes on to count; writes are refused meanwhile.

    `follows_policy`: the policy activated at the desk decides, where there is one, and not the Scorer's own.
    """

    def __init__(self, export: Ledger, desk: Desk, since: int, follows_policy: bool = True) -> None:
        self._export = export
        self._desk = desk
        self._follows_policy = follows_policy
        self._read_before: tuple[int, frozenset[str], Ledger | None] = (since, frozenset(), None)
        """Up to which number of the desk's was read, which customers changed since the whole book, and their ledger."""
        self._replaced_invoices = 0
        self._lock = threading.Lock()
        self._kept: tuple[Scorer, int, LiveScorer] | None = None
        self._by_policy: tuple[Scorer, Scorer] | None = None
        self._open: dict[tuple[int, date, bool], tuple[Scorer, pd.DataFrame]] = {}

    def over(self, scorer: Scorer) -> LiveScorer:
        """The scorer of the whole book, with everything that came in since."""
        try:
            needed = self._desk.sequence()
        except DeskUnavailable as error:
            return self._said_last(scorer, error)
        with self._lock:
            kept = self._kept
            # One reads again, and whoever asked before it began to takes what it read.
            if kept is None or kept[0] is not scorer or kept[1] < needed:
                try:
                    now = self._desk.sequence()
                    kept = self._kept = (scorer, now, self._read(self._with_policy(scorer), now))
                except DeskUnavailable as error:
                    return self._said_last(scorer, error)
            return kept[2]

    def _said_last(self, scorer: Scorer, error: DeskUnavailable) -> LiveScorer:
        kept = self._kept
        if kept is None or kept[0] is not scorer:
            raise error
        log.warning("scoring by what the desk said last: %s", error)
        return kept[2]

    def _with_policy(self, scorer: Scorer) -> Scorer:
        """The scorer under the policy in force; the same object as long as neither changes."""
        active = self._desk.active_policy() if self._follows_policy else None
        if active is None or active.version == scorer.policy.version:
            return scorer
        kept = self._by_policy
        if kept is None or kept[0] is not scorer or kept[1].policy.version != active.version:
            kept = self._by_policy = (scorer, scorer.with_policy(policy_of(active)))
        return kept[1]

    def _read(self, scorer: Scorer, now: int) -> LiveScorer:
        """The scorer with what the desk holds at `now`; what it held at the reading before is not read again."""
        since, changed, ledger = self._read_before
        fresh = self._with_groups(scorer, self._changed(since))
        if fresh:
            recorded = self._desk.ledger_rows(fresh, self._invoices_of(fresh))
            fresh |= customers_of(self._export, recorded)
            part = part_of(self._export, recorded, fresh)
            ledger = part if ledger is None else with_customers(ledger, part, fresh)
            changed |= fresh
            self._give_back(ledger)
        self._read_before = (now, changed, ledger)
        kept = self._kept
        if not fresh and kept is not None and kept[2].whole is scorer:
            return replace(kept[2])  # another moment, of which nothing else is to be told
        if ledger is None:
            return LiveScorer(scorer, None, frozenset(), self._open_scores)
        told = facts_at_desk(self._desk, scorer.as_of, changed)
        return LiveScorer(scorer, scorer.with_book(ledger, told), changed, self._open_scores)

    def _give_back(self, ledger: Ledger) -> None:
        """Free the parts no longer used: what they sorted holds on to itself, and only a walk finds it."""
        self._replaced_invoices += len(ledger.tables["invoices"])
        if self._replaced_invoices > MOST_REPLACED_INVOICES:
            self._replaced_invoices = 0
            gc.collect()

    def _changed(self, since: int) -> set[str]:
        """Customers of whom something was written after a sequence number, by name or by an invoice.

        What no answer about them depends on (tiers kept, alerts raised) changes nobody: a night may write much of it.
        """
        invoices = self._export.tables["invoices"]
        named = invoices["invoice_id"].isin(list(self._desk.changed_invoices(since, SCORED_BY)))
        return self._desk.changed_customers(since, SCORED_BY) | set(invoices.loc[named, "customer_id"])

    def _invoices_of(self, customers: set[str]) -> set[str]:
        invoices = self._export.tables["invoices"]
        return set(invoices.loc[invoices["customer_id"].isin(list(customers)), "invoice_id"])

    def _with_groups(self, scorer: Scorer, customers: set[str]) -> set[str]:
        """The customers and everybody of their groups, who share one contact plan."""
        if not customers:
            return set()
        found = _groups_of(scorer)
        return customers.union(*(found.members.get(_top(each, found.parents), ()) for each in customers))

    def _open_scores(self, scorer: Scorer, day: date, full: bool) -> pd.DataFrame:
        key = (id(scorer), day, full)
        with self._lock:
            found = self._open.get(key)
        if found is None or found[0] is not scorer:
            found = (scorer, scorer.score_open(day, full))
            with self._lock:
                self._open = {name: one for name, one in self._open.items() if one[0] is scorer}
                self._open[key] = found
        return found[1]


@once_each
def _groups_of(scorer: Scorer) -> Groups:
    return Groups.of(_parents_of(scorer))


def _parents_of(scorer: Scorer) -> dict[str, str | None]:
    """Of every customer of a book, its parent, if it has one."""
    table = scorer.ledger.tables["customers"]
    named = zip(table["customer_id"].tolist(), table["parent_id"].tolist(), strict=True)
    told = {each: parent if isinstance(parent, str) else None for each, parent in named}
    return dict.fromkeys(scorer.history.customers.tolist()) | told


def _top(customer: str, parent: Mapping[str, Any]) -> str:
    """The head of a customer's group; of parents that go round in a circle, the first by name."""
    seen = [customer]
    while isinstance(above := parent.get(seen[-1]), str):
        if above in seen:
            return min(seen[seen.index(above) :])
        seen.append(above)
    return seen[-1]
