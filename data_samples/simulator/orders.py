"""What does a customer buy, and when is it invoiced?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calendar import Days, Flags, Period, working_days
from .customers import DIVISIONS, SUPPLIER_COUNTRY, Customer

MISSING_PURCHASE_ORDER = 0.08
INVOICED_LATE = {
    "Parts": 0.04,
    "Service": 0.12,
    "Projects": 0.22,
}  # chance of weeks between delivery and invoice


@dataclass(frozen=True)
class Invoices:
    """The invoices of one customer in order of issue: columns of equal length, days as numbers."""

    delivered: Days
    issued: Days
    due: Days
    rolled_due: Days
    amount: np.ndarray
    """in minor units of the customer's currency"""
    division: np.ndarray
    """index into `DIVISIONS`"""
    purchase_order: np.ndarray
    """number, 0 where the invoice carries none"""
    order_is_missing: Flags
    """the customer insists on a purchase order and the invoice carries none"""
    relative_size: np.ndarray
    """logarithm of the amount against the customer's typical one"""
    strain: np.ndarray
    """of the customer, on the day of issue"""
    number: np.ndarray
    """0 for the customer's first invoice"""

    def __len__(self) -> int:
        return len(self.issued)

    def rows(self, start: int, stop: int) -> Invoices:
        """Some of the invoices, by position."""
        return Invoices(**{column: values[start:stop] for column, values in vars(self).items()})


def expected_orders(customer: Customer, period: Period) -> np.ndarray:
    """The expected number of orders for every day of the book, after the customer's rhythm and health."""
    last = period.last + 1
    if customer.rhythm == "weekly":
        daily = (period.weekday[:last] == customer.order_day) * customer.invoices_a_month / 4.35
    elif customer.rhythm == "monthly":
        daily = (period.day_of_month[:last] == customer.order_day) * customer.invoices_a_month
    else:
        daily = np.full(last, customer.invoices_a_month / 30.4)
    seasonal = 0.25 * np.cos((period.month[:last] - customer.payer.bad_month) / 6 * np.pi + np.pi)
    healthy = np.clip(1 - np.maximum(customer.strain - 3, 0) / 5, 0.1, 1)
    active = np.arange(last) >= max(customer.joined, period.first - 30)
    return np.asarray(daily * (1 + seasonal) * healthy * active)


def invoicing_lag(division: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Days from delivery to invoice: mostly none or a few, sometimes weeks."""
    late = rng.random(len(division)) < np.array([INVOICED_LATE[name] for name in DIVISIONS])[division]
    return np.where(late, rng.integers(6, 25, len(division)), rng.integers(0, 3, len(division)))


def due_days(customer: Customer, issued: Days, period: Period, rng: np.random.Generator) -> Days:
    """The printed due dates: the customer's terms, now and then others."""
    other = rng.random(len(issued)) < 0.03
    terms = np.where(other, rng.choice([7, 14, 30, 60], len(issued)), customer.terms_days)
    due = issued + terms
    if jitter := customer.market.terms_jitter:
        due = np.maximum(due + rng.integers(-jitter, jitter + 1, len(issued)), issued)
    return np.where(customer.to_month_end & ~other, period.month_end[due], due).astype(np.int32)


def amounts(customer: Customer, count: int, rng: np.random.Generator) -> np.ndarray:
    """Amounts in minor units: typical of the customer, with a heavy upper tail."""
    usual = np.exp(rng.normal(0, customer.amount_spread, count))
    projects = np.where(rng.random(count) < 0.03, 1 + rng.pareto(1.8, count), 1.0)
    if customer.market.standing_orders:
        repeats = np.flatnonzero(rng.random(count) < customer.market.standing_orders)
        usual[repeats], projects[repeats] = rng.choice([0.3, 0.8, 1.5], len(repeats)), 1.0
    return np.maximum(np.round(100 * customer.typical_amount * usual * projects), 500).astype(np.int64)


def drawn_invoices(customer: Customer, period: Period, rng: np.random.Generator) -> Invoices:
    """Every invoice the customer is sent within the book."""
    works = working_days(period, SUPPLIER_COUNTRY)
    ordered = np.repeat(np.arange(period.last + 1), rng.poisson(expected_orders(customer, period)))
    mix = [DIVISIONS.index(name) for name in customer.divisions]
    division = rng.choice(mix, len(ordered)) if len(ordered) else np.zeros(0, dtype=int)
    invoiced = ordered + invoicing_lag(division, rng)
    issued = invoiced.astype(np.int32) if customer.market.invoices_any_day else works[invoiced]
    kept = np.flatnonzero((issued >= period.first) & (issued <= period.last))
    kept = kept[np.argsort(issued[kept], kind="stable")]
    issued, division, delivered = issued[kept], division[kept], ordered[kept].astype(np.int32)
    count = len(kept)
    due = due_days(customer, issued, period, rng)
    amount = amounts(customer, count, rng)
    missing = rng.random(count) < MISSING_PURCHASE_ORDER
    quoted = ~missing & (customer.needs_purchase_order | (rng.random(count) < 0.25))
    return Invoices(
        delivered=delivered,
        issued=issued,
        due=due,
        rolled_due=working_days(period, customer.country)[due],
        amount=amount,
        division=division,
        purchase_order=np.where(quoted, rng.integers(10_000, 99_999, count), 0),
        order_is_missing=missing & customer.needs_purchase_order,
        relative_size=np.clip(np.log(amount / (100 * customer.typical_amount)), -2, 2.5),
        strain=customer.strain[issued],
        number=np.arange(count),
    )
