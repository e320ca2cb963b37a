"""What does the supplier know about its customers as such? Master data, credit reports, exchange rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calendar import Period
from .credit import credit_reports, limit_reviews
from .customers import BASE_CURRENCY, Customer, Group
from .names import unique_names

RATES = {"CHF": 1.05, "GBP": 1.17, "USD": 0.91}  # euros for one unit, where the walk begins


def master_tables(
    customers: list[Customer], groups: list[Group], period: Period, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Customers with their dated credit limits, credit reports and exchange rates, as text."""
    reports = [credit_reports(customer, period, rng) for customer in customers]
    reported = pd.concat(reports, ignore_index=True)
    return {
        "customers": customers_table(customers, groups, period, rng),
        "credit_reports": reported.sort_values(["reported_on", "customer_id"], ignore_index=True),
        "exchange_rates": exchange_rates(period, rng),
    }


def customers_table(
    customers: list[Customer], groups: list[Group], period: Period, rng: np.random.Generator
) -> pd.DataFrame:
    """One row per customer and credit limit; parents of groups buy nothing themselves."""
    holdings = unique_names([f"{group.place} Group Holding" for group in groups])
    names = unique_names([customer.name for customer in customers])
    rows = [
        {"customer_id": group.parent_id, "name": holding, "debtor_type": "company"}
        for group, holding in zip(groups, holdings, strict=True)
    ]
    for customer, name in zip(customers, names, strict=True):
        for known_on, limit in limit_reviews(customer, period, rng):
            rows.append(customer_row(customer, name) | {"credit_limit": limit, "known_on": known_on})
    return pd.DataFrame(rows, columns=list(rows[-1]), dtype=str).fillna("")


def customer_row(customer: Customer, name: str) -> dict[str, str]:
    """What is on file about a customer."""
    return {
        "customer_id": customer.customer_id,
        "name": name,
        "parent_id": customer.parent_id,
        "debtor_type": customer.debtor_type,
        "country": customer.country,
        "industry": customer.industry,
        "customer_since": str(customer.since),
        "credit_limit": "",
        "terms_days": str(customer.terms_days),
        "owner": customer.owner,
        "key_account": str(customer.key_account).lower(),
        "channel": customer.channel,
        "terms_accepted_on": str(customer.since),
        "known_on": "",
    }


def exchange_rates(period: Period, rng: np.random.Generator) -> pd.DataFrame:
    """Euros for one unit of each foreign currency, on the first of every month."""
    months = period.dates[(period.day_of_month == 1) & (np.arange(period.never + 1) <= period.last)]
    walks = {
        currency: start * np.exp(np.cumsum(rng.normal(0, 0.012, len(months))))
        for currency, start in RATES.items()
    }
    return pd.DataFrame(
        [
            (currency, BASE_CURRENCY, str(month), f"{rate:.5f}", str(month))
            for currency, walk in walks.items()
            for month, rate in zip(months, walk, strict=True)
        ],
        columns=["currency", "base_currency", "rated_on", "rate", "known_on"],
        dtype=str,
    )
