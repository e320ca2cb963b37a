"""Exposure: what else does this customer owe, and how much of it is overdue?"""

import numpy as np

from features.featureset import feature
from features.history import Past
from features.totals import ratio


@feature(reason="exposure", unit="invoices", says="other open invoices: {value}", fill=0.0)
def open_count(past: Past) -> np.ndarray:
    """Number of the customer's other open invoices."""
    return past.open.count() - past.of("invoice").open.count()


@feature(
    reason="exposure", unit="times", says="owes {value} times its usual monthly invoicing", direction="raises"
)
def open_against_turnover(past: Past) -> np.ndarray:
    """What the customer owes in this currency, as a multiple of its average month of the last half year."""
    account = past.of("account")
    return ratio(6 * account.open.sum("amount"), account.issued.sum("amount", 180))


@feature(
    reason="overdue_balance",
    unit="invoices",
    says="other overdue invoices: {value}",
    direction="raises",
    fill=0.0,
)
def overdue_count(past: Past) -> np.ndarray:
    """Number of the customer's other invoices past their printed due date."""
    return past.overdue.count() - past.of("invoice").overdue.count()


@feature(
    reason="overdue_balance",
    unit="invoices",
    says="other invoices more than 30 days overdue: {value}",
    direction="raises",
    fill=0.0,
)
def long_overdue_count(past: Past) -> np.ndarray:
    """Number of the customer's other invoices more than 30 days past due."""
    return past.long_overdue.count() - past.of("invoice").long_overdue.count()


@feature(
    reason="overdue_balance",
    unit="share",
    says="{value} of its open invoices are overdue",
    direction="raises",
)
def overdue_share(past: Past) -> np.ndarray:
    """Share of the customer's other open invoices that are overdue."""
    return ratio(overdue_count[0].compute(past), open_count[0].compute(past))


@feature(
    reason="overdue_balance",
    unit="share",
    says="{value} of its open amount is overdue",
    direction="raises",
)
def overdue_amount_share(past: Past) -> np.ndarray:
    """Share of the customer's other open amount in this currency that is overdue."""
    account, own = past.of("account"), past.of("invoice")
    overdue = account.overdue.sum("amount") - own.overdue.sum("amount")
    return ratio(overdue, account.open.sum("amount") - own.open.sum("amount"))


@feature(
    reason="overdue_balance",
    unit="days",
    says="its oldest overdue invoice is {value} days past due",
    direction="raises",
    fill=0.0,
)
def oldest_overdue_days(past: Past) -> np.ndarray:
    """Days past due of the customer's oldest overdue invoice."""
    return past.as_of - past.oldest_overdue_due_on()


@feature(
    reason="overdue_balance",
    unit="days",
    says="its overdue invoices are {value} days past due on average",
    direction="raises",
    fill=0.0,
)
def mean_overdue_days(past: Past) -> np.ndarray:
    """Average days past due of the customer's overdue invoices."""
    count = past.overdue.count()
    return ratio(past.as_of * count - past.overdue.sum("due_on"), count)


@feature(
    reason="overdue_balance",
    unit="share",
    says="{value} of what fell due in the last 30 days is still open",
    direction="raises",
)
def unpaid_share_of_recently_due(past: Past) -> np.ndarray:
    """Overdue invoices per invoice that fell due (overdue now) or was settled in the last 30 days."""
    overdue = overdue_count[0].compute(past)
    return ratio(overdue, overdue + np.maximum(past.settled.count(30), 0))


@feature(reason="exposure", unit="share", says="uses {value} of its credit limit", direction="raises")
def limit_utilisation(past: Past) -> np.ndarray:
    """Open amount in this currency over the latest dated credit limit, where that is in the same currency."""
    limits = past.credit_limits
    limit = np.where(limits.latest("unit") == past.invoice.unit, limits.latest("limit"), 0.0)
    return ratio(past.of("account").open.sum("amount"), limit)


@feature(reason="exposure", unit="share", says="is {value} of all open invoices of the book")
def concentration(past: Past) -> np.ndarray:
    """The customer's share of the open invoices of the whole book."""
    return ratio(past.open.count(), past.of("book").open.count())


@feature(reason="exposure", unit="invoices", says="invoices issued to it {period}: {value}", windows=(30, 90))
def issued_count(past: Past, last: int | None) -> np.ndarray:
    """Number of invoices issued to the customer {period}."""
    return past.issued.count(last)


@feature(
    reason="exposure", unit="times", says="was invoiced {value} times its usual pace in the last 30 days"
)
def invoicing_pace(past: Past) -> np.ndarray:
    """Invoices of the last 30 days against the average 30 days of the last half year."""
    return ratio(6 * past.issued.count(30), past.issued.count(180))


@feature(
    reason="exposure",
    unit="invoices",
    says="payments and credits of the last 90 days that belong to no invoice: {value}",
    direction="lowers",
    fill=0.0,
)
def unapplied_count(past: Past) -> np.ndarray:
    """Payments and credits of the last 90 days that belong to no invoice yet."""
    return past.unapplied.count(90)


@feature(
    reason="payment_steadiness",
    unit="payments",
    says="payments returned by the bank in a year: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def bounced_count(past: Past) -> np.ndarray:
    """Payments of the customer that came back in the last year."""
    return past.bounced.count(365)
