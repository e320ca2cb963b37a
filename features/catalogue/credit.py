"""Credit: what do credit reports say, and how long and well do we know this customer?"""

import numpy as np

from features.featureset import feature
from features.history import Past


@feature(reason="credit_report", unit="points", says="its latest credit score is {value}", direction="lowers")
def credit_score(past: Past) -> np.ndarray:
    """Latest credit report score known before the as-of day."""
    return past.credit_reports.latest("score") / 100


@feature(reason="credit_report", unit="points", says="its credit score moved by {value}", direction="lowers")
def credit_score_change(past: Past) -> np.ndarray:
    """Latest credit report score less the one before."""
    return (past.credit_reports.latest("score") - past.credit_reports.latest("score", back=1)) / 100


@feature(reason="credit_report", unit="days", says="its latest credit report is {value} days old")
def credit_report_age(past: Past) -> np.ndarray:
    """Days since the latest credit report."""
    return past.credit_reports.days_since()


@feature(reason="relationship", unit="invoices", says="settled invoices known: {value}", fill=0.0)
def settled_count(past: Past) -> np.ndarray:
    """Number of the customer's settled invoices: how much evidence there is."""
    return past.settled.count()


@feature(reason="relationship", unit="invoices", says="invoices whose outcome is known: {value}", fill=0.0)
def matured_count(past: Past) -> np.ndarray:
    """Number of the customer's invoices whose verdict is known."""
    return past.matured.count()


@feature(reason="relationship", unit="days", says="has been a customer for {value} days")
def tenure_days(past: Past) -> np.ndarray:
    """Days since the customer's first invoice."""
    return past.issued.days_since_first()


@feature(reason="relationship", unit="days", says="was last invoiced {value} days ago")
def days_since_invoice(past: Past) -> np.ndarray:
    """Days since the customer's last invoice that the book held."""
    return past.issued.days_since()
