"""Are promises kept, and what is disputed, why, for how long, and how much of what is overdue?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.days import NEVER, day_numbers
from serving.kpis.asked import Asked
from serving.kpis.books import UNKNOWN, Books
from serving.kpis.figure import Figure, Value, lists, quotients
from serving.positions import positions_of

STATUSES = ("open", "kept", "partially_kept", "broken", "cancelled")
AGES = ("0-30", "31-60", "61-90", "90+")
NO_PROMISES = "no promise was judged in the period"
KEEP_PROMISES = "promises to pay, recorded with their day and amount"
KEEP_DISPUTES = "disputes, recorded with their day and invoice"


@dataclass(frozen=True)
class Promises:
    """Promises known before a day, each judged as of it."""

    promise_id: np.ndarray
    invoice: np.ndarray
    made_on: np.ndarray
    deadline: np.ndarray
    """The promised day and the days of grace."""
    amount: np.ndarray
    """Promised, in the invoice's unit of money."""
    came: np.ndarray
    """What came of it, in the same unit."""
    status: np.ndarray
    """Place in STATUSES."""


def judged_promises(
    books: Books, day: int, grace_days: int, cancelled: frozenset[str] = frozenset()
) -> Promises:
    """Every promise known before a day: kept where the promised money, or all that was owed, had come in time.

    Money counts by the day it was received; it is judged once the last day of grace is over.
    """
    table = books.history.tables["promises"]
    invoice = positions_of(books.history, table["invoice_id"])
    made_on = day_numbers(table["made_on"])
    known = np.maximum(made_on, day_numbers(table["known_on"]))
    there = (invoice >= 0) & (known < day) & (day_numbers(table["promised_on"]) < NEVER)
    there[there] &= books.seen_on[invoice[there]] < day
    table, invoice, made_on = table[there], invoice[there], made_on[there]
    deadline = day_numbers(table["promised_on"]) + grace_days
    came = books.movements.between(invoice, made_on, deadline + 1, day)
    owed = books.own_amount[invoice] - books.movements.between(invoice, np.zeros_like(made_on), made_on, day)
    amount = table["amount"].to_numpy(np.int64)
    # Of an invoice without an amount we only see whether anything came.
    is_known = books.history.tables["invoices"]["amount_known"].to_numpy(bool)[invoice]
    wanted = np.where(is_known, np.minimum(amount, np.maximum(owed, 0)), 1)
    ids = table["promise_id"].to_numpy(dtype=object)
    is_cancelled = np.isin(ids.astype(str), sorted(cancelled)) if cancelled else np.zeros(len(ids), bool)
    status = np.select([is_cancelled, came >= wanted, deadline >= day, came > 0], [4, 1, 0, 2], default=3)
    promised, paid = (books.in_money_unit(invoice, money) for money in (amount, came))
    return Promises(ids, invoice, made_on, deadline, promised, paid, status)


def promises(asked: Asked) -> list[Figure]:
    """Promise kept rate by count and amount, and how many promises stand where."""
    found = judged_promises(
        asked.books, asked.day, asked.settings.promise_grace_days, asked.cancelled_promises
    )
    if not len(found.status):
        codes = ("promise_kept_rate", "promise_kept_rate_amount", "promises")
        return asked.unrecorded(codes, "no promise is recorded", KEEP_PROMISES)
    due = (found.deadline >= asked.begin) & (found.deadline < asked.day)
    by_count, by_amount, counted = lists(3)
    for split in asked.splits:
        for values, weight in ((by_count, np.ones_like(found.amount)), (by_amount, found.amount)):
            kept, broken = (split.sums((weight * (due & (found.status == k))), found.invoice) for k in (1, 3))
            n = split.sums((due & np.isin(found.status, (1, 3))).astype(np.int64), found.invoice)
            both = [a + b for a, b in zip(kept, broken, strict=True)]
            values += split.values(quotients(kept, both, 100.0), n, None, NO_PROMISES, KEEP_PROMISES)
        for k, status in enumerate(STATUSES):
            standing = (found.status == k) & (found.deadline >= asked.begin)
            n = split.sums(standing.astype(np.int64), found.invoice)
            counted += split.values(n, n, status)
    return [
        asked.figure("promise_kept_rate", by_count),
        asked.figure("promise_kept_rate_amount", by_amount),
        asked.figure("promises", counted),
    ]


@dataclass(frozen=True)
class Disputes:
    """Disputes of invoices known before a day; `closed_on` is NEVER where the closing was not known by then."""

    invoice: np.ndarray
    opened_on: np.ndarray
    closed_on: np.ndarray
    amount: np.ndarray
    """In the invoice's unit of money; the whole invoice where no amount was stated."""
    reason: np.ndarray


def known_disputes(books: Books, day: int) -> Disputes:
    """Every dispute known before a day."""
    table = books.history.tables["disputes"]
    invoice = positions_of(books.history, table["invoice_id"])
    opened, known = day_numbers(table["opened_on"]), day_numbers(table["known_on"])
    there = (invoice >= 0) & (np.maximum(opened, known) < day)
    there[there] &= books.seen_on[invoice[there]] < day
    table, invoice, opened = table[there], invoice[there], opened[there]
    closed = day_numbers(table["closed_on"])
    closed = np.where(np.maximum(closed, known[there]) < day, closed, NEVER)
    stated = table["amount"].to_numpy(float)
    own = np.where(np.isnan(stated), 0, np.nan_to_num(stated)).astype(np.int64)
    amount = np.where(np.isnan(stated), books.amount[invoice], books.in_money_unit(invoice, own))
    reason = table["reason"].fillna(UNKNOWN).to_numpy(dtype=object)
    return Disputes(invoice, opened, closed, amount, reason)


def disputed_of(books: Books, day: int) -> np.ndarray:
    """Of each invoice's open balance, what is in dispute at the start of a day."""
    found = known_disputes(books, day)
    standing = found.closed_on == NEVER
    total = np.zeros(len(books), np.int64)
    np.add.at(total, found.invoice[standing], np.minimum(found.amount, books.amount[found.invoice])[standing])
    return np.minimum(total, books.state(day).balance)


def disputes(asked: Asked) -> list[Figure]:
    """Open disputes by cause and age, how quickly they are closed, and their part in what is overdue."""
    found, state = known_disputes(asked.books, asked.day), asked.state
    if not len(found.invoice):
        codes = (
            "disputed",
            "disputed_by_age",
            "days_to_resolve",
            "overdue_in_dispute",
            "disputes_before_due",
        )
        return asked.unrecorded(codes, "no dispute is recorded", KEEP_DISPUTES)
    standing = found.closed_on == NEVER
    amount = np.minimum(found.amount, state.balance[found.invoice]) * standing
    age = np.searchsorted(np.array([30, 60, 90]), asked.day - found.opened_on)
    by_cause, by_age, took = lists(3)
    for split in asked.splits:
        causes = sorted(set(found.reason[standing].tolist()))
        for values, parts in (
            (by_cause, [(cause, found.reason == cause) for cause in causes]),
            (by_age, [(name, age == k) for k, name in enumerate(AGES)]),
        ):
            for part, mask in parts:
                n = split.sums((standing & mask).astype(np.int64), found.invoice)
                values += split.values(split.sums(amount * mask, found.invoice), n, part)
        closed = (found.closed_on >= asked.begin) & (found.closed_on < asked.day)
        days = np.where(closed, np.maximum(found.closed_on - found.opened_on, 0), 0)
        n = split.sums(closed.astype(np.int64), found.invoice)
        said = quotients(split.sums(days, found.invoice), n)
        took += split.values(said, n, None, "no dispute was closed in the period", KEEP_DISPUTES)
    return [
        asked.figure("disputed", by_cause),
        asked.figure("disputed_by_age", by_age),
        asked.figure("days_to_resolve", took),
        *_overdue_link(asked),
        *_surfaced_before_due(asked),
    ]


def _overdue_link(asked: Asked) -> list[Figure]:
    overdue = asked.state.balance * (asked.books.due_on < asked.day)
    disputed = np.minimum(disputed_of(asked.books, asked.day), overdue)
    values: list[Value] = []
    for split in asked.splits:
        said = quotients(split.sums(disputed), split.sums(overdue), 100.0)
        values += split.values(
            said, split.counts(disputed > 0), None, "nothing is past due", "overdue invoices"
        )
    return [asked.figure("overdue_in_dispute", values)]


def _surfaced_before_due(asked: Asked) -> list[Figure]:
    found = known_disputes(asked.books, asked.day)
    opened = (found.opened_on >= asked.begin) & (found.opened_on < asked.day)
    early = opened & (found.opened_on <= asked.books.due_on[found.invoice])
    values: list[Value] = []
    for split in asked.splits:
        n = split.sums(opened.astype(np.int64), found.invoice)
        said = quotients(split.sums(early.astype(np.int64), found.invoice), n, 100.0)
        values += split.values(said, n, None, "no dispute was opened in the period", KEEP_DISPUTES)
    return [asked.figure("disputes_before_due", values)]


DIALOGUE = (promises, disputes)
