"""How did the relationship with a customer move? Speed of payment, contacts, complaints and promises by quarter.

A quarter is 91 days, counted back from the end of the book day, so that all of them are equally long and the first
of five is the same time a year ago. Everything is counted from what is known at the end of the book day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers, to_date
from features.totals import Window
from serving.facts import Facts
from serving.languages import gettext, ngettext

QUARTER_DAYS = 91
QUARTERS = 5
"""The last one of them ends today, the first one lies a year before it."""
FEWEST = 3
"""From fewer settled invoices nobody can say how a customer usually pays."""
DATED = {"contacts": "contacted_on", "complaints": "opened_on", "disputes": "opened_on"}
Books = Sequence[tuple[Facts, np.ndarray]]
"""The books that know some customers, each with their numbers in it."""


@dataclass(frozen=True)
class Quarter:
    """What happened with some customers in 91 days."""

    begins_on: date
    ends_on: date
    is_known: bool
    """Whether the customers had an invoice by its end: before, nothing is known of them."""
    invoices_settled: int
    usual_days_late: float | None
    """Median against the due date, rolled to a working day; None from fewer than FEWEST."""
    contacts: int
    complaints: int
    disputes: int
    promises_kept: int
    promises_judged: int


def quarters(books: Books, day: date) -> list[Quarter]:
    """The quarters of some customers up to the end of a day, the oldest first."""
    today = day_number(day) + 1
    first, settled_on, late = _settled(books, today)
    happened = {name: _days_of(books, name, dated, today) for name, dated in DATED.items()}
    found = []
    for back in range(QUARTERS - 1, -1, -1):
        begin, end = today - QUARTER_DAYS * (back + 1), today - QUARTER_DAYS * back
        here = late[(settled_on >= begin) & (settled_on < end)]
        kept, judged = (_promises(books, today, measure, back) for measure in (("kept",), ("kept", "broken")))
        found.append(
            Quarter(
                begins_on=to_date(begin),
                ends_on=to_date(end - 1),
                is_known=first < end,
                invoices_settled=len(here),
                usual_days_late=float(np.median(here)) if len(here) >= FEWEST else None,
                **{name: int(((on >= begin) & (on < end)).sum()) for name, on in happened.items()},
                promises_kept=kept,
                promises_judged=judged,
            )
        )
    return found


def _settled(books: Books, today: int) -> tuple[int, np.ndarray, np.ndarray]:
    """The first day of issue, and the day and days late of every invoice that money settled."""
    first, days, late = NEVER, [], []
    for facts, codes in books:
        rows = facts.rows_of(codes)
        rows = rows[facts.is_known(rows, today)]
        own = facts.history.invoices
        paid = facts.settled_on(rows, np.full(len(rows), today))
        first = min(first, int(own["issued_on"][rows].min(initial=NEVER)))
        days.append(paid[paid < NEVER])
        late.append((paid - own["lateness_from"][rows])[paid < NEVER])
    empty = np.array([], dtype=np.int64)
    return first, np.concatenate([empty, *days]), np.concatenate([empty, *late])


def _days_of(books: Books, name: str, dated: str, today: int) -> np.ndarray:
    """The days of the rows of a table; of contacts those that we began."""
    found = [np.array([], dtype=np.int64)]
    for facts, codes in books:
        table: pd.DataFrame = facts.about(codes, name)
        day, known = day_numbers(table[dated]), day_numbers(table["known_on"])
        counts = (day < today) & ((known < today) | (known == NEVER))
        if name == "contacts":
            counts &= (table["direction"].fillna("").str.lower() != "incoming").to_numpy(dtype=bool)
        found.append(day[counts])
    return np.concatenate(found)


def _promises(books: Books, today: int, measures: Sequence[str], back: int) -> int:
    """Promises whose day fell into a quarter, by what became of them."""
    total = 0
    for facts, codes in books:
        window = Window(facts.history.stream("promises_due"), "customer", codes, np.full(len(codes), today))
        for measure in measures:
            total += int(window.sum(measure, QUARTER_DAYS * (back + 1)).sum())
            total -= int(window.sum(measure, QUARTER_DAYS * back).sum()) if back else 0
    return total


def sentences(found: Sequence[Quarter]) -> list[str]:
    """What moved since a year ago, as a colleague would tell it."""
    return list(_sentences(found[-1], found[0]))


def _sentences(now: Quarter, then: Quarter) -> Iterator[str]:
    if not then.is_known:
        yield gettext("They were no customer of this book a year ago, so nothing can be compared yet.")
        return
    yield _speed(now, then)
    yield gettext("We began %(now)s conversations in these 91 days, %(then)s a year ago.") % {
        "now": now.contacts,
        "then": then.contacts,
    }
    if now.complaints or then.complaints or now.disputes or then.disputes:
        yield gettext(
            "Complaints in these 91 days: %(complaints)s, a year ago %(complaints_then)s; "
            "disputes: %(disputes)s, a year ago %(disputes_then)s."
        ) % {
            "complaints": now.complaints,
            "disputes": now.disputes,
            "complaints_then": then.complaints,
            "disputes_then": then.disputes,
        }
    if now.promises_judged:
        yield gettext("They kept %(kept)s of %(judged)s promises whose day came.") % {
            "kept": now.promises_kept,
            "judged": now.promises_judged,
        }
    if then.promises_judged:
        yield gettext("A year ago they kept %(kept)s of %(judged)s promises.") % {
            "kept": then.promises_kept,
            "judged": then.promises_judged,
        }


def _speed(now: Quarter, then: Quarter) -> str:
    if now.usual_days_late is None or then.usual_days_late is None:
        return gettext(
            "Too few invoices were settled to say whether they pay sooner than a year ago: %(now)s now, %(then)s then."
        ) % {"now": now.invoices_settled, "then": then.invoices_settled}
    counted = {"now": now.invoices_settled, "then": then.invoices_settled}
    days = round(now.usual_days_late - then.usual_days_late)
    if not days:
        return (
            gettext("They pay as quickly as a year ago, by %(now)s invoices now and %(then)s then.") % counted
        )
    told = {"days": abs(days), **counted}
    if days < 0:
        return (
            ngettext(
                "They pay %(days)s day sooner than a year ago, by %(now)s invoices now and %(then)s then.",
                "They pay %(days)s days sooner than a year ago, by %(now)s invoices now and %(then)s then.",
                abs(days),
            )
            % told
        )
    return (
        ngettext(
            "They pay %(days)s day later than a year ago, by %(now)s invoices now and %(then)s then.",
            "They pay %(days)s days later than a year ago, by %(now)s invoices now and %(then)s then.",
            abs(days),
        )
        % told
    )


def as_plain(found: Sequence[Quarter]) -> list[dict[str, Any]]:
    """The quarters as plain data; days as ISO texts."""
    return [
        vars(each) | {"begins_on": each.begins_on.isoformat(), "ends_on": each.ends_on.isoformat()}
        for each in found
    ]
