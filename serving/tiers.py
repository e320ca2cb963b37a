"""Which tier does each customer and each group have today, since when, and what of that does the desk keep?

A day's tiers follow from its open invoices and from the changes that the desk kept of earlier days. So the answer of
a day is the same however often it is asked for, and keeping it twice keeps nothing twice. Customers of whom no change
is kept have the best tier, since they are known or since tiers are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import NEVER, to_date
from features.history import positions
from features.ledger.cells import digits_of
from serving.desk import Actor, Desk, Record
from serving.policy import Policy
from serving.policy.customer_tiers import TierChange, previous_tiers, tier_changes
from serving.sorted_rows import among
from serving.worklist.items import Items, scorers_of

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.scoring import Scorer

KIND = "tier_changes"
WEEK = timedelta(days=7)
Jumps = dict[str, tuple[str | None, str]]


@dataclass(frozen=True)
class Tier:
    """The tier of a customer or a group, since when, and why."""

    tier: str
    since: date
    rule: str
    why: str


@dataclass(frozen=True)
class Tiers:
    """The tiers of a day, and what changed since the changes kept of earlier days."""

    day: date
    customers: Mapping[str, Tier]
    """Of those with something open or with a change kept, by customer id."""
    groups: Mapping[str, Tier]
    """Of groups of several customers, by the id of their top parent."""
    to_keep: Callable[[], list[TierChange]]
    best_since: Mapping[str, date]
    """Since when those of whom nothing is kept have the best tier; empty until tiers were kept on an earlier day."""
    week_before: Mapping[str, str]
    best: str
    kept: Sequence[Mapping[str, Any]] = ()
    """The changes that the desk kept of earlier days, oldest first."""

    def of(self, customer_id: str) -> Tier:
        """The tier of a customer, the best one where nothing is open."""
        found = self.customers.get(customer_id)
        since = self.best_since.get(customer_id, self.day)
        return found or Tier(self.best, since, "nothing_open", "nothing open stands out.")

    def of_case(self, case_id: str, customers: Sequence[str]) -> Tier:
        """The tier of a case: its group's where there is one, else its customer's."""
        group = self.groups.get(case_id) if len(customers) > 1 else None
        return group or self.of(customers[0])

    @cached_property
    def changes(self) -> tuple[TierChange, ...]:
        """What changed since the changes kept of earlier days: for those who keep the day."""
        return tuple(self.to_keep())

    @cached_property
    def by_customer(self) -> dict[str, str]:
        """Tier by customer id."""
        return {name: found.tier for name, found in self.customers.items()}

    def jumps(self) -> Jumps:
        """Each customer's tier a week before and now; None before where it was not known then."""
        return {name: (self.week_before.get(name), tier) for name, tier in self.by_customer.items()}


def tiers_of(
    items: Items,
    policy: Policy,
    day: date,
    changes: Iterable[Mapping[str, Any]] = (),
    known_since: Mapping[str, date] | None = None,
    only: Collection[str] | None = None,
) -> Tiers:
    """The tiers of a day from its open invoices and the changes kept, oldest first; those of the day are left out.

    `known_since` gives the day from which each customer is known; `only` looks at these customers and groups alone.
    """
    earlier = [change for change in changes if str(change["changed_on"]) < day.isoformat()]
    begun = min((str(change["changed_on"]) for change in earlier), default=None)
    if only is not None:
        earlier = [change for change in earlier if str(change["customer_id"]) in only]
    best_since = _best_since(items, begun, known_since or {}, day)
    previous = previous_tiers(earlier)
    decided = {
        "customer_id": items.customer_id,
        "group_id": items.case_id,
        "currency": items.currency,
        "amount_open": np.where(items.amount_known, items.open / 10.0 ** digits_of(items.currency), np.nan),
        "tier": items.tier,
    }
    table = policy.customer_tiers(decided, day, previous, best_since)
    told = _told(table)
    return Tiers(
        day,
        told["customer"],
        told["group"],
        lambda: tier_changes(table, previous, day, policy.tiers[0], policy.version),
        best_since,
        _a_week_before(earlier, begun, best_since, day, policy.tiers[0]),
        policy.tiers[0],
        earlier,
    )


def _told(table: pd.DataFrame) -> dict[str, dict[str, Tier]]:
    """By scope, the tier by id."""
    found: dict[str, dict[str, Tier]] = {"customer": {}, "group": {}}
    since = [each.date() for each in table["since"].dt.to_pydatetime()]
    columns = (table[name].tolist() for name in ("scope", "id", "tier"))
    for scope, name, tier, day, rule, why in zip(*columns, since, table["rule"], table["why"], strict=True):
        found[scope][name] = Tier(tier, day, rule, why)
    return found


def _best_since(
    items: Items, begun: str | None, known_since: Mapping[str, date], day: date
) -> dict[str, date]:
    """Since when customers and groups of whom nothing is kept have the best tier; `begun`: since tiers are kept."""
    if begun is None:
        return {}
    first = date.fromisoformat(begun)
    found = {name: max(first, known) for name, known in known_since.items() if known < day}
    for group, customer in set(zip(items.case_id.tolist(), items.customer_id.tolist(), strict=True)):
        if group != customer and customer in found:
            found[group] = min(found[customer], found.get(group, day))
    return found


def _a_week_before(
    changes: Sequence[Mapping[str, Any]],
    begun: str | None,
    best_since: Mapping[str, date],
    day: date,
    best: str,
) -> dict[str, str]:
    """Each customer's tier a week before, or on the first day of which tiers are kept if that is later."""
    if begun is None:
        return {}
    then = max((day - WEEK).isoformat(), begun)
    kept = previous_tiers(change for change in changes if str(change["changed_on"]) <= then)
    kept = kept[kept["scope"] == "customer"]
    known = {name: best for name, since in best_since.items() if since.isoformat() <= then}
    return known | dict(zip(kept["id"], kept["tier"], strict=True))


def known_since(scorer: Scorer | LiveScorer, only: Sequence[str] | None = None) -> dict[str, date]:
    """The day from which each customer of a book is known, or each of these."""
    found: dict[str, date] = {}
    for each in scorers_of(scorer):
        days, names = each.facts.customers_known_on, each.history.customers
        if only is not None:
            place = positions(names, pd.Series(only, dtype="str"))
            days, names = days[place[place >= 0]], names[place[place >= 0]]
        named = zip(names.tolist(), days.tolist(), strict=True)
        found |= {name: to_date(day) for name, day in named if day < NEVER}
    return found


def tiers_at(scorer: Scorer | LiveScorer, items: Items, changes: Sequence[Mapping[str, Any]]) -> Tiers | None:
    """The tiers of a scorer's day by the `kept_changes`; None where the policy has no tiers of customers."""
    policy = scorers_of(scorer)[0].policy
    if policy.parts.customer_tiers is None:
        return None
    return tiers_of(items, policy, scorer.as_of, changes, known_since(scorer))


def tiers_now(
    live: LiveScorer, items: Items, changes: Sequence[Mapping[str, Any]], whole: Tiers | None
) -> Tiers | None:
    """The same as `tiers_at`, from those of the `whole` book: only cases that the desk knows more of are looked at.

    Customers of whom the whole book knew nothing come last.
    """
    if whole is None or live.part is None:
        return whole
    touched = among(items.customer_id, live.changed)
    cases = {*items.case_id[touched].tolist(), *(live.case_of(each) for each in live.changed)}
    rows = np.flatnonzero(among(items.case_id, cases))
    again = {*cases, *live.changed, *items.customer_id[rows].tolist()}
    known = known_since(live, sorted(again))
    part = tiers_of(items.at(rows), live.whole.policy, live.as_of, changes, known, again)
    return _with_part(whole, part, again)


def _with_part(whole: Tiers, part: Tiers, again: Set[str]) -> Tiers:
    """The tiers of everybody else, and those of some who were looked at again."""

    def put(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        made = {**old, **new}
        for name in again - new.keys():
            made.pop(name, None)
        return made

    def to_keep() -> list[TierChange]:
        changes = [each for each in whole.to_keep() if each.customer_id not in again]
        return sorted([*changes, *part.to_keep()], key=lambda each: (each.is_of_group, each.customer_id))

    return replace(
        whole,
        customers=put(whole.customers, part.customers),
        groups=put(whole.groups, part.groups),
        to_keep=to_keep,
        best_since=put(whole.best_since, part.best_since),
        week_before=put(whole.week_before, part.week_before),
    )


def kept_changes(desk: Desk) -> list[dict[str, Any]]:
    """The changes of customers and groups that the desk keeps, oldest first: what `tiers_of` wants to know."""
    return [record.content for record in _kept(desk)]


def _kept(desk: Desk) -> list[Record]:
    found = [each for each in desk.find(KIND, status="recorded") if each.invoice_id is None]
    return sorted(found, key=lambda each: (each.content["changed_on"], each.number))


@dataclass(frozen=True)
class Kept:
    """What keeping the tiers of a day did."""

    added: int
    withdrawn: int
    """Changes kept of the day before that are none any more."""
    later: str | None = None
    """A later day of which changes are kept already: then nothing is kept of this one."""


def keep_tiers(desk: Desk, actor: Actor, now: datetime, found: Tiers, model_version: str = "") -> Kept:
    """Keep the changes of a day in one transaction; what is kept of it already is not kept again."""
    day = found.day.isoformat()
    with desk.writing(actor, now) as written:
        there = _kept(desk)
        if there and there[-1].content["changed_on"] > day:
            return Kept(0, 0, there[-1].content["changed_on"])
        wanted = {_same(change.content()): change.content() for change in found.changes}
        of_day = {_same(each.content): each for each in there if each.content["changed_on"] == day}
        gone = [record for key, record in of_day.items() if key not in wanted]
        new = [content for key, content in wanted.items() if key not in of_day]
        for record in gone:
            written.change(KIND, record.record_id, {"status": "cancelled"}, record.version)
        for content in new:
            filled = {name: value for name, value in content.items() if value is not None}
            written.add(KIND, filled | ({"model_version": model_version} if model_version else {}))
    return Kept(len(new), len(gone))


def _same(content: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(content.get(name) for name in ("customer_id", "old", "new", "rule"))
