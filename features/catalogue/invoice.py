"""This invoice: how does it differ from the customer's usual ones, and where does it stand today?"""

import numpy as np

from features.days import day_of_month, days_to_month_end, weekday
from features.featureset import feature
from features.history import Past
from features.totals import ratio


@feature(reason="invoice_amount", unit="log amount", says="the invoice is over {value}")
def log_amount(past: Past) -> np.ndarray:
    """Natural logarithm of the invoice amount in currency units."""
    return _log_minor(past) - np.log(past.invoice.minor_units)


def _log_minor(past: Past) -> np.ndarray:
    return np.log(np.maximum(past.invoice.amount, 1))


@feature(
    reason="invoice_amount",
    unit="log ratio",
    says="the invoice is {value} times the customer's usual one",
)
def amount_against_usual(past: Past) -> np.ndarray:
    """Logarithm of the amount over the customer's geometric mean amount in this currency."""
    return _log_minor(past) - past.of("account").issued.mean("log_amount", 365) / 1000


@feature(
    reason="invoice_amount",
    unit="deviations",
    says="the amount is {value} standard deviations from usual",
)
def amount_deviation(past: Past) -> np.ndarray:
    """How unusual the amount is for this customer, in standard deviations of its logarithm."""
    spread = past.of("account").issued.spread("log_amount") / 1000
    usual = past.of("account").issued.mean("log_amount") / 1000
    return (_log_minor(past) - usual) / np.maximum(spread, 0.1)


@feature(reason="payment_terms", unit="days", says="the terms are {value} days")
def terms_days(past: Past) -> np.ndarray:
    """Days from issue to the printed due date."""
    return past.invoice.terms_days


@feature(
    reason="payment_terms",
    unit="days",
    says="the terms are {value} days longer than the customer's usual",
    direction="lowers",
)
def terms_against_usual(past: Past) -> np.ndarray:
    """Terms of this invoice less the customer's average terms of the last year."""
    return past.invoice.terms_days - past.issued.mean("terms_days", 365)


@feature(reason="due_date", unit="weekday", says="the invoice is due on a {value}")
def due_weekday(past: Past) -> np.ndarray:
    """Weekday of the printed due date."""
    return past.invoice.due_weekday


@feature(
    reason="due_date",
    unit="days",
    says="the due date moves {value} days to a working day",
)
def due_roll_days(past: Past) -> np.ndarray:
    """Days from the printed due date to the day from which lateness counts: weekends and holidays."""
    return past.invoice.lateness_from - past.invoice.due_on


@feature(reason="due_date", unit="day of month", says="the invoice is due on day {value} of the month")
def due_day_of_month(past: Past) -> np.ndarray:
    """Day of the month of the due date."""
    return day_of_month(past.invoice.due_on)


@feature(reason="due_date", unit="days", says="the due date is {value} days before the end of its month")
def due_to_month_end(past: Past) -> np.ndarray:
    """Days from the due date to the end of its month: statement and month-end habits."""
    return days_to_month_end(past.invoice.due_on)


@feature(reason="due_date", unit="weekday", says="the invoice was issued on a {value}")
def issue_weekday(past: Past) -> np.ndarray:
    """Weekday of the issue date."""
    return weekday(past.invoice.issued_on)


@feature(
    reason="invoicing_quality",
    unit="days",
    says="the invoice went out {value} days after delivery",
    direction="raises",
)
def invoicing_lag(past: Past) -> np.ndarray:
    """Days from delivery to issue; no answer where the delivery day is unknown."""
    delivered = past.invoice.delivered_on
    lag = (past.invoice.issued_on - delivered).astype(np.float64)
    return np.where(delivered <= past.invoice.issued_on, lag, np.nan)


@feature(
    reason="invoicing_quality",
    unit="days",
    says="the invoice was sent {value} days after its date",
    direction="raises",
)
def sending_lag(past: Past) -> np.ndarray:
    """Days from issue to sending; no answer where it was not sent before the as-of day."""
    sent = past.invoice.sent_on
    lag = (sent - past.invoice.issued_on).astype(np.float64)
    return np.where(sent < past.as_of, lag, np.nan)


@feature(
    reason="invoicing_quality",
    unit="share",
    says="without a purchase order, which the customer gives on {value} of invoices",
    direction="raises",
)
def missing_purchase_order(past: Past) -> np.ndarray:
    """The customer's usual share of purchase orders, where this invoice has none; 0 where it has one."""
    usual = past.issued.mean("has_purchase_order")
    return np.where(past.invoice.has_purchase_order == 1, 0.0, np.where(usual > 0, usual, np.nan))


@feature(reason="time_past_due", unit="days", says="the invoice is {value} days past due", direction="raises")
def days_past_due(past: Past) -> np.ndarray:
    """Days from the day lateness starts to the as-of day; negative while not yet due."""
    return past.as_of - past.invoice.lateness_from


@feature(reason="time_past_due", unit="days", says="the invoice is {value} days old")
def age_days(past: Past) -> np.ndarray:
    """Days from issue to the as-of day."""
    return past.invoice.age_days


@feature(
    reason="part_payment",
    unit="share",
    says="{value} of the invoice is already paid",
    direction="lowers",
    fill=0.0,
)
def paid_share(past: Past) -> np.ndarray:
    """Share of the invoice already paid or credited."""
    still_open = past.of("invoice").open.sum("amount")
    paid = 1.0 - ratio(still_open, past.invoice.amount)
    return np.where(past.invoice.is_seen == 1, paid, 0.0)


@feature(
    reason="time_past_due",
    unit="share",
    says="settled {value} of what it owed in the last two weeks",
    direction="raises",
)
def recently_settled_share(past: Past) -> np.ndarray:
    """Invoices settled in the last 14 days, per invoice settled then or open now: does money flow?"""
    count = np.maximum(past.settled.count(14), 0)
    return ratio(count, count + np.maximum(past.open.count(), 0))


@feature(
    reason="invoice_amount",
    unit="share",
    says="{value} of its invoices of exactly this amount were late",
    direction="raises",
)
def late_share_same_amount(past: Past) -> np.ndarray:
    """Share late of the customer's invoices of exactly the same amount: standing orders pay like each other."""
    return past.of("customer_amount").matured.mean("late")


@feature(
    reason="invoice_amount",
    unit="days",
    says="paid invoices of exactly this amount {value} days after due",
    direction="raises",
)
def mean_days_late_same_amount(past: Past) -> np.ndarray:
    """Average days late of the customer's settled invoices of exactly the same amount."""
    return past.of("customer_amount").settled.mean("days_late")


@feature(reason="invoice_amount", unit="invoices", says="earlier invoices of exactly this amount: {value}")
def same_amount_count(past: Past) -> np.ndarray:
    """Number of the customer's earlier invoices of exactly the same amount."""
    return past.of("customer_amount").issued.count() - past.invoice.is_seen


@feature(
    reason="invoice_amount",
    unit="share",
    says="{value} of its last 3 invoices of exactly this amount were late",
    direction="raises",
)
def late_share_same_amount_last_3(past: Past) -> np.ndarray:
    """Share late among the last 3 verdicts on the customer's invoices of exactly the same amount."""
    return past.of("customer_amount").matured.recent("late", 3)
