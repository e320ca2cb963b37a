"""Who pays otherwise than they used to? Each customer against its own past, with shrinkage.

What is compared are *due weeks*: all invoices of a customer that fell due in one week are one occasion, since they
are paid, or not, together. A week is late where more than half of its money was late. Disputed invoices are left
out: they are late for a reason that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from features.days import NEVER, to_date
from serving.alerts.alert import Alert
from serving.alerts.day import Day
from serving.kpis.dialogue import known_disputes

BOOK_WEEKS = 4.0
"""So many due weeks of the book's are added to a customer's own."""
MOST_DAYS, LEAST_DAYS = 90, -30
"""Days late are capped, so that one forgotten invoice does not make a habit."""
WINDOWS = (1.0, 0.5, 0.25)
"""A sudden stop shows in the latest weeks first: parts of the recent days that are looked at."""
STANDING_SLACK = 2.0
"""An alert that stands is over when not even thresholds so many times lower are met."""
SHOWN = 5
"""Evidence names so many invoices, those with the most money first."""


@dataclass(frozen=True)
class Weeks:
    """Due weeks of customers, sorted by (customer, week); arrays of shape (weeks,)."""

    customer: np.ndarray
    week: np.ndarray
    is_late: np.ndarray
    days_late: np.ndarray
    judged_on: np.ndarray
    """The day on which the last of its invoices could be called late."""
    invoices: np.ndarray
    """Positions of the judged invoices."""
    invoice_week: np.ndarray
    """The place of each judged invoice's week."""


def due_weeks(day: Day, late_after: int, back: int) -> Weeks:
    """Due weeks that could be judged in the `back` days before the day, as known then."""
    books, state = day.books, day.state
    limit = books.lateness_from + late_after
    disputed = np.zeros(len(books), bool)
    disputed[known_disputes(books, day.number).invoice] = True
    rows = np.flatnonzero(
        state.is_known
        & (limit < day.number)
        & (limit >= day.number - back)
        & ~state.by_credit_alone
        & ~disputed
    )
    settled = np.minimum(state.settled_on[rows], day.number)
    late_days = np.clip(settled - books.lateness_from[rows], LEAST_DAYS, MOST_DAYS)
    is_late = state.settled_on[rows] > limit[rows]
    key = (books.customer[rows] << 32) | (books.lateness_from[rows] // 7)
    weeks, place = np.unique(key, return_inverse=True)
    money, many = (
        np.maximum(books.amount[rows], 1).astype(np.float64),
        np.bincount(place, minlength=len(weeks)),
    )
    late_share = np.bincount(place, money * is_late, len(weeks)) / np.bincount(place, money, len(weeks))
    judged = np.zeros(len(weeks), np.int64)
    np.maximum.at(judged, place, limit[rows])
    mean = np.bincount(place, late_days, len(weeks)) / np.maximum(many, 1)
    return Weeks(weeks >> 32, weeks & 0xFFFFFFFF, late_share > 0.5, mean, judged, rows, place)


@dataclass(frozen=True)
class Habit:
    """Late weeks and days late of every customer in its past and recently; arrays of shape (customers,)."""

    weeks: np.ndarray
    late: np.ndarray
    days: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, weeks: Weeks, mask: np.ndarray, customers: int) -> Habit:
        who, days = weeks.customer[mask], weeks.days_late[mask]
        measures = (np.ones(len(who)), weeks.is_late[mask].astype(float), days, days**2)
        return cls(*(np.bincount(who, measure, customers) for measure in measures))

    def late_share(self, book: float) -> np.ndarray:
        """Late share drawn towards the book's."""
        return (self.late + BOOK_WEEKS * book) / (self.weeks + BOOK_WEEKS)


def behaviour_changes(day: Day) -> list[Alert]:
    """Good customers whose recent due weeks are late far more often than their own past would have it."""
    rule = day.settings.of("behaviour_change")
    if rule is None:
        return []
    number = rule.numbers
    weeks = due_weeks(day, day.late_after, int(number["past_days"] + number["recent_days"]))
    alerts: dict[int, Alert] = {}
    for part in WINDOWS:
        recent = weeks.judged_on >= day.number - number["recent_days"] * part
        past, now = (Habit.of(weeks, mask, day.customers) for mask in (~recent, recent))
        for customer in np.flatnonzero(_has_changed(day, past, now, number)).tolist():
            if customer not in alerts:
                alerts[customer] = _stopped(day, weeks, recent, past, now, customer)
    return [alerts[customer] for customer in sorted(alerts)]


def _has_changed(day: Day, past: Habit, now: Habit, number: Mapping[str, float]) -> np.ndarray:
    """Which good customers with overdue money were late more often now than chance would have it."""
    usual = past.late_share(past.late.sum() / max(past.weeks.sum(), 1))
    share = (now.late + BOOK_WEEKS / 2 * usual) / (now.weeks + BOOK_WEEKS / 2)
    is_good = (past.weeks >= number["fewest_weeks_before"]) & (
        past.late <= number["most_late_before"] * past.weeks
    )
    # What stands needs clearly better weeks to be over, so that an alert does not come and go.
    slack = np.where(day.stood("behaviour_change"), STANDING_SLACK, 1.0)
    chance = binom.sf(now.late - 1, now.weeks.astype(int), usual) * len(WINDOWS)
    changed = is_good & (now.late >= number["fewest_late_weeks"]) & (chance <= number["chance"] * slack**4)
    return changed & (share - usual >= number["least_rise"] / slack) & day.owes


def _stopped(day: Day, weeks: Weeks, recent: np.ndarray, past: Habit, now: Habit, customer: int) -> Alert:
    late, of = int(now.late[customer]), int(now.weeks[customer])
    before, weeks_before = int(past.late[customer]), int(past.weeks[customer])
    sentence = (
        f"{late} of its last {of} due weeks were paid late or not yet, against {before} of {weeks_before} in the "
        "year before: a good customer that pays otherwise has a reason. Call as a partner and ask how things are."
    )
    old, new = round(before / weeks_before, 4), round(late / of, 4)
    evidence = _late_invoices(day, weeks, recent, customer)
    return day.alert("behaviour_change", customer, old, new, sentence, evidence)


def _late_invoices(day: Day, weeks: Weeks, among: np.ndarray, customer: int) -> list[dict[str, object]]:
    chosen = weeks.invoices[(among & weeks.is_late & (weeks.customer == customer))[weeks.invoice_week]]
    chosen = chosen[np.argsort(-day.books.amount[chosen], kind="stable")][:SHOWN]
    return [day.invoice_row(int(row)) for row in chosen]


def slower_payers(day: Day, already: set[str | None]) -> list[Alert]:
    """Customers whose recent days late lie far above their own past, measured by their own spread."""
    rule = day.settings.of("slower_than_usual")
    if rule is None:
        return []
    number = rule.numbers
    weeks = due_weeks(day, day.late_after, int(number["past_days"] + number["recent_days"]))
    recent = weeks.judged_on >= day.number - number["recent_days"]
    past, now = (Habit.of(weeks, mask, day.customers) for mask in (~recent, recent))
    rise, error = _rise(past, now)
    changed = (
        (past.weeks >= number["fewest_weeks_before"])
        & (now.weeks >= number["fewest_weeks_now"])
        & day.has_open
    )
    slack = np.where(day.stood("slower_than_usual"), STANDING_SLACK, 1.0)
    changed &= (rise >= number["least_days"] / slack) & (rise >= number["least_score"] * error / slack)
    alerts = []
    for customer in np.flatnonzero(changed).tolist():
        if day.name(customer) in already:
            continue
        old, new = (round(float(h.days[customer] / h.weeks[customer]), 1) for h in (past, now))
        sentence = (
            f"Recent due weeks were paid {new:.0f} days late on average, open ones counted up to today, against "
            f"{old:.0f} in the year before. Ask whether anything has changed in the way our invoices are handled."
        )
        alerts.append(
            day.alert(
                "slower_than_usual",
                customer,
                old,
                new,
                sentence,
                _late_invoices(day, weeks, recent, customer),
            )
        )
    return alerts


def _rise(past: Habit, now: Habit) -> tuple[np.ndarray, np.ndarray]:
    """Rise of mean days late with the recent mean drawn towards the past one, and its standard error."""
    weeks_before, weeks_now = np.maximum(past.weeks, 1), np.maximum(now.weeks, 1)
    mean = past.days / weeks_before
    spread = np.maximum(past.squares - past.weeks * mean**2, 0)
    pooled = spread.sum() / max(float((past.weeks - 1).clip(min=0).sum()), 1.0)
    variance = (spread + BOOK_WEEKS * pooled) / (np.maximum(past.weeks - 1, 0) + BOOK_WEEKS)
    rise = (now.days / weeks_now - mean) * now.weeks / (now.weeks + 1)
    return rise, np.sqrt(np.maximum(variance, 1.0) * (1 / weeks_now + 1 / weeks_before))


def first_late_payments(day: Day, already: set[str | None]) -> list[Alert]:
    """Customers without a late due week so far that now have a late open invoice."""
    rule = day.settings.of("first_late_payment")
    if rule is None:
        return []
    number = rule.numbers
    late_from = day.books.lateness_from + number["days_late"]
    newly = day.state.is_open & (late_from < day.number) & (late_from >= day.number - number["stands_days"])
    newly &= ~day.is_disputed
    weeks = due_weeks(day, day.late_after, int(number["past_days"]))
    begins = np.full(day.customers, NEVER)
    np.minimum.at(begins, day.books.customer[newly], day.books.lateness_from[newly])
    before = weeks.week * 7 + 6 < begins[weeks.customer]
    past = Habit.of(weeks, before, day.customers)
    good = (past.weeks >= number["fewest_weeks_before"]) & (past.late == 0) & (begins < NEVER)
    alerts = []
    for customer in np.flatnonzero(good).tolist():
        if day.name(customer) in already:
            continue
        rows = np.flatnonzero(newly & (day.books.customer == customer))
        first = int(rows[np.argmin(day.books.lateness_from[rows])])
        sentence = (
            f"Its first late invoice after {int(past.weeks[customer])} due weeks without one, due on "
            f"{to_date(int(day.books.due_on[first]))}: ask kindly whether it has arrived and is in order."
        )
        evidence = [day.invoice_row(int(row)) for row in rows[:SHOWN]]
        alerts.append(
            day.alert("first_late_payment", customer, 0, len(rows), sentence, evidence, invoice=first)
        )
    return alerts
