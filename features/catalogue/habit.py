"""Habit: how late does this customer usually pay, how steadily, and is it changing?"""

import numpy as np

from features.featureset import feature
from features.history import Past
from features.totals import Window, ratio

WINDOWS = (30, 90, 180, 365, None)
COMMON_RATES = {"matured": 0.1, "matured_30": 0.03, "matured_90": 0.01}
"""Where a book without any verdict starts; twenty verdicts weigh as much."""
PRIOR_INVOICES = 8
"""A customer's own late rate counts as much as the book's once this many invoices are known."""


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its invoices were paid late {period}",
    direction="raises",
    windows=WINDOWS,
)
def late_share(past: Past, last: int | None) -> np.ndarray:
    """Share of the customer's invoices that were late, of those whose verdict fell {period}."""
    return past.matured.mean("late", last)


def book_late_rate(past: Past, verdicts: str = "matured") -> np.ndarray:
    """Late rate of the whole book in the last year, started from what is common until the book has verdicts."""
    book: Window = getattr(past.of("book"), verdicts)
    return (book.sum("late", 365) + 20 * COMMON_RATES[verdicts]) / (np.maximum(book.count(365), 0) + 20)


def _smoothed(late: np.ndarray, count: np.ndarray, prior: np.ndarray) -> np.ndarray:
    return (late + PRIOR_INVOICES * prior) / (np.maximum(count, 0) + PRIOR_INVOICES)


def _own_rate(past: Past, verdicts: str) -> np.ndarray:
    own: Window = getattr(past, verdicts)
    return _smoothed(own.sum("late"), own.count(), book_late_rate(past, verdicts))


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its invoices are late, weighed against the whole book",
    direction="raises",
    monotone=True,
)
def late_rate(past: Past) -> np.ndarray:
    """The customer's own late rate, drawn towards the book's while the customer is little known."""
    return _own_rate(past, "matured")


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its invoices are more than 30 days late, weighed against the whole book",
    direction="raises",
    monotone=True,
)
def late_rate_of_30(past: Past) -> np.ndarray:
    """The customer's own rate of more than 30 days late, drawn towards the book's."""
    return _own_rate(past, "matured_30")


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its invoices are more than 90 days late, weighed against the whole book",
    direction="raises",
    monotone=True,
)
def late_rate_of_90(past: Past) -> np.ndarray:
    """The customer's own rate of more than 90 days late, drawn towards the book's."""
    return _own_rate(past, "matured_90")


def _goes_on(past: Past, shorter: str, longer: str) -> np.ndarray:
    """Of the invoices late by the shorter measure, the share late by the longer, drawn towards the book's."""
    book, own = past.of("book"), past
    prior = (getattr(book, longer).sum("late") + 0.5) / (
        np.maximum(getattr(book, shorter).sum("late"), 0) + 2.0
    )
    late = np.maximum(getattr(own, shorter).sum("late"), 0)
    return np.clip((getattr(own, longer).sum("late") + 4 * np.minimum(prior, 1.0)) / (late + 4), 0.0, 1.0)


@feature(
    reason="days_late_habit",
    unit="share",
    says="{value} of its late invoices went past 30 days, weighed against the whole book",
    direction="raises",
)
def late_goes_past_30(past: Past) -> np.ndarray:
    """Share of the customer's late invoices that were more than 30 days late, drawn towards the book's."""
    return _goes_on(past, "matured", "matured_30")


@feature(
    reason="days_late_habit",
    unit="share",
    says="{value} of its invoices more than 30 days late went past 90, weighed against the whole book",
    direction="raises",
)
def late_goes_past_90(past: Past) -> np.ndarray:
    """Share of the customer's invoices past 30 days that went past 90, drawn towards the book's."""
    return _goes_on(past, "matured_30", "matured_90")


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its latest invoices are late, weighed against its own past",
    direction="raises",
    monotone=True,
)
def late_rate_recent(past: Past) -> np.ndarray:
    """Late rate of the last 90 days, drawn towards the customer's own all-time rate."""
    return _smoothed(past.matured.sum("late", 90), past.matured.count(90), late_rate[0].compute(past))


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of invoices were more than 30 days late {period}",
    direction="raises",
    windows=(365, None),
)
def share_30_late(past: Past, last: int | None) -> np.ndarray:
    """Share of the customer's invoices more than 30 days late, of those whose verdict fell {period}."""
    return past.matured_30.mean("late", last)


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of invoices were more than 90 days late {period}",
    direction="raises",
    windows=(None,),
)
def share_90_late(past: Past, last: int | None) -> np.ndarray:
    """Share of the customer's invoices more than 90 days late, of those whose verdict fell {period}."""
    return past.matured_90.mean("late", last)


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of payments {period} came after the due date",
    direction="raises",
    windows=WINDOWS,
)
def past_due_share(past: Past, last: int | None) -> np.ndarray:
    """Share of invoices settled {period} that were paid after due at all."""
    return past.settled.mean("past_due", last)


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of payments {period} came more than 15 days late",
    direction="raises",
    windows=(90, 365),
)
def slow_share(past: Past, last: int | None) -> np.ndarray:
    """Share of invoices settled {period} that were paid more than 15 days late."""
    return past.settled.mean("slow", last)


@feature(
    reason="days_late_habit",
    unit="days",
    says="pays {value} days after due on average {period}",
    direction="raises",
    windows=WINDOWS,
)
def mean_days_late(past: Past, last: int | None) -> np.ndarray:
    """Average days late of invoices settled {period}."""
    return past.settled.mean("days_late", last)


@feature(
    reason="days_late_habit",
    unit="days",
    says="takes {value} days to pay on average {period}",
    direction="raises",
    windows=(90, None),
)
def mean_days_to_pay(past: Past, last: int | None) -> np.ndarray:
    """Average days from issue to settlement of invoices settled {period}."""
    return past.settled.mean("days_to_pay", last)


@feature(
    reason="days_late_habit",
    unit="days",
    says="would pay {value} days after due if it took as long as it usually takes",
    direction="raises",
    windows=(90, None),
)
def usual_days_beyond_terms(past: Past, last: int | None) -> np.ndarray:
    """Average days to pay of invoices settled {period}, less the terms of this invoice."""
    return past.settled.mean("days_to_pay", last) - past.invoice.terms_days


@feature(
    reason="days_late_habit",
    unit="days",
    says="weighed by amount, pays {value} days after due",
    direction="raises",
    windows=(365,),
)
def days_beyond_terms(past: Past, last: int | None) -> np.ndarray:
    """DBT: amount-weighted days late of invoices in this currency settled {period}."""
    return past.of("account").settled.mean("whole_amount_days_late", last, per="whole_amount")


@feature(
    reason="days_late_habit",
    unit="share",
    says="{value} of payments {period} came more than five days early",
    direction="lowers",
    windows=(90, 365),
)
def early_share(past: Past, last: int | None) -> np.ndarray:
    """Share of invoices settled {period} that were paid more than five days before due."""
    return past.settled.mean("early", last)


@feature(
    reason="recent_payments",
    unit="share",
    says="{value} of its last 3 invoices were paid late",
    direction="raises",
)
def late_share_last_3(past: Past) -> np.ndarray:
    """Share late among the customer's last 3 verdicts."""
    return past.matured.recent("late", 3)


@feature(
    reason="recent_payments",
    unit="share",
    says="{value} of its last 12 invoices were paid late",
    direction="raises",
)
def late_share_last_12(past: Past) -> np.ndarray:
    """Share late among the customer's last 12 verdicts."""
    return past.matured.recent("late", 12)


@feature(
    reason="recent_payments",
    unit="days",
    says="its last payment came {value} days after due",
    direction="raises",
)
def last_days_late(past: Past) -> np.ndarray:
    """Days late of the invoice settled last."""
    return past.settled.latest("days_late")


@feature(
    reason="recent_payments",
    unit="days",
    says="its last 3 payments came {value} days after due on average",
    direction="raises",
)
def mean_days_late_last_3(past: Past) -> np.ndarray:
    """Average days late of the 3 invoices settled last."""
    return past.settled.recent("days_late", 3)


@feature(
    reason="recent_payments",
    unit="days",
    says="its last 12 payments came {value} days after due on average",
    direction="raises",
)
def mean_days_late_last_12(past: Past) -> np.ndarray:
    """Average days late of the 12 invoices settled last."""
    return past.settled.recent("days_late", 12)


@feature(
    reason="payment_trend",
    unit="days",
    says="pays {value} days later over the last 90 days than it did in the year before",
    direction="raises",
)
def days_late_trend(past: Past) -> np.ndarray:
    """Average days late over the last 90 days less that of the 275 days before: the customer's own change."""
    recent, year = past.settled.sum("days_late", 90), past.settled.sum("days_late", 365)
    recent_count, year_count = past.settled.count(90), past.settled.count(365)
    return ratio(recent, recent_count) - ratio(year - recent, year_count - recent_count)


@feature(
    reason="payment_trend",
    unit="days",
    says="pays {value} days later over the last 30 days than it did in the five months before",
    direction="raises",
)
def days_late_trend_30(past: Past) -> np.ndarray:
    """Average days late over the last 30 days less that of the 150 days before."""
    recent, half = past.settled.sum("days_late", 30), past.settled.sum("days_late", 180)
    recent_count, half_count = past.settled.count(30), past.settled.count(180)
    return ratio(recent, recent_count) - ratio(half - recent, half_count - recent_count)


@feature(
    reason="payment_trend",
    unit="share",
    says="its late share changed by {value} against its own past",
    direction="raises",
)
def late_share_trend(past: Past) -> np.ndarray:
    """Share late over the last 90 days less that of all time before."""
    recent, ever = past.matured.sum("late", 90), past.matured.sum("late")
    recent_count, ever_count = past.matured.count(90), past.matured.count()
    return ratio(recent, recent_count) - ratio(ever - recent, ever_count - recent_count)


@feature(
    reason="payment_steadiness",
    unit="days",
    says="its payments scatter by {value} days {period}",
    windows=(90, 365),
)
def days_late_spread(past: Past, last: int | None) -> np.ndarray:
    """Standard deviation of days late of invoices settled {period}."""
    return past.settled.spread("days_late", last)


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of invoices in this division were late",
    direction="raises",
)
def late_share_with_division(past: Past) -> np.ndarray:
    """Share late of the customer's invoices from the same division."""
    return past.of("customer_division").matured.mean("late")


@feature(
    reason="late_payment_habit",
    unit="share",
    says="{value} of its invoices with such terms were late",
    direction="raises",
)
def late_share_same_terms(past: Past) -> np.ndarray:
    """Share late of the customer's invoices with the same terms."""
    return past.of("customer_terms").matured.mean("late")


@feature(
    reason="days_late_habit",
    unit="days",
    says="pays invoices with such terms {value} days after due",
    direction="raises",
)
def mean_days_late_same_terms(past: Past) -> np.ndarray:
    """Average days late of the customer's invoices with the same terms."""
    return past.of("customer_terms").settled.mean("days_late")


@feature(
    reason="days_late_habit",
    unit="days",
    says="pays invoices of about this size {value} days after due",
    direction="raises",
)
def mean_days_late_same_size(past: Past) -> np.ndarray:
    """Average days late of the customer's invoices of the same size (octaves of the amount)."""
    return past.of("customer_size").settled.mean("days_late")
