"""When does money come from a customer, and what of it belongs to no invoice yet?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.days import day_numbers
from features.events.event import Events, concatenated, of_customers
from features.events.invoices import MOST_DAYS_LATE

if TYPE_CHECKING:
    from features.history import History


def payment_days(history: History) -> Events:
    """Days on which we learned of money from a customer, with the days since the one before."""
    table = _understood(history, "payments")
    table = table[table["amount"] > 0]
    day = np.maximum(day_numbers(table["paid_on"]), day_numbers(table["known_on"]))
    pairs = np.unique(np.stack([history.customer_codes(table["customer_id"]), day]), axis=1)
    customer, day = pairs[:, pairs[0] >= 0]
    same = np.append(False, customer[1:] == customer[:-1])[: len(customer)]
    gap = np.where(same, np.diff(day, prepend=0), 0)
    capped = np.minimum(gap, MOST_DAYS_LATE)
    measures = {"has_gap": same.astype(np.int64), "gap": capped}
    return Events(customer, day, measures)


def bounced(history: History) -> Events:
    """Payments that came back."""
    table = _understood(history, "payments")
    return of_customers(history, table[table["amount"] < 0], "paid_on", {})


def credited(history: History) -> Events:
    """Credit notes."""
    return of_customers(history, _understood(history, "credit_notes"), "credited_on", {})


def _understood(history: History, name: str) -> pd.DataFrame:
    """Payments or credit notes on account or of an invoice that is there.

    One that names an invoice still to come says nothing until then, whoever else it names: else the arrival
    of the invoice would change what its customer's past looked like.
    """
    table = history.tables[name]
    named = table["invoice_id"].notna().to_numpy()
    return table[~named | (history.positions_of(table["invoice_id"]) >= 0)]


def unapplied(history: History) -> Events:
    """Money and credits on the account that belong to no invoice yet."""
    parts = []
    for name, dated in (("payments", "paid_on"), ("credit_notes", "credited_on")):
        table = history.tables[name]
        loose = table[table["invoice_id"].isna()]
        parts.append(of_customers(history, loose, dated, {"amount": loose["amount"].to_numpy(np.int64)}))
    return concatenated(parts)
