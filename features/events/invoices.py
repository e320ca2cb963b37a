"""What happens to invoices: issued, settled, matured, open, overdue.

Balances are streams of changes: only their sums over all time mean something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.balances import Steps
from features.days import NEVER, day_of_month, days_to_month_end, month_part, weekday
from features.events.event import Events
from features.spans import Spans

if TYPE_CHECKING:
    from features.history import History

MOST_DAYS_LATE = 365
"""Days late are capped at a year in measures, so that one forgotten invoice does not hide a habit."""


def issued(history: History) -> Events:
    """Invoices, from the day they were issued and known."""
    own = history.invoices
    measures = {
        "log_amount": _log(own["amount"]),
        "log_amount_squared": _log(own["amount"]) ** 2,
        "amount": own["amount"],
        "terms_days": own["terms_days"],
        "has_purchase_order": own["has_purchase_order"],
    }
    return Events(own["customer"], own["seen_on"], measures, np.arange(len(own["customer"])))


def _log(amount: np.ndarray) -> np.ndarray:
    """Thousandths of the natural logarithm of an amount: a whole number, so that totals stay exact."""
    return np.rint(1000 * np.log(np.maximum(amount, 1))).astype(np.int64)


def settled(history: History) -> Events:
    """Settlements by payment, each from the day we knew of it until the day it is reopened."""
    steps = history.steps
    begin, until = _runs(steps, np.where(steps.by_credit_alone, NEVER, steps.settled_on), NEVER)
    steps = steps.at(begin)
    own = history.invoices
    late_days = steps.settled_on - own["lateness_from"][steps.invoice]
    capped = np.clip(late_days, -MOST_DAYS_LATE, MOST_DAYS_LATE)
    taken = np.clip(steps.settled_on - own["issued_on"][steps.invoice], 0, 2 * MOST_DAYS_LATE)
    day, month_end = weekday(steps.settled_on), days_to_month_end(steps.settled_on)
    past_due = steps.settled_on - own["due_on"][steps.invoice]
    measures = {
        "days_late": capped,
        "days_late_squared": capped**2,
        "days_to_pay": taken,
        "past_due": (late_days > 0).astype(np.int64),
        "slow": (late_days > 15).astype(np.int64),
        "early": (late_days < -5).astype(np.int64),
        "on_due_day": (np.abs(past_due) <= 1).astype(np.int64),
        "at_month_end": ((month_end <= 1) | (day_of_month(steps.settled_on) <= 1)).astype(np.int64),
        "whole_amount": own["amount"][steps.invoice] // 100,
        "whole_amount_days_late": own["amount"][steps.invoice] // 100 * capped,
        **{f"weekday_{number}": (day == number).astype(np.int64) for number in range(7)},
    }
    return Events(own["customer"][steps.invoice], steps.day, measures, steps.invoice, until)


def paid(history: History) -> Events:
    """The same settlements, counted by period of lateness, weekday and part of the month: a habit's shape."""
    made = settled(history)
    assert made.invoice is not None
    late_days, starts = made.measures["days_late"], history.rule.period_starts
    part = month_part(history.invoices["lateness_from"][made.invoice] + late_days)
    measures = {name: of for name, of in made.measures.items() if name.startswith("weekday_")}
    for kind, of in {"period": np.searchsorted(starts[1:], late_days, side="right"), "part": part}.items():
        measures |= {f"{kind}_{n}": (of == n).astype(np.int8) for n in range(len(starts))}
    return Events(made.customer, made.day, measures, made.invoice, made.until)


def matured(history: History, days: int) -> Events:
    """Verdicts on invoices once `days` after due have passed: late or not, paid or still open.

    Until then an early payer is known and its late sister is not; counting only settled invoices would make
    every customer look better than it is. A payment that we learn of later brings a new verdict.
    """
    own = history.invoices
    limit = own["lateness_from"] + days
    steps = _clipped(history.steps, limit)
    late = (steps.settled_on > limit[steps.invoice]).astype(np.int64)
    begin, until = _runs(steps, np.where(steps.by_credit_alone, -1, late), -1)
    steps = steps.at(begin)
    return Events(own["customer"][steps.invoice], steps.day, {"late": late[begin]}, steps.invoice, until)


def _runs(steps: Steps, said: np.ndarray, nothing: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each invoice begins to say something new (other than `nothing`), and the day until it does."""
    other = (steps.invoice[1:] != steps.invoice[:-1]) | (said[1:] != said[:-1])
    begin = np.flatnonzero(np.append(True, other)[: len(said)])
    follows = np.append(steps.invoice[begin][1:] == steps.invoice[begin][:-1], False)[: len(begin)]
    until = np.where(follows, np.roll(steps.day[begin], -1), NEVER)
    speaks = said[begin] != nothing
    return begin[speaks], until[speaks]


def open_balance(history: History) -> Events:
    """Changes of what is open, from the day each invoice was seen."""
    return _balance_changes(history, history.steps)


def overdue_balance(history: History) -> Events:
    """Changes of what is past its printed due date."""
    return _balance_changes(history, _clipped(history.steps, history.invoices["due_on"]))


def long_overdue_balance(history: History) -> Events:
    """Changes of what is more than 30 days past its printed due date."""
    return _balance_changes(history, _clipped(history.steps, history.invoices["due_on"] + 30))


def _balance_changes(history: History, steps: Steps) -> Events:
    own = history.invoices
    is_open = (steps.settled_on == NEVER).astype(np.int64)
    opened = _changes(steps.invoice, is_open)
    measures = {
        "count": opened,
        "amount": _changes(steps.invoice, steps.balance),
        "due_on": opened * own["due_on"][steps.invoice],
    }
    return Events(own["customer"][steps.invoice], steps.day, measures, steps.invoice)


def overdue_spans(history: History) -> Spans:
    """Overdue invoices by customer, each from the day it fell due to the day we knew it settled."""
    steps = _clipped(history.steps, history.invoices["due_on"])
    begin, end = _runs(steps, (steps.settled_on == NEVER).astype(np.int64), 0)
    invoice, own = steps.invoice[begin], history.invoices
    return Spans(own["customer"][invoice], steps.day[begin], end, own["due_on"][invoice])


def _dated(steps: Steps, day: np.ndarray) -> Steps:
    return Steps(steps.invoice, day, steps.balance, steps.settled_on, steps.by_credit_alone)


def _clipped(steps: Steps, begin: np.ndarray) -> Steps:
    """The steps as seen from day `begin` of each invoice on: the state at its end, then every later change."""
    day = np.maximum(steps.day, begin[steps.invoice])
    same = (steps.invoice[1:] == steps.invoice[:-1]) & (day[1:] == day[:-1])
    return _dated(steps, day).at(~np.append(same, False)[: len(day)])


def _changes(invoice: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Differences of a value within each invoice, from 0 before its first step."""
    same = np.append(False, invoice[1:] == invoice[:-1])[: len(invoice)]
    return values - np.where(same, np.roll(values, 1), 0)
