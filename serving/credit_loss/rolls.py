"""What became of every balance within 30 days: paid, credited, or still open one step of age later?

The days looked at lie 30 days apart and end at the as-of day, so a balance is looked at once in every step of its
age, and one that is still young tells of its young steps alone: nothing is held against it that it had no time for.
What was credited within the step is taken out: a credit note corrects an invoice and is no loss of credit.

Worked example: 100 was due on 1 March; 40 came on 20 April, 10 were credited on 25 April; the day is 1 July.
Looked at on 2 April (32 days past due, step 2): of 100, 10 are credited, so 90 were at risk, and 50 stayed open on
2 May. Of those 50 nothing came until 1 June (step 3: 50 of 50) nor until 1 July (step 4: 50 of 50).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.days import NEVER, day_number
from serving.credit_loss.bands import FIRST, STEP_DAYS, STEPS, step_of
from serving.facts import Facts
from serving.recovery import Cash


@dataclass(frozen=True)
class Rolls:
    """By account (a customer in a currency) and step of age: what was at risk and what stayed; minor units."""

    customer: np.ndarray
    """Number of each account's customer, shape (accounts,)."""
    currency: np.ndarray
    at_risk: np.ndarray
    """Shape (accounts, STEPS)."""
    stayed: np.ndarray
    looks: np.ndarray
    """How many balances were looked at."""


def rolls(facts: Facts, as_of: date) -> Rolls:
    """Every look at every balance as known before `as_of`; amounts in the invoices' own currencies."""
    history, today = facts.history, day_number(as_of)
    own, currency = history.invoices, facts.named["currency"].astype(str)
    names, code = np.unique(currency, return_inverse=True)
    accounts, account = np.unique(own["customer"] * max(len(names), 1) + code, return_inverse=True)
    rows = np.flatnonzero(facts.amount_known(np.arange(len(code))) & (own["seen_on"] < today))
    ends, cash = _ended_on(facts, today), Cash.of(history, is_converted=False)
    sums = np.zeros((3, len(accounts) * STEPS))
    first = int(own["seen_on"][rows].min(initial=today))
    for day in range(today - STEP_DAYS, first, -STEP_DAYS):
        there = rows[(own["seen_on"][rows] < day) & (ends[rows] >= day)]
        at_risk, stayed = _looked_at(facts, cash, there, day)
        place = account[there] * STEPS + step_of(day - own["due_on"][there]) - FIRST
        for total, values in zip(sums, (at_risk, stayed, (at_risk > 0).astype(float)), strict=True):
            total += np.bincount(place, values, len(total))
    size = max(len(names), 1)
    return Rolls(
        accounts // size,
        names[accounts % size] if len(accounts) else names[:0],
        *(each.reshape(-1, STEPS) for each in sums),
    )


def _looked_at(facts: Facts, cash: Cash, rows: np.ndarray, day: int) -> tuple[np.ndarray, np.ndarray]:
    """What of some balances was at risk on a day, and what of it stayed open 30 days later.

    A payment that bounced within the step makes more stay than was there; the sums bear it.
    """
    begin, end = (np.full(len(rows), each) for each in (day, day + STEP_DAYS))
    owed, later = facts.amount_open(rows, begin), facts.amount_open(rows, end)
    credited = np.maximum(owed - later - cash.between(rows, begin, end), 0)
    return np.maximum(owed - credited, 0), later


def _ended_on(facts: Facts, today: int) -> np.ndarray:
    """The day from which each invoice is settled for good as known before `today`; NEVER while it is open."""
    found, last = facts.history.steps.before(today).last()
    ends = np.full(len(facts.history.invoices["due_on"]), NEVER)
    ends[found] = np.where(last.settled_on < NEVER, last.day, NEVER)
    return ends
