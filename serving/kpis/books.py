"""What stood in the books before a day: what was open, sold, paid, credited and said?

One `Books` serves every day: nothing learned on or after the asked day is seen, so a figure of last March is
what could have been reported in March.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers, to_date
from features.history import History
from serving.kpis.figure import Split
from serving.positions import positions_of

SEGMENTS = ("country", "industry", "debtor_type")
GROUPINGS = ("division", *SEGMENTS, "owner")
"""What figures can be told for, beside the whole book."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class State:
    """Every invoice at the start of a day, as known before it; arrays of shape (invoices,)."""

    balance: np.ndarray
    """Open minor units of its unit of money; 0 where settled or not known yet."""
    is_open: np.ndarray
    settled_on: np.ndarray
    """NEVER where not settled."""
    by_credit_alone: np.ndarray
    is_known: np.ndarray


@dataclass(frozen=True)
class Movements:
    """Payments and credit notes of known invoices, in the invoices' own currency, minor units."""

    invoice: np.ndarray
    on: np.ndarray
    known: np.ndarray
    amount: np.ndarray
    is_money: np.ndarray

    def between(self, invoice: np.ndarray, begin: np.ndarray, end: np.ndarray, before: int) -> np.ndarray:
        """Sum of what came on days [begin, end) of each invoice, known before a day."""
        seen = self.known < before
        key = (self.invoice[seen] << 32) | self.on[seen]
        order = np.argsort(key, kind="stable")
        key, total = key[order], np.append(0, np.cumsum(self.amount[seen][order]))
        low, high = (np.searchsorted(key, (invoice << 32) | np.maximum(day, 0)) for day in (begin, end))
        return total[high] - total[low]


@dataclass(frozen=True)
class Talks:
    """Contacts known before a day; `invoice` is -1 where a contact is about the account."""

    customer: np.ndarray
    invoice: np.ndarray
    on: np.ndarray
    is_outgoing: np.ndarray
    outcome: np.ndarray


class Books:
    """The invoices of a history, and what was known of them before any day."""

    def __init__(self, history: History) -> None:
        self.history = history
        own = history.invoices
        self.customer, self.seen_on, self.amount = own["customer"], own["seen_on"], own["amount"]
        self.due_on, self.issued_on, self.lateness_from = (
            own["due_on"],
            own["issued_on"],
            own["lateness_from"],
        )
        self.own_amount = own["amount_in_own_currency"]
        self.unit = history.tables["invoices"]["money_unit"].to_numpy(dtype=object)
        self.state = lru_cache(64)(self._state)

    def __len__(self) -> int:
        return len(self.seen_on)

    def _state(self, day: int) -> State:
        at, last = self.history.steps.before(day).last()
        balance = np.zeros(len(self), np.int64)
        settled_on = np.full(len(self), NEVER)
        by_credit, known = np.zeros(len(self), bool), np.zeros(len(self), bool)
        balance[at], settled_on[at], by_credit[at] = last.balance, last.settled_on, last.by_credit_alone
        known[at] = True
        return State(balance, known & (settled_on == NEVER), settled_on, by_credit, known)

    def in_money_unit(self, invoice: np.ndarray, amount: np.ndarray) -> np.ndarray:
        """Minor units of invoices' own currencies as minor units of their units of money."""
        owed = self.own_amount[invoice]
        rate = self.amount[invoice] / np.where(owed == 0, 1, owed)
        return np.where(rate == 1.0, amount, np.rint(amount * rate).astype(np.int64))

    @cached_property
    def movements(self) -> Movements:
        """Payments and credit notes of invoices, each known no earlier than its invoice."""
        parts = []
        for name, dated, is_money in (("payments", "paid_on", True), ("credit_notes", "credited_on", False)):
            table = self.history.tables[name]
            invoice = positions_of(self.history, table["invoice_id"])
            table, invoice = table[invoice >= 0], invoice[invoice >= 0]
            on = day_numbers(table[dated])
            known = np.maximum(np.maximum(on, day_numbers(table["known_on"])), self.seen_on[invoice])
            amount = table["amount"].to_numpy(np.int64)
            parts.append((invoice, on, known, amount, np.full(len(table), is_money)))
        return Movements(*(np.concatenate([part[k] for part in parts]) for k in range(5)))

    def sales(self, begin: int, before: int) -> np.ndarray:
        """Net credit sales of each invoice in [begin, before): what came into the books less what was credited."""
        net = np.where((self.seen_on >= begin) & (self.seen_on < before), self.amount, 0)
        return net - self._moved(begin, before, is_money=False)

    def collected(self, begin: int, before: int) -> np.ndarray:
        """Money received on each invoice in [begin, before), bounced money taken off again."""
        return self._moved(begin, before, is_money=True)

    def _moved(self, begin: int, before: int, is_money: bool) -> np.ndarray:
        came = self.movements
        mask = (came.is_money == is_money) & (came.known >= begin) & (came.known < before)
        moved = np.zeros(len(self), np.int64)
        invoice = came.invoice[mask]
        np.add.at(moved, invoice, self.in_money_unit(invoice, came.amount[mask]))
        return moved

    def talks(self, before: int) -> Talks:
        """Contacts known before a day."""
        table = self.history.tables["contacts"]
        on = day_numbers(table["contacted_on"])
        customer = self.history.customer_codes(table["customer_id"])
        invoice = positions_of(self.history, table["invoice_id"])
        # What was said to another customer is no contact of this invoice's.
        invoice = (
            np.where((invoice >= 0) & (self.customer.take(invoice, mode="clip") == customer), invoice, -1)
            if len(self)
            else np.full(len(table), -1)
        )
        outgoing = ~table["direction"].fillna("out").str.lower().str.startswith("in").to_numpy(dtype=bool)
        outcome = table["outcome"].fillna("").to_numpy(dtype=object)
        seen = (np.maximum(on, day_numbers(table["known_on"])) < before) & (customer >= 0)
        return Talks(customer[seen], invoice[seen], on[seen], outgoing[seen], outcome[seen])

    def owners(self, before: int) -> np.ndarray:
        """Who looks after each customer, as known before a day; '' where nobody is named."""
        return self._latest("owner", before)

    def _latest(self, column: str, before: int) -> np.ndarray:
        table = self.history.tables["customers"]
        known = day_numbers(table["known_on"])
        since = np.where(known == NEVER, 0, known)
        rows = table.assign(_since=since)[since < before].dropna(subset=[column])
        rows = rows.sort_values("_since", kind="stable").drop_duplicates("customer_id", keep="last")
        named = rows.set_index("customer_id")[column]
        return named.reindex(self.history.customers).fillna("").to_numpy(dtype=object)

    def split(self, by: str, day: int, in_money: bool = True) -> Split:
        """The invoices known before a day by group, and by unit of money unless `in_money` is False."""
        known = np.flatnonzero(self.seen_on < day)
        label, names = self._grouped(by, day, known)
        unit_names = self._units[1].tolist() if in_money else []
        unit = self._units[0][known] if in_money else np.full(len(known), -1)  # -1: no unit
        step = len(unit_names) + 1
        found, place = np.unique(label * step + unit + 1, return_inverse=True)
        pairs = [
            (str(names[pair // step]), unit_names[pair % step - 1] if pair % step else None)
            for pair in found.tolist()
        ]
        order = sorted(range(len(pairs)), key=lambda n: (pairs[n][0], pairs[n][1] or ""))
        rank = np.empty(len(pairs), np.int64)
        rank[order] = np.arange(len(pairs))
        code = np.full(len(self), -1)
        code[known] = rank[place]
        return Split(by, tuple(pairs[n] for n in order), code)

    @cached_property
    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """The unit of money of each invoice as a number, and the units by number."""
        return pd.factorize(self.unit)

    def _grouped(self, by: str, day: int, known: np.ndarray) -> tuple[np.ndarray, Sequence[str]]:
        """The group of some invoices as a number, and the names of the groups by number."""
        if by == "all":
            return np.zeros(len(known), np.int64), ["all"]
        named = self._labels(by, day)[known]
        codes, names = pd.factorize(np.where(named == "", UNKNOWN, named))
        return codes, names.tolist()

    def _labels(self, by: str, day: int) -> np.ndarray:
        if by == "division":
            return self.history.tables["invoices"]["division"].fillna("").to_numpy(dtype=object)
        if by == "owner":
            return self.owners(day)[self.customer]
        names, since = self.history.members[by]
        return np.where(since[self.customer] < day, names[self.customer], "")


def month_start(day: int) -> int:
    """The first day of the month of a day number."""
    return day_number(to_date(day).replace(day=1))


def months_back(day: int, many: int) -> list[int]:
    """The first days of the last `many` months that had begun before a day, the latest first."""
    starts = [month_start(day - 1)]
    while len(starts) < many:
        starts.append(month_start(starts[-1] - 1))
    return starts
