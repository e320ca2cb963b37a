"""How early and how seldom do we have to ask, and what became of payment after we did?

A *chase* is an outgoing contact after the due date and before the day of settlement, about the invoice or the
account; one before the due date is a service call and gives notice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.days import NEVER, day_number
from features.ledger.cells import minor_digits
from features.totals import Window
from serving.kpis.asked import Asked
from serving.kpis.books import Talks
from serving.kpis.figure import Figure, Split, Value, lists, quotients

NO_CONTACTS = "no outgoing contact is recorded"
KEEP_CONTACTS = "contacts, recorded with their day, customer and direction"
PER_COLLECTED = 10_000
ACTIVE_DAYS = 365
FEWEST_FOR_SPEED = 5


def _outgoing(talks: Talks) -> Talks:
    out = talks.is_outgoing
    return Talks(
        *(getattr(talks, name)[out] for name in ("customer", "invoice", "on", "is_outgoing", "outcome"))
    )


class _Contacted:
    """Outgoing contacts about each invoice or its account, found by day."""

    def __init__(self, asked: Asked) -> None:
        talks = _outgoing(asked.talks)
        about = talks.invoice >= 0
        self.any = len(talks.on) > 0
        self._named = np.sort((talks.invoice[about] << 32) | talks.on[about])
        self._general = np.sort((talks.customer[~about] << 32) | talks.on[~about])
        self._customer = asked.books.customer

    def first_from(self, since: np.ndarray) -> np.ndarray:
        """Day of the first contact of each invoice from a day on, NEVER without one."""
        named = _first(self._named, np.arange(len(since)), since)
        return np.minimum(named, _first(self._general, self._customer, since))

    def between(self, begin: np.ndarray, before: np.ndarray) -> np.ndarray:
        """How many contacts of each invoice fall on days [begin, before)."""
        invoice, total = np.arange(len(begin)), np.zeros(len(begin), np.int64)
        for keys, owner in ((self._named, invoice), (self._general, self._customer)):
            low, high = (np.searchsorted(keys, (owner << 32) | day) for day in (begin, before))
            total += np.maximum(high - low, 0)
        return total


def _first(keys: np.ndarray, owner: np.ndarray, since: np.ndarray) -> np.ndarray:
    if not len(keys):
        return np.full(len(owner), NEVER)
    at = np.searchsorted(keys, (owner << 32) | since)
    found = keys[np.minimum(at, len(keys) - 1)]
    return np.where((at < len(keys)) & (found >> 32 == owner), found & 0xFFFFFFFF, NEVER)


def notice(asked: Asked) -> list[Figure]:
    """Days of notice: how long before due the first contact about an invoice came."""
    contacted, books = _Contacted(asked), asked.books
    fell_due = (books.due_on >= asked.begin) & (books.due_on < asked.day) & asked.state.is_known
    first = contacted.first_from(np.minimum(books.issued_on, books.due_on))
    noticed = fell_due & (first < books.due_on)
    ahead = np.where(noticed, books.due_on - first, 0)
    days, share = lists(2)
    for split in asked.splits:
        n, all_due = split.counts(noticed), split.counts(fell_due)
        said = quotients(split.sums(ahead), n)
        days += split.values(said, n, None, "no invoice was spoken of before its due date", KEEP_CONTACTS)
        told = quotients(n if contacted.any else [None] * len(n), all_due, 100.0)
        why = NO_CONTACTS if not contacted.any else "no invoice fell due in the period"
        share += split.values(
            told, all_due, None, why, KEEP_CONTACTS if not contacted.any else "a longer period"
        )
    return [
        asked.figure("days_of_notice", days),
        asked.figure("noticed_share", share),
    ]


def effort(asked: Asked) -> list[Figure]:
    """How much was paid without a chase, how many contacts that saved, and how many it took."""
    contacted, books, state = _Contacted(asked), asked.books, asked.state
    settled = asked.settled
    chased = settled & (contacted.between(books.due_on + 1, np.where(settled, state.settled_on, 0)) > 0)
    late_after = books.history.rule.late_after_days
    forgot = (
        settled & (state.settled_on > books.due_on) & (state.settled_on <= books.lateness_from + late_after)
    )
    money, people, spared = lists(3)
    for split in asked.splits:
        n = split.counts(settled)
        why, needs = (
            (NO_CONTACTS, KEEP_CONTACTS)
            if not contacted.any
            else ("nothing was settled in the period", "a longer period")
        )
        unchased = split.sums(books.amount * (settled & ~chased))
        said = quotients(
            unchased if contacted.any else [None] * len(n), split.sums(books.amount * settled), 100.0
        )
        money += split.values(said, n, None, why, needs)
        paid, free = _customers(asked, split, settled), _customers(asked, split, chased)
        left = [len(a - b) if contacted.any else None for a, b in zip(paid, free, strict=True)]
        many = [len(each) for each in paid]
        people += split.values(quotients(left, many, 100.0), many, None, why, needs)
        saved = split.counts(forgot & ~chased)
        spared += split.values(
            saved if contacted.any else [None] * len(n), split.counts(forgot), None, why, needs
        )
    return [
        asked.figure("money_without_chase", money),
        asked.figure("customers_without_chase", people),
        asked.figure("contacts_avoided", spared),
        *_contact_effort(asked),
    ]


def _customers(asked: Asked, split: Split, mask: np.ndarray) -> list[set[int]]:
    customers = asked.books.customer
    return [set(customers[mask & (split.code == g)].tolist()) for g in range(len(split.names))]


def _contact_effort(asked: Asked) -> list[Figure]:
    """Contacts per collected amount, and contacts that had nothing to ask for."""
    talks = _outgoing(asked.talks)
    within = (talks.on >= asked.begin) & (talks.on < asked.day)
    customer, on = talks.customer[within], talks.on[within]
    collected = asked.books.collected(asked.begin, asked.day)
    rate: list[Value] = []
    for split in asked.splits:
        spoken = [
            int(np.isin(customer, sorted(who)).sum())
            for who in _customers(asked, split, asked.state.is_known)
        ]
        units = [PER_COLLECTED * _minor(unit) for _, unit in split.names]
        money = split.sums(collected)
        tops = (
            [many * unit for many, unit in zip(spoken, units, strict=True)]
            if len(talks.on)
            else [None] * len(units)
        )
        why, needs = (
            ("nothing was collected in the period", "a longer period")
            if len(talks.on)
            else (NO_CONTACTS, KEEP_CONTACTS)
        )
        rate += split.values(quotients(tops, money), spoken, None, why, needs)
    still = Window(asked.books.history.stream("open"), "customer", customer, on + 1).sum("count")
    idle = (
        Value(int((still <= 0).sum()), len(on))
        if len(talks.on)
        else Value(None, 0, why_not=NO_CONTACTS, needs=KEEP_CONTACTS)
    )
    return [
        asked.figure("contacts_per_collected", rate),
        asked.figure("contacts_without_need", [idle]),
    ]


def _minor(unit: str | None) -> int:
    return int(10 ** minor_digits(unit or ""))


def coverage(asked: Asked) -> list[Figure]:
    """Share of active accounts reviewed, or at least spoken with, within the review cycle of their tier."""
    books, cycle = asked.books, _review_days(asked)
    active = asked.state.is_open | (asked.state.is_known & (books.issued_on >= asked.day - ACTIVE_DAYS))
    accounts = set(books.customer[active].tolist())
    spoken = _since(asked, cycle, asked.talks.customer, asked.talks.on)
    seen = _since(asked, cycle, *_reviewed(asked))
    begin = asked.day - int(cycle.max(initial=0))
    nobody, needs = "no account is active", "customers with open or recent invoices"
    if asked.reviews is None:
        first = Value(
            None,
            len(accounts),
            part="reviewed",
            why_not="reviews of accounts were not given",
            needs="reviews recorded at the desk",
        )
    else:
        first = _share(seen & accounts, accounts, "reviewed", nobody, needs)
    if asked.reviews is None and not len(asked.talks.on):
        nobody, needs, spoken, accounts = (
            "neither reviews nor contacts are recorded",
            KEEP_CONTACTS,
            set(),
            set(),
        )
    second = _share((seen | spoken) & accounts, accounts, "reviewed or spoken with", nobody, needs)
    return [asked.figure("review_coverage", [first, second], (begin, asked.day))]


def _review_days(asked: Asked) -> np.ndarray:
    """Within how many days each customer is to be looked at; shape (customers,)."""
    every, customers = asked.settings.review_every_days, asked.books.history.customers
    usual = next(iter(every.values()))
    days = [every.get(asked.tiers.get(each, ""), usual) for each in customers]
    return np.array(days, dtype=np.int64)


def _since(asked: Asked, cycle: np.ndarray, customer: np.ndarray, on: np.ndarray) -> set[int]:
    """Customers of whom something is dated within their days and before the day."""
    known = (customer >= 0) & (on < asked.day)
    within = on[known] >= asked.day - cycle[customer[known]]
    return set(customer[known][within].tolist())


def _reviewed(asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Customer (-1 where the ledger does not name it) and day of each review."""
    listed = [(str(row["customer_id"]), _day(row["reviewed_on"])) for row in asked.reviews or ()]
    ids = pd.Series([customer for customer, _ in listed], dtype="str")
    days = np.array([day for _, day in listed], dtype=np.int64)
    return asked.books.history.customer_codes(ids), days


def _day(value: object) -> int:
    return day_number(pd.Timestamp(str(value)).date())


def _share(part: set[int], whole: set[int], name: str, why: str, needs: str) -> Value:
    if not whole:
        return Value(None, 0, part=name, why_not=why, needs=needs)
    return Value(100 * len(part) / len(whole), len(whole), part=name)


def speed_after_contacts(asked: Asked) -> list[Figure]:
    """Change of payment speed after good and after bad contacts, per account owner; an association, no cause.

    Each customer counts once per sort of contact, by its latest contact of the last year with a settled invoice
    before and after it.
    """
    speed = _Speed(asked)
    owners = asked.books.owners(asked.day)
    values: list[Value] = []
    for sort, codes in (("good", asked.settings.good_outcomes), ("bad", asked.settings.bad_outcomes)):
        changes = speed.changes(asked.talks, codes)
        for owner in ("all", *sorted({owners[c] for c in changes} - {""})):
            mine = sorted(change for c, change in changes.items() if owner in ("all", owners[c]))
            values += _told(mine, "all" if owner == "all" else "owner", owner, f"after {sort} contacts")
    return [asked.figure("speed_after_contact", values)]


def _told(changes: list[float], by: str, group: str, part: str) -> list[Value]:
    if len(changes) < FEWEST_FOR_SPEED:
        why = f"{len(changes)} customers have such a contact and settled invoices before and after it"
        needs = f"{FEWEST_FOR_SPEED} such customers, and outcomes recorded with contacts"
        return [Value(None, len(changes), by, group, None, part, why, needs)]
    low, middle, high = np.quantile(changes, (0.1, 0.5, 0.9)).tolist()
    n = len(changes)
    named = ((middle, part), (low, f"{part}, 10 % below"), (high, f"{part}, 10 % above"))
    return [Value(value, n, by, group, None, name) for value, name in named]


class _Speed:
    """Days beyond terms of settled invoices, by customer and day of settlement."""

    def __init__(self, asked: Asked) -> None:
        state, books = asked.state, asked.books
        self.day, self.window = asked.day, asked.settings.speed_days
        rows = np.flatnonzero((state.settled_on < asked.day) & ~state.by_credit_alone & state.is_known)
        key = (books.customer[rows] << 32) | state.settled_on[rows]
        order = np.argsort(key, kind="stable")
        self.keys = key[order]
        self.total = np.append(0, np.cumsum((state.settled_on - books.due_on)[rows][order]))

    def _mean(self, customer: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        low, high = (
            np.searchsorted(self.keys, (customer << 32) | np.maximum(day, 0)) for day in (begin, end)
        )
        return (self.total[high] - self.total[low]) / np.where(high > low, high - low, np.nan)

    def changes(self, talks: Talks, outcomes: tuple[str, ...]) -> Mapping[int, float]:
        """Change in days of each customer around its latest contact with one of these outcomes."""
        mask = np.isin(talks.outcome.astype(str), outcomes) & (talks.on >= self.day - ACTIVE_DAYS)
        customer, on = talks.customer[mask], talks.on[mask]
        order = np.lexsort((on, customer))
        customer, on = customer[order], on[order]
        change = self._mean(customer, on, on + self.window) - self._mean(customer, on - self.window, on)
        known = ~np.isnan(change)
        return dict(zip(customer[known].tolist(), change[known].tolist(), strict=True))


WORK = (notice, effort, coverage, speed_after_contacts)
