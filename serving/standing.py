"""How does a customer stand with us today, alone and with its group: contacts, agreements, limit, who they are?

Read at the end of the as-of day, like all facts of the policy. A group is a customer with all that share its
top parent. Where a small ledger is asked, the other members of a group are found in the `book`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers
from features.history import positions
from features.ledger.cells import digits_of
from serving.policy.vocabulary import CASE_TERMS, DESK_FACTS
from serving.positions import positions_of
from serving.sorted_rows import Sorted, key

if TYPE_CHECKING:
    from serving.facts import Facts

CALL_ENDED = "call_ended_call_back"
"""Recorded as the outcome of a contact that was ended calmly before it grew heated: somebody calls back."""
PLAN_OFFERED = "plan_offered"
MOST_LEVELS = 20
"""A chain of parents longer than this is a mistake; it is followed no further."""
DAYS_KEPT = 8


class Standing:
    """What the ledger says of customers and their groups, beside their invoices."""

    def __init__(self, facts: Facts, book: Standing | None = None) -> None:
        self.facts, self.history = facts, facts.history
        self.book = book or self
        self._groups_of: dict[int, Groups] = {}

    # -- contacts

    @cached_property
    def _contacts(self) -> tuple[Sorted, np.ndarray]:
        """Contacts by customer and the day we knew of each, with their outcomes and a "" at the end.

        On one day a heated call comes last.
        """
        table = self.history.tables["contacts"]
        day = np.maximum(day_numbers(table["contacted_on"]), day_numbers(table["known_on"]))
        outcome = table["outcome"].fillna("").to_numpy(dtype=object)
        calm_first = np.argsort(outcome == CALL_ENDED, kind="stable")
        customer = self.history.customer_codes(table["customer_id"])
        found = Sorted.of(key(customer[calm_first], day[calm_first]))
        return found, np.append(outcome[calm_first][found.rows], np.array([""], dtype=object))

    def contacts(self, customers: np.ndarray, today: int, last: int | None = None) -> np.ndarray:
        """Contacts with each customer before day `today`, in the last `last` days or ever."""
        keys = self._contacts[0].keys
        begin = 0 if last is None else max(today - last, 0)
        ends = (np.searchsorted(keys, key(customers, np.full(len(customers), day))) for day in (begin, today))
        first, end = ends
        return end - first

    def last_outcome(self, customers: np.ndarray, today: int) -> np.ndarray:
        """What came of the latest contact, as recorded; "" where nothing is."""
        found, outcome = self._contacts
        end = np.searchsorted(found.keys, key(customers, np.full(len(customers), today)))
        was_there = self.contacts(customers, today) > 0
        return outcome[np.where(was_there, end - 1, -1)]

    def plan_offered(self, customers: np.ndarray, today: int) -> np.ndarray:
        """Whether a payment plan was ever offered to or agreed with each customer."""
        return self._plan_offered_on[customers] < today

    @cached_property
    def _plan_offered_on(self) -> np.ndarray:
        """The day from which we know of each customer's first plan, or offer of one; NEVER without."""
        plans, (found, outcome) = self.history.tables["payment_plans"], self._contacts
        agreed = np.maximum(day_numbers(plans["agreed_on"]), day_numbers(plans["known_on"]))
        offers = found.keys[outcome[:-1] == PLAN_OFFERED]
        first = np.full(len(self.history.customers), NEVER)
        codes = self.history.customer_codes(plans["customer_id"])
        np.minimum.at(first, codes[codes >= 0], agreed[codes >= 0])
        np.minimum.at(first, offers[offers >= 0] >> 32, offers[offers >= 0] & 0xFFFFFFFF)
        return first

    # -- groups

    def groups(self, today: int) -> Groups:
        """Every customer's group as the master data known before a day say; kept for a few days."""
        if today not in self._groups_of:
            if len(self._groups_of) >= DAYS_KEPT:
                self._groups_of.clear()
            self._groups_of[today] = _groups(self.facts, today)
        return self._groups_of[today]

    def group_contacts(self, customers: np.ndarray, today: int, last: int) -> np.ndarray:
        """Contacts with all members of each customer's group in the last `last` days."""
        others = self.others(customers, today, lambda book, codes: book.contacts(codes, today, last))
        return self.contacts(customers, today, last) + others

    def group_open(self, customers: np.ndarray, currencies: np.ndarray, today: int) -> np.ndarray:
        """Minor units that the other members of each customer's group have open in a currency."""
        total = np.zeros(len(customers), np.int64)
        for currency in sorted(set(currencies.tolist())):
            rows = np.flatnonzero(currencies == currency)
            total[rows] = self.others(
                customers[rows],
                today,
                lambda book, codes, unit=currency: book.facts.open_in(codes, unit, today),
            )
        return total

    def others(self, customers: np.ndarray, today: int, measure: Any) -> np.ndarray:
        """A measure of the other members of each customer's group, from the book; int64 or float64."""
        groups = self.book.groups(today)
        unique, place = np.unique(customers, return_inverse=True)
        mine = self.in_book[unique]
        label = np.where(mine >= 0, groups.of[np.maximum(mine, 0)], -1) if len(groups.of) else mine
        members, which = groups.members(label)
        is_other = members != mine[which]
        members, which = members[is_other], which[is_other]
        total = np.zeros(len(unique), np.int64)
        if len(members):
            np.add.at(total, which, measure(self.book, members))
        return total[place]

    @cached_property
    def in_book(self) -> np.ndarray:
        """Where each customer stands in the book that knows its group, -1 where nowhere."""
        return positions(self.book.history.customers, self.history.customers.to_numpy())

    def group_ids(self, customers: np.ndarray, today: int) -> np.ndarray:
        """The id of each customer's top parent, its own where it has none."""
        groups = self.groups(today)
        return groups.names[groups.of[customers]] if len(customers) else np.array([], dtype=object)

    # -- reasons and limits

    def nonpayment_reason(self, rows: np.ndarray, today: int) -> np.ndarray:
        """The latest recorded reason of each invoice; "" where nobody recorded one."""
        found, reason = self._reasons
        end = np.searchsorted(found.keys, key(rows, np.full(len(rows), today)))
        has = (end > 0) & (found.keys[np.maximum(end - 1, 0)] >> 32 == rows) if len(found.keys) else end > 0
        return reason[np.where(has, end - 1, -1)]

    @cached_property
    def _reasons(self) -> tuple[Sorted, np.ndarray]:
        table = self.history.tables["nonpayment_reasons"]
        day = np.maximum(day_numbers(table["recorded_on"]), day_numbers(table["known_on"]))
        found = Sorted.of(key(positions_of(self.history, table["invoice_id"]), day))
        reasons = table["reason"].fillna("").to_numpy(dtype=object)[found.rows]
        return found, np.append(reasons, np.array([""], dtype=object))

    def limits(self, master: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Limit of each row of master data in its currency (NaN: none is set), and that currency."""
        units = 10.0 ** digits_of(master["currency"].to_numpy(dtype=object))
        return master["credit_limit"].to_numpy(dtype=np.float64) / units, master["currency"].to_numpy(
            dtype=object
        )

    def exposure(self, customers: np.ndarray, units: np.ndarray, today: int) -> np.ndarray:
        """What each customer has open in the money unit of its limit, as a number in that unit."""
        result = np.zeros(len(customers))
        for unit in sorted(set(units.tolist()) - {""}):
            rows = np.flatnonzero(units == unit)
            owed = self.facts.open_in(customers[rows], unit, today, converted=True)
            result[rows] = owed / 10.0 ** digits_of(np.array([unit], dtype=object))[0]
        return result


@dataclass(frozen=True)
class Groups:
    """Every customer's group (a place in `names`), and each group's members."""

    of: np.ndarray
    names: np.ndarray
    by_group: Sorted

    def members(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All members of some groups (-1: none), and for each the place of its group in `labels`."""
        begin, end = (np.searchsorted(self.by_group.keys, labels + step) for step in (0, 1))
        size = np.where(labels >= 0, end - begin, 0)
        which = np.repeat(np.arange(len(labels)), size)
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        return self.by_group.rows[begin[which] + offset], which


def _groups(facts: Facts, today: int) -> Groups:
    codes = np.arange(len(facts.history.customers))
    parent = facts.master(codes, today)["parent_id"].to_numpy(dtype=object)
    unknown = sorted({str(name) for name in parent.tolist()} - {"", *facts.history.customers.tolist()})
    names = np.array([*facts.history.customers.tolist(), *unknown], dtype=object)
    above = np.append(positions(pd.Index(names), parent), np.full(len(unknown), -1))
    top = np.arange(len(names))
    for _ in range(MOST_LEVELS):
        higher = np.where(above[top] >= 0, above[top], top)
        if (higher == top).all():
            break
        top = higher
    else:  # customers that are each other's parents: the first of them by id stands for all
        top = _first_of_circle(above, top)
    of = top[: len(codes)]
    return Groups(of, names, Sorted.of(of))


def _first_of_circle(above: np.ndarray, top: np.ndarray) -> np.ndarray:
    least = top.copy()
    for _ in range(MOST_LEVELS):
        top = np.where(above[top] >= 0, above[top], top)
        least = np.minimum(least, top)
    return least


def from_the_desk(
    extra: Mapping[str, Mapping[str, Any]] | None, customers: np.ndarray
) -> dict[str, np.ndarray]:
    """Desk facts (name -> customer id -> value) as columns of some customer ids; ValueError for other names."""
    unknown = sorted(set(extra or {}) - set(DESK_FACTS))
    if unknown:
        raise ValueError(
            f"extra facts {', '.join(unknown)} are not in the case vocabulary; it has {', '.join(DESK_FACTS)}"
        )
    return {
        name: np.array(
            [_value(name, known.get(customer)) for customer in customers.tolist()], dtype=_dtype(name)
        )
        for name, known in (extra or {}).items()
    }


def _dtype(name: str) -> Any:
    kinds: dict[str, Any] = {"flag": bool, "date": "datetime64[s]", "number": float}
    return kinds.get(CASE_TERMS[name].kind, object)


def _value(name: str, value: Any) -> Any:
    is_missing = value is None or value != value
    match CASE_TERMS[name].kind:
        case "flag":
            return False if is_missing else bool(value)
        case "date":
            return np.datetime64("NaT") if is_missing else np.datetime64(value, "s")
        case "number":
            return np.nan if is_missing else float(value)
    return "" if is_missing else str(value)
