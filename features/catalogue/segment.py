"""Segment: how do comparable customers pay, as of that day?"""

import numpy as np

from features.catalogue.habit import book_late_rate
from features.featureset import feature
from features.history import Past

PRIOR_INVOICES = 50


def _segment_rate(past: Past, segment: str) -> np.ndarray:
    """Late share of a segment in the last year, drawn towards the book's while the segment is small."""
    window = past.of(segment).matured
    prior = book_late_rate(past)
    return (window.sum("late", 365) + PRIOR_INVOICES * prior) / (
        np.maximum(window.count(365), 0) + PRIOR_INVOICES
    )


@feature(
    reason="country", unit="share", says="{value} of invoices in its country are late", direction="raises"
)
def country_late_share(past: Past) -> np.ndarray:
    """Late share of the customer's country in the last year, weighed against the book's."""
    return _segment_rate(past, "country")


@feature(
    reason="industry", unit="share", says="{value} of invoices in its industry are late", direction="raises"
)
def industry_late_share(past: Past) -> np.ndarray:
    """Late share of the customer's industry in the last year, weighed against the book's."""
    return _segment_rate(past, "industry")


@feature(
    reason="division", unit="share", says="{value} of this division's invoices are late", direction="raises"
)
def division_late_share(past: Past) -> np.ndarray:
    """Late share of the invoice's division in the last year, weighed against the book's."""
    return _segment_rate(past, "division")


@feature(
    reason="industry",
    unit="share",
    says="{value} of invoices of its kind of debtor are late",
    direction="raises",
)
def debtor_type_late_share(past: Past) -> np.ndarray:
    """Late share of the customer's kind (company, sole trader, public body), weighed against the book's."""
    return _segment_rate(past, "debtor_type")


@feature(reason="market", unit="share", says="{value} of all invoices are late", direction="raises")
def book_late_share(past: Past) -> np.ndarray:
    """Late share of the whole book in the last 60 days."""
    return past.of("book").matured.mean("late", 60)


@feature(reason="market", unit="days", says="the whole book pays {value} days after due", direction="raises")
def book_days_late(past: Past) -> np.ndarray:
    """Average days late of the whole book in the last 30 days: is everybody slower?"""
    return past.of("book").settled.mean("days_late", 30)
